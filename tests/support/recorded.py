"""What agents send to mail servers while tests run, judged line by line as reading or not.

The list is written out here once more, on purpose: a slip in the agent's own list
(`agent/probe/allow.py`) would otherwise excuse itself. Three places listen: the agent's
connections in this process (`listen_in`), every scripted server, and every recorded Dovecot; the
last two hear agents in processes of their own too.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from agent.probe.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IMAP = re.compile(
    rb"""
    [A-Za-z]+[0-9]+[ ]  # the tag
    (?!.*\{[0-9]+\+?\}$)  # no literal, whose lines nobody could tell from commands
    (?: CAPABILITY | STARTTLS | NAMESPACE | NOOP | LOGOUT
      | (?: ID | LOGIN | AUTHENTICATE | LIST | XLIST | STATUS | GETQUOTAROOT | GETQUOTA | EXAMINE )
        [ ] [^\r\0]+
      | (?:UID[ ])? FETCH [ ] [0-9:*,]+ [ ] \(UID[ ]RFC822\.SIZE\)
      | UID[ ]SEARCH[ ]UID [ ] [0-9:*,]+
    )""",
    re.VERBOSE,
)
POP3 = re.compile(
    rb"(?:CAPA|STLS|STAT|UIDL|NOOP|QUIT|(?:USER|PASS|APOP|AUTH) [^\r\0]*)|AUTH|UIDL [0-9]+"
)
# Commands without secrets, which a report may show whole; of any other line it tells the length.
_SHOWN = re.compile(
    rb"(?:[A-Za-z]+[0-9]+ )?(?:UID )?(?:SELECT|EXAMINE|FETCH|STORE|SEARCH|COPY|MOVE|EXPUNGE|CLOSE|"
    rb"APPEND|CREATE|DELETE|RENAME|SUBSCRIBE|UNSUBSCRIBE|SETQUOTA|SETACL|SETMETADATA|LSUB|IDLE|"
    rb"LIST|STATUS|ENABLE|RETR|DELE|TOP|RSET|UIDL|LAST)(?: .*)?",
    re.IGNORECASE | re.DOTALL,
)
_TAGGED = re.compile(rb"[A-Za-z]+[0-9]+ .*", re.DOTALL)
_LOGIN = re.compile(rb"(?:[A-Za-z]+[0-9]+ AUTHENTICATE|AUTH) .*", re.DOTALL)
_SASL = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?|\*")
_POP3_WORD = re.compile(rb"[A-Z]{3,4}")
_TLS_HANDSHAKE = b"\x16\x03"

_forbidden: deque[str] = deque()


class Dialogue:
    """What one client sends over one connection; each line that is not on the list is reported.

    Base64 lines after AUTHENTICATE or AUTH are the login (RFC 4422) until the next command.
    Whether it is IMAP or POP3 its first line tells: only IMAP has tags.
    """

    __slots__ = ("_allowed", "_encrypted", "_logging_in", "_report", "_rest", "_where")

    def __init__(self, where: str, report: Callable[[str], None] = _forbidden.append) -> None:
        self._where = where
        self._report = report
        self._allowed: re.Pattern[bytes] | None = None
        self._logging_in = False
        self._encrypted = False
        self._rest = b""

    def hear(self, data: bytes) -> None:
        """Judge every line that is whole now; LF alone ends one too, as most servers see it."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._judge(line.removesuffix(b"\r"))

    def _judge(self, line: bytes) -> None:
        self._encrypted = self._encrypted or line.startswith(_TLS_HANDSHAKE)
        if self._encrypted or (self._logging_in and self._is_login(line)):
            return
        if self._allowed is None:
            self._allowed = IMAP if _TAGGED.fullmatch(line) else POP3
        if not self._allowed.fullmatch(line):
            self._report(f"{self._where}: {shown(line)}")
        self._logging_in = _LOGIN.fullmatch(line) is not None

    def _is_login(self, line: bytes) -> bool:
        """Whether it is base64, and not a POP3 command, many of which look like base64."""
        is_command = self._allowed is POP3 and _POP3_WORD.fullmatch(line)
        return not is_command and _SASL.fullmatch(line) is not None


def shown(line: bytes) -> str:
    """The line as a report may show it: printable, and without a password wherever it stands."""
    if _SHOWN.fullmatch(line):
        return ascii(line.decode("latin-1"))
    return f"a line of {len(line)} bytes, not shown since it may hold a password"


def listen_in() -> None:
    """Note what the agent's connections of this process send, at the moment they send it."""
    flush = Wire.flush
    dialogues: WeakKeyDictionary[Wire, Dialogue] = WeakKeyDictionary()

    def noted(self: Wire) -> None:
        if self._outgoing:
            heard = dialogues.setdefault(self, Dialogue("an agent in the tests' process"))
            heard.hear(bytes(self._outgoing))
        flush(self)

    Wire.flush = noted  # type: ignore[method-assign]  # what listening in is


def hear_rawlogs(folder: Path) -> None:
    """Judge all sessions that Dovecot logged: files `*.in`, each line after a time stamp."""
    for log in sorted(folder.glob("*.in")):
        dialogue = Dialogue("an agent at Dovecot")
        for line in log.read_bytes().splitlines(keepends=True):
            dialogue.hear(line.partition(b" ")[2])


def take_forbidden() -> list[str]:
    """What was sent and is not on the list, since the last time; the same line only once."""
    taken: dict[str, None] = {}
    while _forbidden:
        taken[_forbidden.popleft()] = None
    return list(taken)
