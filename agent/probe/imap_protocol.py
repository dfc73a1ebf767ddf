"""imaplib on a bounded wire, forgiving where that loses nothing.

By itself imaplib refuses replies that servers do send (`OK` without a text, lower case, double
spaces), asks for capabilities that the server has just told, and keeps a log of the last commands,
passwords included.
"""

from __future__ import annotations

import imaplib
import re
from typing import TYPE_CHECKING, Any, NoReturn

from agent.model import FailureKind
from agent.probe.failures import ProbeError, kind_of_imap, no_greeting, refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer

    from agent.probe.wire import Wire

_TAG_PREFIX = b"A"
_TAGGED = re.compile(rb"(?P<tag>A\d+) (?P<type>[A-Z]+) (?P<data>.*)", re.DOTALL)
_TAG_LINE = re.compile(rb"(A\d+) +([A-Za-z]+)(?: (.*))?", re.DOTALL)
_STAR_LINE = re.compile(rb"\* +(\d+ +)?([A-Za-z-]+)(?: (.*))?", re.DOTALL)
_FREQUENT = {b"* LIST (": "LIST", b"* STATUS": "STATUS"}  # by their first eight bytes
_UNQUOTABLE = re.compile(rb"[\r\n\0]")
_UNSAFE = re.compile(rb'([\\"])')


def is_quotable(raw: bytes) -> bool:
    """Whether a quoted string can hold it (RFC 9051, section 4.3): no line break, no NUL."""
    return _UNQUOTABLE.search(raw) is None


def quote_bytes(raw: bytes) -> bytes:
    """What the server itself sent, as a quoted string; the gate refuses line breaks in it."""
    return b'"' + _UNSAFE.sub(rb"\\\1", raw) + b'"'


class Protocol(imaplib.IMAP4):
    """imaplib reading from and writing to the wire; `known` are the server's capabilities."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._unsent = b""
        self._heard = b""
        self._ahead = b""
        self.known: frozenset[str] = frozenset()
        super().__init__()
        self.is_readonly = True  # or imaplib would end the session after EXAMINE

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        """The wire is connected already."""
        del host, port, timeout

    def shutdown(self) -> None:
        """Drop the connection."""
        self._wire.close()

    def read(self, size: int) -> bytes:
        """A literal."""
        return self._wire.read(size)

    def readline(self) -> bytes:
        """The next line, put into the form that imaplib insists on."""
        line, self._ahead = self._ahead or self._wire.read_line(), b""
        self._heard = _tidied(line)
        return self._heard

    def _get_response(self, *rest: Any) -> Any:
        """Take in folders and their counts without the five expressions that imaplib tries a line.

        There can be hundreds of them; this halves what a poll of 200 folders costs.
        """
        line = self._ahead or self._wire.read_line()
        kind = _FREQUENT.get(line[:8])
        if kind is None or line.endswith(b"}\r\n") or not line.endswith(b"\r\n"):
            self._ahead = line
            response = super()._get_response(*rest)  # type: ignore[misc]  # not in the stubs
            self._check_bye()
            return response
        self._ahead = b""
        self._append_untagged(kind, line[len(kind) + 3 : -2])
        return line

    def _check_bye(self) -> None:
        """A goodbye ends the session, whatever was waited for (RFC 9051, section 7.1.5)."""
        if "BYE" in self.untagged_responses:
            (text, *_) = inlined(self.untagged_responses["BYE"])
            raise refused(text, kind_of_imap(text, FailureKind.UNAVAILABLE), self._wire.stage)

    def send(self, data: Buffer) -> None:
        """Pass on whole lines only: imaplib sends the end of some in a call of its own."""
        self._unsent += bytes(data)
        if self._unsent.endswith(b"\r\n"):
            whole, self._unsent = self._unsent, b""
            self._wire.write(whole)

    def learn_capabilities(self) -> None:
        """Take the capabilities that the server volunteered, else ask (RFC 9051, 6.1.1)."""
        if "CAPABILITY" not in self.untagged_responses:
            self._simple_command("CAPABILITY")
        told = list(inlined(self.untagged_responses.pop("CAPABILITY", [])))
        words = told[-1].decode("ascii", "replace") if told else ""
        self.known = frozenset(words.upper().split())
        self._wire.trail.learn(self.known, logged_in=self.state != "NONAUTH")

    def _connect(self) -> None:
        # imaplib draws a random tag prefix and compiles an expression for it each time.
        # Both are bytes, whatever the type stubs of the standard library say.
        vars(self).update(tagpre=_TAG_PREFIX, tagre=_TAGGED)
        self._wire.stage = "greeting"
        try:
            self.welcome = self._get_response()
            self._wire.trail.greeting = self._heard
        except imaplib.IMAP4.error:
            self._raise_no_greeting()
        if "OK" not in self.untagged_responses:
            self._raise_no_greeting()
        self.state = "NONAUTH"
        self.learn_capabilities()

    def _raise_no_greeting(self) -> NoReturn:
        if "PREAUTH" in self.untagged_responses:
            # On a STARTTLS port this is an attack: there is no TLS after PREAUTH (RFC 9051, 11.1).
            raise ProbeError(FailureKind.TLS, "the server logs in by itself, before TLS and login")
        raise no_greeting("an IMAP server", self._heard)

    def _log(self, line: str) -> None:
        """Keep no commands in memory: they hold passwords."""


def _tidied(line: bytes) -> bytes:
    """The line in the letter case and spacing of RFC 9051, its content untouched."""
    text = line[:-2] if line.endswith(b"\r\n") else line[:-1]
    if text.startswith(b"*"):
        found = _STAR_LINE.fullmatch(text)
        if found is None:
            return text + b"\r\n"
        number, word, rest = found.groups()
        head = b"* " + (number.strip() + b" " if number else b"") + word.upper()
        return head + (b" " + rest if rest is not None else b"") + b"\r\n"
    found = _TAG_LINE.fullmatch(text)
    if found is None:
        return text + b"\r\n"
    tag, status, rest = found.groups()
    return tag + b" " + status.upper() + b" " + (rest or b"") + b"\r\n"


def inlined(parts: Iterable[bytes | tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Whole replies, each literal turned into a quoted string in its place."""
    reply = b""
    for part in parts:
        if isinstance(part, tuple):
            head, literal = part
            reply += head[: head.rindex(b"{")] + quote_bytes(literal)
        else:
            yield reply + part
            reply = b""
