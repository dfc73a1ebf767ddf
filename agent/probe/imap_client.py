"""imapclient on a bounded wire: what the library does well kept, what it does wrong mended.

It sends the user name of LOGIN unquoted, and believes untagged data that came in plain text before
STARTTLS; `imap_protocol.py` mends what is wrong below it.
"""

from __future__ import annotations

import imaplib
from typing import TYPE_CHECKING

from imapclient import IMAPClient

from agent.model import FailureKind
from agent.probe.bearer import MECHANISMS, Bearer
from agent.probe.failures import ProbeError, is_not_connected, kind_of_imap, refused
from agent.probe.imap_protocol import Protocol, inlined, is_quotable, quote_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.endpoint import Endpoint
    from agent.probe.wire import Wire

Begun = tuple[str, bytes]  # a command that was sent: its name and its tag


def quote(text: str) -> bytes:
    """The text as a quoted string (RFC 9051, section 4.3), UTF-8 where it is not ASCII.

    Raises:
        ProbeError: it has a character that no quoted string can hold.
    """
    raw = text.encode()
    if not is_quotable(raw):
        raise ProbeError(FailureKind.CONFIG, "a line break or NUL cannot be sent to a server")
    return quote_bytes(raw)


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

    def _create_IMAP4(self) -> Protocol:  # noqa: N802 - imapclient's name
        return Protocol(self._wire)

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
        self._end_login(status, text)

    def log_in_by_token(self, user: str, token: str, server: Endpoint) -> None:
        """AUTHENTICATE (RFC 9051, section 6.2.2) by an access token of OAuth2."""
        login = Bearer(
            user, token, server, {each for each in MECHANISMS if self.has(f"AUTH={each}")}
        )
        self._imap.untagged_responses.clear()
        self._imap.literal = login.answer  # imaplib calls it for each continuation request
        initial = (login.say(),) if self.has("SASL-IR") else ()
        status, text = self.command("AUTHENTICATE", login.mechanism.encode(), *initial)
        self._end_login(status, text, login.refusal)

    def _end_login(self, status: str, text: bytes, refusal: str = "") -> None:
        """Begin the session, or tell why there is none; `refusal` is what was said of it before."""
        if status != "OK":
            kind = kind_of_imap(text, FailureKind.AUTH)
            raise refused(b"%b %b" % (text, refusal.encode()), kind, "login")
        # imaplib would allow FETCH only after a SELECT of its own; the server judges that itself.
        self._imap.state = "SELECTED"
        self._imap.learn_capabilities()
        self._imap.untagged_responses.clear()  # nothing has been asked for yet

    def _plain(self, user: str, password: str) -> tuple[str, bytes]:
        try:
            status, data = self._imap.authenticate("PLAIN", lambda _: f"\0{user}\0{password}")
        except imaplib.IMAP4.abort:
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
        """Wait for the tagged reply to a command that was begun: its status and text.

        A server that wants to be asked less is obeyed at once: that raises, too, and so does one
        that has let us in and then finds that the mailbox is not ours to read.
        """
        status, data = self._imap._get_tagged_response(begun[1])  # noqa: SLF001 - as above
        text: bytes = data[-1] or b""
        if status != "OK" and kind_of_imap(text, FailureKind.PROTOCOL) is FailureKind.THROTTLED:
            raise refused(text, FailureKind.THROTTLED, begun[0])
        if status != "OK" and is_not_connected(text):
            raise refused(text, FailureKind.DENIED, begun[0])
        return status, text

    def answered(self, begun: Begun) -> bool:
        """Whether the reply to a command that was begun is here already."""
        return self._imap.tagged_commands.get(begun[1]) is not None

    def take(self, kind: str) -> list[bytes]:
        """The untagged replies of one kind that came since the last `take` of it."""
        return list(inlined(self._imap.untagged_responses.pop(kind, [])))

    def forget(self, *kinds: str) -> None:
        """Let go of untagged replies that nobody asked for."""
        for kind in kinds:
            self._imap.untagged_responses.pop(kind, None)

    def hurry(self, share: float) -> None:
        """Leave the rest of the session only this share of the time that is left."""
        self._wire.deadline = self._wire.deadline.within(self._wire.deadline.remaining() * share)

    def leave(self) -> None:
        """LOGOUT, waiting a second at most for a server that does not say goodbye."""
        self._wire.stage = "logout"
        self._wire.deadline = self._wire.deadline.within(1)
        try:
            self.command("LOGOUT")
        except (OSError, ProbeError, imaplib.IMAP4.error):
            return  # the reading was taken; how the server parts changes nothing
