"""imapclient on a bounded wire: what the library does well kept, what it does wrong mended.

imaplib, below imapclient, sends the user name of LOGIN unquoted, asks for capabilities that the
server has just told, refuses replies that servers do send (`OK` without a text, lower case,
double spaces), keeps a log of the last commands, passwords included, and believes untagged data
that came in plain text before STARTTLS.
"""

from __future__ import annotations

import imaplib
import re
from typing import TYPE_CHECKING, NoReturn

from imapclient import IMAPClient

from agent.model import FailureKind
from agent.probe.failures import ProbeError, kind_of_imap, no_greeting, refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from typing_extensions import Buffer

    from agent.probe.wire import Wire

Begun = tuple[str, bytes]  # a command that was sent: its name and its tag

_TAG_PREFIX = b"A"
_TAGGED = re.compile(rb"(?P<tag>A\d+) (?P<type>[A-Z]+) (?P<data>.*)", re.DOTALL)
_TAG_LINE = re.compile(rb"(A\d+) +([A-Za-z]+)(?: (.*))?", re.DOTALL)
_STAR_LINE = re.compile(rb"\* +(\d+ +)?([A-Za-z-]+)(?: (.*))?", re.DOTALL)
_UNSAFE = re.compile(rb'([\\"])')


def quote(text: str) -> bytes:
    """The text as a quoted string (RFC 9051, section 4.3), UTF-8 where it is not ASCII.

    Raises:
        ProbeError: it has a character that no quoted string can hold.
    """
    raw = text.encode()
    if any(character in raw for character in (b"\r", b"\n", b"\0")):
        raise ProbeError(FailureKind.CONFIG, "a line break or NUL cannot be sent to a server")
    return quote_bytes(raw)


def quote_bytes(raw: bytes) -> bytes:
    """What the server itself sent, as a quoted string; the gate refuses line breaks in it."""
    return b'"' + _UNSAFE.sub(rb"\\\1", raw) + b'"'


