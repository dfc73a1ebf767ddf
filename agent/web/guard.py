"""What holds for every answer: headers that keep it to whom it is for, Host check and lock."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from agent.web.lock import Lock

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from agent.web.gate import Gate
    from agent.web.keeper import Keeper

_HOST = re.compile(r"(?:\[(?P<address>[^\]]*)\]|(?P<name>[^:]*))(?::\d*)?")
_REFUSAL = (
    "This agent listens on a loopback address only, and answers to localhost or to an IP address, "
    "not to other host names.\n"
)


# What is sent where the application says nothing else, and the web configuration file neither.
_DEFAULTS = {
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class _GoneError(Exception):
    """The client has gone, and nothing more need be made ready for it."""


class Guard:
    """Middleware around the whole application: its errors pass through it too.

    On loopback, a Host that is another name means a web page that had its own name resolve to
    this machine (DNS rebinding) and is refused. Elsewhere the agent is called by names it
    cannot know, such as a container's, and is reachable without that trick anyway.
    """

    def __init__(self, app: ASGIApp, listen_host: str, keeper: Keeper) -> None:
        self._app = app
        self._listen_host = listen_host
        self._keeper = keeper
        self._lock = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        gate = self._keeper.gate()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-store"
                for name, text in _DEFAULTS.items():
                    headers.setdefault(name, text)
                headers.update(gate.headers)
                if scope["state"]["context"] is not gate.context:
                    headers["Connection"] = "close"  # made before the TLS was changed
            if scope["state"]["is_gone"]():
                raise _GoneError
            await send(message)

        answer = await self._refusal(gate, scope) or self._app
        try:
            await answer(scope, receive, send_with_headers)
        except _GoneError:
            while (await receive())["type"] != "http.disconnect":
                pass  # until uvicorn knows too: it complains of an answer that it misses

    async def _refusal(self, gate: Gate, scope: Scope) -> Response | None:
        if not answers_to(Headers(scope=scope), self._listen_host):
            return PlainTextResponse(_REFUSAL, 421)
        return await self._lock.refusal(gate, scope)


def answers_to(headers: Headers, listen_host: str) -> bool:
    """Whether a request with these headers is meant for a server that listens there."""
    if not _is_loopback(listen_host):
        return True
    found = _HOST.fullmatch(headers.get("host", ""))
    if found is None:
        return False
    host = (found["address"] or found["name"] or "").lower()
    return host in {"", "localhost", listen_host.lower()} or _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host.lower() == "localhost" or (
        _is_address(host) and ipaddress.ip_address(host).is_loopback
    )
