"""Logins by access token: XOAUTH2, as Google and Microsoft made it, and OAUTHBEARER (RFC 7628)."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from agent.model import FailureKind
from agent.probe.failures import ProbeError
from agent.text import printable_bytes

if TYPE_CHECKING:
    from collections.abc import Container

    from agent.config.endpoint import Endpoint

_LONGEST_REFUSAL = 4000  # characters of base64; what servers say has some two hundred
_STANDARD = "OAUTHBEARER"
MECHANISMS = (_STANDARD, "XOAUTH2")  # the best first
_NO_MECHANISM = "the server offers no login by access token (XOAUTH2 or OAUTHBEARER)"


class Bearer:
    """One login by access token: what the client says in it, in base64 as it crosses the wire.

    `refusal` is what the server said before it refused, usually JSON. Raises ProbeError where
    `offered` has no mechanism that will do; None says that it is not known what is offered.
    """

    def __init__(
        self, user: str, token: str, server: Endpoint, offered: Container[str] | None
    ) -> None:
        usual = ("XOAUTH2",) if offered is None else ()
        known = [each for each in MECHANISMS if each in (offered or usual)]
        if not known:
            raise ProbeError(FailureKind.DENIED, _NO_MECHANISM)
        self.mechanism = known[0]
        self.refusal = ""
        standard = self.mechanism == _STANDARD
        self.message = b64encode(
            _bearer(user, token, server) if standard else _xoauth2(user, token)
        )
        self._unsaid = [self.message, b64encode(b"\1") if standard else b""]

    def say(self) -> bytes:
        """The whole login at once, for servers that take it with the command (RFC 4959)."""
        return self._unsaid.pop(0)

    def answer(self, challenge: bytes) -> bytes:
        """What is said to a challenge: the login, then that a refusal was heard, for it to end.

        Raises ProbeError where the server goes on asking.
        """
        if not self._unsaid:
            raise ProbeError(FailureKind.PROTOCOL, "the server does not end the login")
        if len(self._unsaid) == 1:
            self.refusal = _readable(challenge)
        return self._unsaid.pop(0)


def forms(user: str, token: str, server: Endpoint) -> tuple[str, ...]:
    """The token in every form in which it crosses the wire."""
    said = (_bearer(user, token, server), _xoauth2(user, token))
    return token, *(b64encode(each).decode() for each in said)


def _xoauth2(user: str, token: str) -> bytes:
    """https://developers.google.com/workspace/gmail/imap/xoauth2-protocol."""
    return f"user={user}\1auth=Bearer {token}\1\1".encode()


def _bearer(user: str, token: str, server: Endpoint) -> bytes:
    """RFC 7628, section 3.1, with the user as GS2 has it (RFC 5801, section 4)."""
    name = user.replace("=", "=3D").replace(",", "=2C")
    where = f"host={server.host}\1port={server.port}"
    return f"n,a={name},\1{where}\1auth=Bearer {token}\1\1".encode()


def _readable(challenge: bytes) -> str:
    try:
        return printable_bytes(b64decode(challenge[:_LONGEST_REFUSAL], validate=True))
    except ValueError:
        return printable_bytes(challenge)
