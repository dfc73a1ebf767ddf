"""The HTTP endpoints: they show what the agent knows and never touch a mail server."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from agent.metrics.page import blocks
from agent.web.negotiation import OPENMETRICS, TEXT, accepts_gzip, wants_openmetrics
from agent.web.packing import gzipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute


def build(
    render: Callable[[bool], Iterable[bytes]],
    health: Callable[[], Mapping[str, str | None]],
    ready: Callable[[], bool],
    pages: Sequence[BaseRoute],
) -> Starlette:
    """The application.

    Args:
        render: the metrics page in pieces; True asks for OpenMetrics 1.0, `# EOF` included.
        health: each check's problem in one line, None where all is well.
        ready: whether every account has been polled once.
        pages: the routes of everything that is about mailboxes.
    """
    app = Starlette(
        routes=[
            Route("/metrics", partial(_metrics, render)),
            Route("/-/healthy", partial(_healthy, health)),
            Route("/-/ready", partial(_ready, ready)),
            *pages,
        ],
    )
    app.router.redirect_slashes = False
    return app


async def _metrics(render: Callable[[bool], Iterable[bytes]], request: Request) -> Response:
    """The page as it is drawn, a block at a time in a thread, so that no client holds it whole."""
    openmetrics = wants_openmetrics(request.headers.get("accept", ""))
    headers = {"Vary": "Accept, Accept-Encoding"}
    packed = accepts_gzip(request.headers.get("accept-encoding", ""))
    if packed:
        headers["Content-Encoding"] = "gzip"
    page: Iterable[bytes] = () if request.method == "HEAD" else render(openmetrics)
    return StreamingResponse(
        blocks(gzipped(page)) if packed else page,
        headers=headers,
        media_type=OPENMETRICS if openmetrics else TEXT,
    )


async def _healthy(health: Callable[[], Mapping[str, str | None]], _request: Request) -> Response:
    problems = health()
    lines = [f"{check}: {problem or 'ok'}\n" for check, problem in problems.items()]
    return PlainTextResponse("".join(lines), 503 if any(problems.values()) else 200)


async def _ready(ready: Callable[[], bool], _request: Request) -> Response:
    return PlainTextResponse("ready\n") if ready() else PlainTextResponse("not ready\n", 503)
