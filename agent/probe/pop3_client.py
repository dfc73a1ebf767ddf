"""poplib on a bounded wire: its parsing of replies kept, its trust in servers mended."""

from __future__ import annotations

import hashlib
import poplib
import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from agent.model import LARGEST_COUNT, FailureKind
from agent.probe.bearer import Bearer
from agent.probe.failures import ProbeError, kind_of_pop3, no_greeting, refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from agent.config.endpoint import Endpoint
    from agent.probe.wire import Wire

LONGEST_DELAY = 86_400  # seconds; a server that wants more between two logins is not believed

_STAT = re.compile(rb"\+OK +([0-9]{1,19}) +([0-9]{1,19})(?: .*)?", re.IGNORECASE | re.DOTALL)
_LISTED = re.compile(rb"([0-9]{1,10}) +([!-~]+) *")  # ids above the 70 characters allowed exist
_DELAY = re.compile(rb"LOGIN-DELAY +([0-9]{1,9})(?: .*)?", re.IGNORECASE)
# A msg-id (RFC 822), strictly: laxer ones let a forged server find out passwords. One without a
# digit is no timestamp but somebody's address.
_TIMESTAMP = re.compile(rb"<(?=[^@>]*[0-9])[!-;=?A-~]+@[!-;=?A-~]+>")
# RFC 2449, section 8, and RFC 3206: they tell more than the words after them, which invite to try
# again whatever the reason. Proxies send them unannounced, so RESP-CODES is not asked for.
_DECISIVE = re.compile(rb"-ERR +(\[(?:AUTH|IN-USE|LOGIN-DELAY|SYS/PERM)\])", re.IGNORECASE)
_LINE_BREAKS = re.compile(r"[\r\n\0]")


class Maildrop(NamedTuple):
    """The number of messages, their size in octets, and their unique ids where these are known."""

    messages: int
    size: int
    unique_ids: Sequence[bytes] | None


class _Library(poplib.POP3):
    """The parts of poplib that its type stubs leave out."""

    if TYPE_CHECKING:

        def _putcmd(self, line: str) -> None: ...
        def _getresp(self) -> bytes: ...
        def _shortcmd(self, line: str) -> bytes: ...
        def _longcmd(self, line: str) -> tuple[bytes, list[bytes], int]: ...


