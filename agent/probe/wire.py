"""One bounded connection to a mail server: total deadline, byte budget, TLS, gated commands.

The protocol libraries sit on top and know nothing of it: imaplib and poplib bound each read at
most, so that a server which drips a byte now and then would hold them for ever.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING

from agent.model import FailureKind
from agent.probe import tls
from agent.probe.deadline import Deadline
from agent.probe.failures import ProbeError
from agent.probe.resolve import Address, resolve
from agent.probe.trail import Trail

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.endpoint import Endpoint
    from agent.probe.allow import Gate
    from agent.probe.trail import Stage

LONGEST_LINE = 1 << 20  # bytes, its end included
MOST_BYTES = 8 << 20  # bytes of one poll, all replies together
MOST_LINES = 200_000  # of one poll
_CHUNK = 1 << 16
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)  # Linux only


class Wire:
    """A connection whose every operation ends at the deadline.

    `stage` names what is being done, for the failure that it may end with; `trail` has all of them.
    Writes are held back until something is read, so that commands sent together leave in one
    segment.
    """

    def __init__(self, server: Endpoint, deadline: Deadline, gate: Gate) -> None:
        self.trail = Trail()
        self._stage: Stage = "name resolution"
        self.login_delay: float | None = None  # seconds, where the server wants any
        self.deadline = deadline
        self._server = server
        self._gate = gate
        self._socket: socket.socket | None = None
        self._received = bytearray()
        self._outgoing = bytearray()
        self._bytes_left = MOST_BYTES
        self._lines_left = MOST_LINES

    @property
    def stage(self) -> Stage:
        """What is being done now."""
        return self._stage

    @stage.setter
    def stage(self, stage: Stage) -> None:
        self._stage = stage
        self.trail.begin(stage)

    def connect(self) -> None:
        """Connect to the first address that answers.

        Raises:
            ProbeError: the name does not resolve.
            OSError: no address could be reached, or none in time.
        """
        self.stage = "name resolution"
        addresses = resolve(self._server.host, self._server.port, self.deadline)
        self.trail.addresses = tuple(endpoint[0] for _, endpoint in addresses)
        self.stage = "connect"
        failed: OSError = TimeoutError()
        for tried, address in enumerate(addresses):
            try:
                # An equal share of what is left: a dead address must not use up the budget.
                self._open(address, self.deadline.remaining() / (len(addresses) - tried))
            except OSError as error:
                failed = error
            else:
                self.trail.address = address[1][0]
                return
        raise failed

    def start_tls(self, ca_file: Path | None) -> None:
        """Shake hands, verify the certificate, and forget all that came in plain text before.

        Raises:
            ProbeError: the CA file is of no use.
            OSError: the handshake failed (ssl.SSLError is one), or took too long.
        """
        before, self.stage = self.stage, "TLS handshake"
        self._received.clear()
        secure = tls.context(ca_file).wrap_socket(
            self._connected(), server_hostname=self._server.host, do_handshake_on_connect=False
        )
        self._socket = secure
        secure.settimeout(self.deadline.remaining())
        secure.do_handshake()
        self.trail.handshake = tls.handshake(secure)
        self.stage = before

    @property
    def is_secure(self) -> bool:
        """Whether the server has proved who it is, and nobody else can hear or speak."""
        return isinstance(self._socket, ssl.SSLSocket)

    def write(self, data: bytes) -> None:
        """Queue whole command lines; they leave when something is read, or on `flush`."""
        self._gate.check(data)
        self._outgoing += data

    def flush(self) -> None:
        """Send what is queued."""
        if self._outgoing:
            data = bytes(self._outgoing)
            self._outgoing.clear()
            connected = self._connected()
            connected.settimeout(self.deadline.remaining())
            connected.sendall(data)

    def read_line(self) -> bytes:
        """The next line, its end included.

        Raises:
            ProbeError: the server closed the connection, or sent more than is believable.
            OSError: the connection broke, or the deadline passed.
        """
        self.flush()
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            if searched > LONGEST_LINE:
                raise self._too_much(f"a line above {LONGEST_LINE} bytes")
            self._receive()
        self._lines_left -= 1
        if self._lines_left < 0:
            raise self._too_much(f"more than {MOST_LINES} lines")
        return self._take(end + 1)

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, a literal's; raises as `read_line` does."""
        self.flush()
        if size > self._bytes_left + len(self._received):
            raise self._too_much(f"a literal of {size} bytes")
        while len(self._received) < size:
            self._receive()
        return self._take(size)

    def cancel(self) -> None:
        """End whatever is under way, at once, from another thread."""
        self.deadline = Deadline(0)
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is not connected yet, or no longer
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Drop the connection; a second time does nothing."""
        if self._socket is not None:
            self._socket.close()

    def _open(self, address: Address, patience: float) -> None:
        self.close()
        family, endpoint = address
        self._socket = opened = socket.socket(family, socket.SOCK_STREAM)
        # Without it every command that leaves in two segments waits 40 ms for a delayed ACK.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.settimeout(patience)
        opened.connect(endpoint)

    def _receive(self) -> None:
        connected = self._connected()
        connected.settimeout(self.deadline.remaining())
        if _QUICKACK is not None:
            # Servers that hold back small segments wait 40 ms for a delayed ACK; the kernel resets
            # this by itself, so it is asked for each time.
            connected.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        chunk = connected.recv(_CHUNK)
        if not chunk:
            raise ProbeError(
                FailureKind.PROTOCOL, f"the server closed the connection during {self.stage}"
            )
        self._bytes_left -= len(chunk)
        if self._bytes_left < 0:
            raise self._too_much(f"more than {MOST_BYTES} bytes")
        self._received += chunk

    def _take(self, size: int) -> bytes:
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise ProbeError(FailureKind.PROTOCOL, "not connected")
        return self._socket

    def _too_much(self, what: str) -> ProbeError:
        return ProbeError(FailureKind.PROTOCOL, f"the server sent {what} during {self.stage}")
