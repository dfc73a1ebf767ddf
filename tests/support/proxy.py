"""A recorder between client and server: what was sent, and in how many flights."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from tests.support.scripted import Line, Scripted

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(slots=True)
class Proxy:
    """Passes everything on to a port of this machine, plain text only.

    A flight is what the client sends before it waits for an answer: one round trip.
    """

    upstream: int
    flights: list[list[bytes]] = field(default_factory=list)
    _server: Scripted = field(init=False)

    def __enter__(self) -> Self:
        self._server = Scripted(self._relay).__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.__exit__(kind, error, trace)

    @property
    def port(self) -> int:
        """The port to talk to instead."""
        return self._server.port

    @property
    def commands(self) -> list[bytes]:
        """Every line that the client sent."""
        return [line for flight in self.flights for line in flight]

    def _relay(self, line: Line) -> None:
        with socket.create_connection(("127.0.0.1", self.upstream)) as upstream:
            back = threading.Thread(target=_pump, args=(upstream, line.socket), daemon=True)
            back.start()
            while data := line.socket.recv(65536):
                self.flights.append(data.splitlines())
                upstream.sendall(data)
            upstream.shutdown(socket.SHUT_WR)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