class Client(_Library):
    """A POP3 session over a connected wire, its greeting read.

    Raises, as every method does:
        ProbeError: the server refused, or said something that is no POP3.
        OSError: the connection broke, or the deadline passed.
    """

    def __init__(self, wire: Wire) -> None:  # poplib's own would connect, unbounded
        self._wire = wire
        self._debugging = 0
        self._known: frozenset[bytes] = frozenset()
        self._mechanisms: frozenset[str] | None = None  # of SASL; None: the server did not tell
        self._ahead: deque[str] = deque()  # commands sent whose replies nobody asked for yet
        wire.stage = "greeting"
        wire.trail.greeting = self._ask("connection", FailureKind.UNAVAILABLE)
        self._timestamp = _TIMESTAMP.search(wire.trail.greeting)

    def upgrade(self, ca_file: Path | None) -> None:
        """STLS (RFC 2595, section 4), required; nothing heard before it is believed after it."""
        if self.learn_capabilities() and b"STLS" not in self._known:
            raise ProbeError(FailureKind.TLS, "the server does not offer STLS")
        self._ask("STLS", FailureKind.TLS, "STLS")
        self._wire.start_tls(ca_file)
        self._known, self._mechanisms = frozenset(), None
        self._wire.login_delay = None

    def log_in(self, user: str, password: str, *, in_clear: bool) -> None:
        """USER and PASS, or APOP where it is offered (RFC 1939, section 7) and `in_clear`.

        Under TLS the password is safe, and a server that stores only its hash cannot do APOP,
        whatever it offers. A rejected APOP is a rejected login: no other way is tried.
        """
        self.learn_capabilities()
        if in_clear and self._timestamp and " " not in user:
            self._apop(user, self._timestamp[0] + password.encode())
            return
        self._ask("login", FailureKind.AUTH, f"USER {_one_line(user)}")
        self._ask("login", FailureKind.AUTH, f"PASS {_one_line(password)}")

    def log_in_by_token(self, user: str, token: str, server: Endpoint) -> None:
        """AUTH (RFC 5034) by an access token of OAuth2, in two steps: Exchange wants it so."""
        self.learn_capabilities()
        login = Bearer(user, token, server, self._mechanisms)
        said = self._ask("login", FailureKind.AUTH, f"AUTH {login.mechanism}")
        try:
            while not said.upper().startswith(b"+OK"):
                said = self._ask("login", FailureKind.AUTH, login.answer(said[1:].strip()).decode())
        except ProbeError as error:
            raise ProbeError(error.kind, f"{error} {login.refusal}".strip(), error.quiet) from None

    def look(self, *, unique_ids: bool) -> Maildrop:
        """STAT, and UIDL where wanted; asks for the capabilities again, which differ now.

        All leaves in one flight where the server announced that it can (RFC 2449, section 6.6).
        """
        questions = ("STAT", "UIDL") if unique_ids else ("STAT",)
        self._send_ahead("CAPA", *questions)
        self.learn_capabilities()
        self._send_ahead(*questions)
        messages, size = self._count()
        return Maildrop(messages, size, self._unique_ids(messages) if unique_ids else None)

    def leave(self) -> None:
        """QUIT, so that the maildrop is unlocked; waits for a second at most."""
        self._wire.deadline = self._wire.deadline.within(1)
        try:
            self._ask("logout", FailureKind.PROTOCOL, "QUIT")
        except (OSError, ProbeError):
            return  # the reading was taken; how the server parts changes nothing

    def _apop(self, user: str, secret: bytes) -> None:
        # It is MD5 that the protocol asks for, where the choice is that or nothing.
        digest = hashlib.md5(secret, usedforsecurity=False).hexdigest()
        try:
            self._ask("login by APOP", FailureKind.AUTH, f"APOP {_one_line(user)} {digest}")
        except ProbeError as error:  # with the timestamp, the digest lets a password be guessed
            shown = re.sub(digest, "[secret]", str(error), flags=re.IGNORECASE)
            raise ProbeError(error.kind, shown) from None

    def learn_capabilities(self) -> bool:
        """CAPA (RFC 2449, section 5); False where the server does not know it."""
        try:
            _, lines, _ = self._longcmd("CAPA")
        except poplib.error_proto:
            return False  # an older server; what it told before the login still holds
        capabilities = [line.upper().split() for line in lines if line.strip()]
        self._known = frozenset(words[0] for words in capabilities)
        mechanisms = [words[1:] for words in capabilities if words[0] == b"SASL"]
        told = (word.decode("ascii", "replace") for words in mechanisms for word in words)
        self._mechanisms = frozenset(told)
        announced = frozenset(line.decode("ascii", "replace").upper() for line in lines)
        self._wire.trail.learn(announced, logged_in=self._wire.stage == "reading")
        delays = (self._wire.login_delay or 0, *_login_delays(lines))
        self._wire.login_delay = max(delays) or None
        return True

    def _count(self) -> tuple[int, int]:
        said = self._ask("STAT", FailureKind.PROTOCOL, "STAT")
        numbers = _STAT.fullmatch(said)
        if numbers is None or max(map(int, numbers.groups())) > LARGEST_COUNT:
            raise ProbeError(FailureKind.PROTOCOL, "STAT answered with what are no two numbers")
        return int(numbers[1]), int(numbers[2])

    def _unique_ids(self, messages: int) -> Sequence[bytes] | None:
        """UIDL; None where it fails in whatever way, since the maildrop is counted all the same."""
        try:
            _, lines, _ = self._longcmd("UIDL")
        except (poplib.error_proto, ProbeError, OSError):
            return None
        return unique_ids(lines, messages)

    def _send_ahead(self, *commands: str) -> None:
        """Send what will be asked next, all at once, if the server is known to bear it."""
        if b"PIPELINING" in self._known and not self._ahead:
            for command in commands:
                super()._putcmd(command)
            self._ahead.extend(commands)

    def _ask(self, what: str, otherwise: FailureKind, command: str | None = None) -> bytes:
        """The reply to a command (or the greeting); `otherwise` is the kind of a plain -ERR."""
        try:
            return self._getresp() if command is None else self._shortcmd(command)
        except poplib.error_proto as error:
            said: bytes = error.args[0]
            if command is None and not said.upper().startswith(b"-ERR"):
                raise no_greeting("a POP3 server", said) from error
            if not said.upper().startswith(b"-ERR"):
                raise ProbeError(
                    FailureKind.PROTOCOL, f"this is not the answer of a POP3 server to {what}"
                ) from error
            raise refused(said[4:], _kind(said, otherwise), what) from error

    def _putcmd(self, line: str) -> None:
        if self._ahead and self._ahead[0] == line:
            self._ahead.popleft()
        else:
            super()._putcmd(line)

    def _putline(self, line: bytes) -> None:
        self._wire.write(line + b"\r\n")

    def _getline(self) -> tuple[bytes, int]:
        line = self._wire.read_line()
        return line.rstrip(b"\r\n"), len(line)


def unique_ids(lines: Sequence[bytes], messages: int) -> Sequence[bytes] | None:
    """The unique ids of a UIDL reply (RFC 1939, section 7), one for each of so many messages.

    None where the list is not believable: a malformed line, a message missing, or listed twice.
    """
    found: dict[int, bytes] = {}
    for line in lines:
        listed = _LISTED.fullmatch(line)
        if listed is None:
            return None
        found[int(listed[1])] = listed[2]
    if not len(lines) == len(found) == max(found, default=0) == messages or 0 in found:
        return None
    return tuple(found.values())


def _login_delays(capabilities: Iterable[bytes]) -> Iterable[float]:
    """The seconds of each LOGIN-DELAY (RFC 2449, section 6.5) that can be believed."""
    for wanted in map(_DELAY.fullmatch, capabilities):
        if wanted and int(wanted[1]) <= LONGEST_DELAY:
            yield float(wanted[1])


def _kind(said: bytes, otherwise: FailureKind) -> FailureKind:
    code = _DECISIVE.match(said)
    return kind_of_pop3(code[1] if code else said, otherwise)


def _one_line(text: str) -> str:
    if _LINE_BREAKS.search(text):
        raise ProbeError(FailureKind.CONFIG, "a line break or NUL cannot be sent to a server")
    return text
