"""The commands that may reach a server: reading ones, enforced below the libraries.

A mailbox is never changed because nothing that could change it gets past this gate, whatever
a library or a crafted name would send.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

IMAP_COMMANDS = frozenset(
    b"CAPABILITY ID STARTTLS LOGIN AUTHENTICATE NAMESPACE LIST STATUS GETQUOTAROOT GETQUOTA "
    b"NOOP LOGOUT".split()
)
POP3_COMMANDS = frozenset(b"CAPA STLS USER PASS APOP AUTH STAT NOOP QUIT".split())

_IMAP_LINE = re.compile(rb"[A-Z]+[0-9]+ ([A-Z]+)(?: [^\r\n\0]*)?")
_POP3_LINE = re.compile(rb"([A-Z]+)(?: [^\r\n\0]*)?")
_SASL_LINE = re.compile(rb"[A-Za-z0-9+/]*={0,2}|\*")  # RFC 4422: base64, or * to cancel


class ForbiddenCommandError(Exception):
    """Something other than a reading command was about to be sent; nothing was."""


class Gate:
    """Lets whole allowed command lines pass, and base64 lines while a login is under way."""

    __slots__ = ("_allowed", "_authenticating", "_line")

    def __init__(self, line: re.Pattern[bytes], allowed: Collection[bytes]) -> None:
        self._line = line
        self._allowed = allowed
        self._authenticating = False

    @classmethod
    def imap(cls) -> Gate:
        """The gate for `TAG COMMAND arguments` (RFC 9051, section 2.2)."""
        return cls(_IMAP_LINE, IMAP_COMMANDS)

    @classmethod
    def pop3(cls) -> Gate:
        """The gate for `COMMAND arguments` (RFC 1939, section 3)."""
        return cls(_POP3_LINE, POP3_COMMANDS)

    def check(self, data: bytes) -> None:
        """Let the data pass, or raise.

        Raises:
            ForbiddenCommandError: it is not one or more whole lines that are allowed.
        """
        if not data.endswith(b"\r\n"):
            raise ForbiddenCommandError("not a whole line")
        for line in data[:-2].split(b"\r\n"):
            self._check_line(line)

    def _check_line(self, line: bytes) -> None:
        if self._authenticating and _SASL_LINE.fullmatch(line):
            return
        found = self._line.fullmatch(line)
        if found is None or found[1] not in self._allowed:
            word = found[1].decode() if found else "a malformed line"
            raise ForbiddenCommandError(f"{word} is no reading command")
        self._authenticating = found[1] in {b"AUTHENTICATE", b"AUTH"}
