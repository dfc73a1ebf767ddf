"""One poll over POP3: log in, STAT, leave. Never RETR: some servers delete what was retrieved."""

from __future__ import annotations

import poplib
import re
from typing import TYPE_CHECKING

from agent.model import LARGEST_COUNT, FailureKind, QuotaState, Reading
from agent.probe.failures import ProbeError, kind_of_pop3, no_greeting, refused

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.accounts import Pop3Account
    from agent.probe.wire import Wire

_STAT = re.compile(rb"\+OK +([0-9]{1,19}) +([0-9]{1,19})(?: .*)?", re.IGNORECASE | re.DOTALL)
_LINE_BREAKS = re.compile(r"[\r\n\0]")


def read(account: Pop3Account, wire: Wire, password: str) -> Reading:
    """How many messages the maildrop holds, and their size (STAT; RFC 1939, section 5).

    Raises:
        ProbeError, OSError: the poll failed.
    """
    client = Client(wire)
    wire.stage = "login"
    if account.tls == "starttls":
        client.upgrade(account.ca_file)
    client.log_in(account.username, password)
    wire.stage = "reading"
    messages, size = client.count()
    client.leave()
    return Reading(QuotaState.UNSUPPORTED, size_bytes=size, messages=messages)


class _Library(poplib.POP3):
    """The parts of poplib that its type stubs leave out."""

    if TYPE_CHECKING:

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
        self._ask("connection", FailureKind.UNAVAILABLE)

    def upgrade(self, ca_file: Path | None) -> None:
        """STLS (RFC 2595, section 4), required: without it there is no login."""
        if not self._offers_stls():
            raise ProbeError(FailureKind.TLS, "the server does not offer STLS")
        self._ask("STLS", FailureKind.TLS, "STLS")
        self._wire.start_tls(ca_file)

    def log_in(self, user: str, password: str) -> None:
        """USER and PASS (RFC 1939, section 7)."""
        self._ask("login", FailureKind.AUTH, f"USER {_one_line(user)}")
        self._ask("login", FailureKind.AUTH, f"PASS {_one_line(password)}")

    def count(self) -> tuple[int, int]:
        """STAT: the number of messages, and their size in octets."""
        said = self._ask("STAT", FailureKind.PROTOCOL, "STAT")
        numbers = _STAT.fullmatch(said)
        if numbers is None or max(map(int, numbers.groups())) > LARGEST_COUNT:
            raise ProbeError(FailureKind.PROTOCOL, "STAT answered with what are no two numbers")
        return int(numbers[1]), int(numbers[2])

    def leave(self) -> None:
        """QUIT, so that the maildrop is unlocked; waits for a second at most."""
        self._wire.deadline = self._wire.deadline.within(1)
        try:
            self._ask("logout", FailureKind.PROTOCOL, "QUIT")
        except (OSError, ProbeError):
            return  # the reading was taken; how the server parts changes nothing

    def _offers_stls(self) -> bool:
        try:
            _, lines, _ = self._longcmd("CAPA")
        except poplib.error_proto:
            return True  # a server older than CAPA (RFC 2449): STLS itself will tell
        return any(line.split()[:1] == [b"STLS"] for line in map(bytes.upper, lines))

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
            raise refused(said[4:], kind_of_pop3(said, otherwise), what) from error

    def _putline(self, line: bytes) -> None:
        self._wire.write(line + b"\r\n")

    def _getline(self) -> tuple[bytes, int]:
        line = self._wire.read_line()
        return line.rstrip(b"\r\n"), len(line)


def _one_line(text: str) -> str:
    if _LINE_BREAKS.search(text):
        raise ProbeError(FailureKind.CONFIG, "a line break or NUL cannot be sent to a server")
    return text
