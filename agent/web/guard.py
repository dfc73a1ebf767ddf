"""What holds for every answer: headers that keep it out of caches, and the Host check."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HOST = re.compile(r"(?:\[(?P<address>[^\]]*)\]|(?P<name>[^:]*))(?::\d*)?")
_REFUSAL = (
    "This agent listens on a loopback address only, and answers to localhost or to an IP address, "
    "not to other host names.\n"
)


class Guard:
    """Middleware around the application.

    On loopback, a Host that is another name means a web page that had its own name resolve to
    this machine (DNS rebinding) and is refused. Elsewhere the agent is called by names it
    cannot know, such as a container's, and is reachable without that trick anyway.
    """

    def __init__(self, app: ASGIApp, listen_host: str) -> None:
        self._app = app
        self._listen_host = listen_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-store"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        if scope["type"] == "http" and not answers_to(Headers(scope=scope), self._listen_host):
            await PlainTextResponse(_REFUSAL, 421)(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)


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
