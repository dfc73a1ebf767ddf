"""Who may see what is behind the lock: certificate, user name and password, and how often."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from agent.web.users import BusyError, Line

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope

    from agent.web.gate import Gate

OPEN = frozenset({"/-/healthy", "/-/ready"})  # to the probes of orchestrators, which know no secret
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="mailbox-agent", charset="UTF-8"'}
_LATER = {"Retry-After": "1"}


class Lock:
    """Refuses what the gate does not allow."""

    def __init__(self) -> None:
        self._line = Line()

    async def refusal(self, gate: Gate, scope: Scope) -> Response | None:
        """The answer to a request that must not reach the application."""
        if scope["path"] in OPEN:
            return None
        if gate.bucket and not gate.bucket.take(time.monotonic()):
            return PlainTextResponse("too many requests\n", 429, _LATER)
        if problem := _missing(gate, scope["state"]["certificate"]):
            return PlainTextResponse(f"{problem}\n", 403)
        try:
            if gate.users is None or await self._is_user(gate, scope):
                return None
        except BusyError:
            return PlainTextResponse("too many logins at once\n", 429, _LATER)
        return PlainTextResponse("user name and password are required\n", 401, _CHALLENGE)

    async def _is_user(self, gate: Gate, scope: Scope) -> bool:
        authorization = Headers(scope=scope).get("authorization", "")
        client = scope["client"][0] if scope["client"] else ""
        return gate.users is not None and await gate.users.admit(authorization, client, self._line)


def _missing(gate: Gate, names: frozenset[str] | None) -> str | None:
    """What the client's certificate lacks, of which `names` is None where it showed none."""
    if gate.needs_certificate and names is None:
        return "a client certificate is required"
    if gate.allowed_names and not gate.allowed_names & (names or frozenset()):
        return "the client certificate has none of the names that are allowed"
    return None
