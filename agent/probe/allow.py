"""The commands that may reach a server: reading ones, enforced below the libraries.

A mailbox is never changed because nothing that could change it gets past this gate, whatever
a library or a crafted name would send.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection

IMAP_COMMANDS = frozenset(
    b"CAPABILITY ID STARTTLS LOGIN AUTHENTICATE NAMESPACE LIST XLIST STATUS GETQUOTAROOT GETQUOTA "
    b"EXAMINE NOOP LOGOUT".split()
)
POP3_COMMANDS = frozenset(b"CAPA STLS USER PASS APOP AUTH STAT NOOP QUIT".split())
# What carries no credential, nor asks for anything that needs one.
BEFORE_LOGIN = frozenset(b"CAPABILITY STARTTLS LOGOUT CAPA STLS QUIT".split())

_IMAP_LINE = re.compile(rb"[A-Z]+[0-9]+ ([A-Z]+)(?: [^\r\n\0]*)?")
# Sizes and numbers of messages, nothing of what is in them: any other FETCH might mark as read.
_IMAP_SIZES = re.compile(
    rb"[A-Z]+[0-9]+ (?:(?:UID )?(FETCH) [0-9]+(?::[0-9*]+)? \(UID RFC822\.SIZE\)"
    rb"|UID (SEARCH) UID [0-9]+:[0-9]+)"
)
_POP3_LINE = re.compile(rb"([A-Z]+)(?: [^\r\n\0]*)?")
_POP3_UNIQUE_IDS = re.compile(rb"UIDL")  # of all messages at once
# RFC 4422: base64, or * to cancel. In eight characters or more, for RETR and DELE are base64, too;
# shorter are only the answers to a refused access token, an empty one and \1.
_SASL_LINE = re.compile(
    rb"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)|AQ==|\*|"
)


class ForbiddenCommandError(Exception):
    """Something other than a reading command was about to be sent; nothing was."""


class Gate:
    """Lets whole allowed command lines pass, and base64 lines while a login is under way.

    `narrow` are further lines that may pass, with their arguments.
    """

    __slots__ = ("_allowed", "_authenticating", "_line", "_narrow")

    def __init__(
        self,
        line: re.Pattern[bytes],
        allowed: Collection[bytes],
        narrow: re.Pattern[bytes] | None = None,
    ) -> None:
        self._line = line
        self._allowed = allowed
        self._narrow = narrow
        self._authenticating = False

    @classmethod
    def imap(cls) -> Gate:
        """The gate for `TAG COMMAND arguments` (RFC 9051, section 2.2)."""
        return cls(_IMAP_LINE, IMAP_COMMANDS, _IMAP_SIZES)

    @classmethod
    def pop3(cls, *, track_messages: bool = False) -> Gate:
        """The gate for `COMMAND arguments` (RFC 1939, section 3); UIDL only when asked for."""
        return cls(_POP3_LINE, POP3_COMMANDS, _POP3_UNIQUE_IDS if track_messages else None)

    @classmethod
    def without_login(cls, protocol: Literal["imap", "pop3"]) -> Gate:
        """The gate for a session that only looks at what a server offers."""
        return cls(_IMAP_LINE if protocol == "imap" else _POP3_LINE, BEFORE_LOGIN)

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
        if self._narrow and self._narrow.fullmatch(line):
            return
        found = self._line.fullmatch(line)
        if found is None or found[1] not in self._allowed:
            word = found[1].decode() if found else "a malformed line"
            raise ForbiddenCommandError(f"{word} is no reading command")
        self._authenticating = found[1] in {b"AUTHENTICATE", b"AUTH"}
