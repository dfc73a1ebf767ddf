"""A mail server that says what a test wants: for everything that real servers would never do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from socket import socket as Socket  # noqa: N812 - the field of that name hides the module
from typing import TYPE_CHECKING, Self, TypeAlias

from tests.support.recorded import Dialogue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.certificates import Certificate

CAPABILITIES = b"IMAP4rev1 QUOTA"
NEARLY_FULL = {  # a mailbox at 90 %, for `imap`
    b"LIST": b'* LIST () "/" INBOX\r\n<tag> OK\r\n',
    b"STATUS": b"* STATUS INBOX (MESSAGES 3 UNSEEN 1)\r\n<tag> OK\r\n",
    b"GETQUOTAROOT": b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 90 100)\r\n<tag> OK\r\n',
}
_PATIENCE = 60  # seconds that a test may take at most before its server gives up


Talk: TypeAlias = "Callable[[Line], None]"  # what a server does with one connection
Reply: TypeAlias = "bytes | Talk"


@dataclass(frozen=True, slots=True)
class Line:
    """What one connection has to say and hear: sends bytes, reads command lines, closes."""

    socket: Socket
    heard: list[bytes]
    ended: threading.Event
    secured: list[Socket] = field(default_factory=list)
    record: Dialogue = field(default_factory=lambda: Dialogue("an agent at a scripted server"))
    certificate: Certificate | None = None

    def say(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.sendall(data)

    def hear(self) -> bytes:
        """The next line without its end; empty when the client has gone."""
        line = b""
        while not line.endswith(b"\n"):
            byte = self.socket.recv(1)
            if not byte:
                return b""
            line += byte
        self.record.hear(line)
        self.heard.append(line.rstrip(b"\r\n"))
        return self.heard[-1]

    def drip(self, byte: bytes, seconds: float) -> None:
        """Send one byte now and then, until the test ends or the client has gone."""
        with contextlib.suppress(OSError):
            while not self.ended.wait(seconds):
                self.socket.sendall(byte)

    def hurry(self) -> None:
        """Send what is said at once, from now on: else the last words may wait for an ACK."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def stall(self) -> None:
        """Say nothing until the test ends or the client goes."""
        with contextlib.suppress(OSError):
            while not self.ended.is_set() and self.socket.recv(1):
                pass

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def shake_hands(self, certificate: Certificate | None = None) -> Line:
        """The same connection under TLS, with this certificate or the server's own."""
        certificate = certificate or self.certificate
        assert certificate, "the server has none"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.chain, certificate.key)
        self.secured.append(context.wrap_socket(self.socket, server_side=True))
        return Line(self.secured[0], self.heard, self.ended)


@dataclass(slots=True)
class Scripted:
    """A listening server that talks to each client by the same script, on a thread of its own.

    With a certificate it shakes hands after STARTTLS and STLS.
    """

    talk: Talk
    certificate: Certificate | None = None
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0
    _listener: socket.socket = field(init=False)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(_PATIENCE)
        line = Line(client, self.heard, self._ended, certificate=self.certificate)
        with contextlib.suppress(OSError), client:
            self.talk(line)
        for secure in line.secured:
            secure.close()


def imap(replies: Mapping[bytes, Reply], capabilities: bytes = CAPABILITIES) -> Talk:
    """A script that answers each IMAP command with its reply, `<tag>` filled in, else with OK.

    A key is a command word, or a word and the beginning of its arguments.
    """

    def talk(line: Line) -> None:
        line.say(b"* OK [CAPABILITY %b] ready\r\n" % capabilities)
        told = {b"CAPABILITY": b"* CAPABILITY %b\r\n<tag> OK done\r\n" % capabilities}
        answer_imap(line, told | dict(replies))

    return talk


def answer_imap(line: Line, replies: Mapping[bytes, Reply]) -> None:
    """Answer until LOGOUT, until the client goes, or until a reply is a script: that ends it."""
    while command := line.hear():
        tag, _, rest = command.partition(b" ")
        key = max((each for each in replies if rest.startswith(each)), key=len, default=None)
        reply = b"<tag> OK done\r\n" if key is None else replies[key]
        if callable(reply):
            reply(line)
            return
        line.say(reply.replace(b"<tag>", tag))
        if rest.startswith(b"LOGOUT"):
            return
        if rest == b"STARTTLS" and line.certificate and b"<tag> OK" in reply:
            line = line.shake_hands()


def pop3(replies: Mapping[bytes, Reply], greeting: bytes = b"+OK ready\r\n") -> Talk:
    """A script that answers each POP3 command with its reply, else with +OK; CAPA is unknown."""

    def talk(line: Line) -> None:
        line.say(greeting)
        answer_pop3(line, replies)

    return talk


def answer_pop3(line: Line, replies: Mapping[bytes, Reply]) -> None:
    """Answer until the client goes, or until a reply is a script: that ends it."""
    while command := line.hear():
        word = command.split(b" ")[0]
        reply = replies.get(word, b"-ERR what?\r\n" if word == b"CAPA" else b"+OK\r\n")
        if callable(reply):
            reply(line)
            return
        line.say(reply)
        if command == b"STLS" and line.certificate and reply.startswith(b"+OK"):
            line = line.shake_hands()