class Client(IMAPClient):  # type: ignore[misc]  # imapclient ships no types
    """An IMAP session over a connected wire, its greeting read.

    Raises, as every method does:
        ProbeError: the server refused, or ended the session.
        OSError: the connection broke, or the deadline passed.
        imaplib.IMAP4.error: the server's words make no sense here.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        super().__init__("", ssl=False)
        self._imap.debug = 0  # imapclient sets 5, and pays for log lines that nobody reads

    def _create_IMAP4(self) -> _Imap:  # noqa: N802 - imapclient's name
        return _Imap(self._wire)

    def _set_read_timeout(self) -> None:
        """The wire's deadline bounds every read."""

    def has(self, *names: str) -> bool:
        """Whether the server announced one of these capabilities (RFC 9051, section 6.1.1)."""
        return not self._imap.known.isdisjoint(names)

    def has_family(self, prefix: str) -> bool:
        """Whether a capability of this family was announced, such as `QUOTA=`."""
        return any(name.startswith(prefix) for name in self._imap.known)

    def upgrade(self, ca_file: Path | None) -> None:
        """STARTTLS (RFC 9051, section 6.2.1); nothing heard before it is believed after it."""
        if not self.has("STARTTLS"):
            raise ProbeError(FailureKind.TLS, "the server does not offer STARTTLS")
        status, _ = self.command("STARTTLS")
        if status != "OK":
            raise ProbeError(FailureKind.TLS, "the server refused STARTTLS")
        self._wire.start_tls(ca_file)
        self._imap.untagged_responses.clear()
        self._imap.learn_capabilities()

    def log_in(self, user: str, password: str) -> None:
        """LOGIN, or SASL PLAIN where LOGIN cannot do it: names and passwords beyond ASCII."""
        if self.has("LOGINDISABLED") and not self.has("AUTH=PLAIN"):
            raise ProbeError(FailureKind.DENIED, "the server allows no login by password here")
        self._imap.untagged_responses.clear()
        if self.has("LOGINDISABLED") or not (user + password).isascii():
            status, text = self._plain(user, password)
        else:
            status, text = self.command("LOGIN", quote(user), quote(password))
        if status != "OK":
            raise refused(text, kind_of_imap(text, FailureKind.AUTH), "login")
        self._imap.state = "AUTH"
        self._imap.learn_capabilities()

    def _plain(self, user: str, password: str) -> tuple[str, bytes]:
        try:
            status, data = self._imap.authenticate("PLAIN", lambda _: f"\0{user}\0{password}")
        except imaplib.IMAP4.abort:
            self._raise_bye()
            raise
        except imaplib.IMAP4.error as error:  # imaplib's way to tell of a NO
            return "NO", str(error).encode()
        return status, data[-1] or b""

    def command(self, name: str, *arguments: bytes) -> tuple[str, bytes]:
        """Send one command and wait: the tagged reply's status and text."""
        return self.finish(self.begin(name, *arguments))

    def begin(self, name: str, *arguments: bytes) -> Begun:
        """Send one command and go on, for pipelining (RFC 9051, section 5.5)."""
        return name, self._imap._command(name, *arguments)  # noqa: SLF001 - no public way

    def finish(self, begun: Begun) -> tuple[str, bytes]:
        """Wait for the tagged reply to a command that was begun: its status and text."""
        try:
            status, data = self._imap._get_tagged_response(begun[1])  # noqa: SLF001 - as above
        except imaplib.IMAP4.abort:
            self._raise_bye()
            raise
        return status, data[-1] or b""

    def answered(self, begun: Begun) -> bool:
        """Whether the reply to a command that was begun is here already."""
        return self._imap.tagged_commands.get(begun[1]) is not None

    def take(self, kind: str) -> list[bytes]:
        """The untagged replies of one kind that came since the last `take` of it."""
        return list(_inlined(self._imap.untagged_responses.pop(kind, [])))

    def leave(self) -> None:
        """LOGOUT, waiting a second at most for a server that does not say goodbye."""
        self._wire.stage = "logout"
        self._wire.deadline = self._wire.deadline.within(1)
        try:
            self.command("LOGOUT")
        except (OSError, ProbeError, imaplib.IMAP4.error):
            return  # the reading was taken; how the server parts changes nothing

    def _raise_bye(self) -> None:
        byes = self.take("BYE")
        if byes:
            kind = kind_of_imap(byes[-1], FailureKind.UNAVAILABLE)
            raise refused(byes[-1], kind, self._wire.stage)


class _Imap(imaplib.IMAP4):
    """imaplib reading from and writing to the wire, forgiving where that loses nothing."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._unsent = b""
        self._heard = b""
        self.known: frozenset[str] = frozenset()
        super().__init__()

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
        self._heard = _tidied(self._wire.read_line())
        return self._heard

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
        told = list(_inlined(self.untagged_responses.pop("CAPABILITY", [])))
        words = told[-1].decode("ascii", "replace") if told else ""
        self.known = frozenset(words.upper().split())

    def _connect(self) -> None:
        # imaplib draws a random tag prefix and compiles an expression for it each time.
        # Both are bytes, whatever the type stubs of the standard library say.
        vars(self).update(tagpre=_TAG_PREFIX, tagre=_TAGGED)
        try:
            self.welcome = self._get_response()
        except imaplib.IMAP4.error:
            self._raise_no_greeting()
        if "OK" not in self.untagged_responses:
            self._raise_no_greeting()
        self.state = "NONAUTH"
        self.learn_capabilities()

    def _raise_no_greeting(self) -> NoReturn:
        if "BYE" in self.untagged_responses:
            (text, *_) = _inlined(self.untagged_responses["BYE"])
            raise refused(text, kind_of_imap(text, FailureKind.UNAVAILABLE), "connection")
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


def _inlined(parts: Iterable[bytes | tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Whole replies, each literal turned into a quoted string in its place."""
    reply = b""
    for part in parts:
        if isinstance(part, tuple):
            head, literal = part
            reply += head[: head.rindex(b"{")] + quote_bytes(literal)
        else:
            yield reply + part
            reply = b""
