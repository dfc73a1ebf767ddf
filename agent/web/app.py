"""The HTTP endpoints: they show what the agent knows and never touch a mail server."""

from __future__ import annotations

import gzip
from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from agent.web import landing
from agent.web.negotiation import OPENMETRICS, TEXT, accepts_gzip, wants_openmetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from agent.metrics import Summary

CHUNK = 256 * 1024  # bytes handed to a connection at a time, so that a slow one buffers no page


def build(
    render: Callable[[bool], bytes],
    health: Callable[[], Mapping[str, str | None]],
    ready: Callable[[], bool],
    summary: Callable[[], Summary],
) -> Starlette:
    """The application.

    Args:
        render: the metrics page; True asks for OpenMetrics 1.0, `# EOF` included.
        health: each check's problem in one line, None where all is well.
        ready: whether every account has been polled once.
        summary: counts for the landing page.
    """
    app = Starlette(
        routes=[
            Route("/", partial(_landing, summary)),
            Route("/metrics", partial(_metrics, render)),
            Route("/-/healthy", partial(_healthy, health)),
            Route("/-/ready", partial(_ready, ready)),
        ],
    )
    app.router.redirect_slashes = False
    return app


async def _metrics(render: Callable[[bool], bytes], request: Request) -> Response:
    """The join takes milliseconds and stays here; gzip takes longer and gets a thread."""
    openmetrics = wants_openmetrics(request.headers.get("accept", ""))
    body = render(openmetrics)
    headers = {"Vary": "Accept, Accept-Encoding"}
    if accepts_gzip(request.headers.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
        body = await anyio.to_thread.run_sync(partial(gzip.compress, body, 1, mtime=0))
    return _Chunked(body, headers=headers, media_type=OPENMETRICS if openmetrics else TEXT)


async def _healthy(health: Callable[[], Mapping[str, str | None]], _request: Request) -> Response:
    problems = health()
    lines = [f"{check}: {problem or 'ok'}\n" for check, problem in problems.items()]
    return PlainTextResponse("".join(lines), 503 if any(problems.values()) else 200)


async def _ready(ready: Callable[[], bool], _request: Request) -> Response:
    return PlainTextResponse("ready\n") if ready() else PlainTextResponse("not ready\n", 503)


async def _landing(summary: Callable[[], Summary], _request: Request) -> Response:
    headers = {"Content-Security-Policy": landing.POLICY}
    return HTMLResponse(landing.page(summary()), headers=headers)


class _Chunked(Response):
    """A response whose sender waits for a slow reader after every chunk."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        for start in range(0, len(self.body), CHUNK):
            chunk = self.body[start : start + CHUNK]
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
