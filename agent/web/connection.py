"""An HTTP connection that nobody can hold for ever, from its first byte on."""

from __future__ import annotations

from asyncio.sslproto import SSLProtocol
from typing import TYPE_CHECKING, Any

import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

from agent.web.tls import names_of

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Callable

    from agent.web.gate import Gate

HANDSHAKE = 10.0  # seconds from connecting to the end of the TLS handshake
PATIENCE = 60.0  # seconds from there, or from the last answer, to the end of the next answer
GRACE = 1  # seconds that an answer under way still has when the server stops
MOST_UNSENT = 64 * 1024  # bytes that wait for a slow reader before the application waits too
MOST_SLOW = 8  # clients that may leave an answer unread, each of which is a page in memory
MOST_CONNECTIONS = 128  # far below the usual 1,024 descriptors, which polls need too

log = structlog.get_logger()


class BoundedConnection(H11Protocol):
    """uvicorn's connection with a deadline and a place in a bounded crowd, and TLS of its own.

    uvicorn itself bounds only the pause after an answer: a client that never finishes its
    handshake or request, or never reads the answer, would keep its descriptor and buffers for
    ever. And its TLS is that of the day it was started.
    """

    _tcp: asyncio.Transport  # the one to abort: TLS that is closing would take no notice
    _deadline: asyncio.TimerHandle
    _in_handshake = False

    def __init__(self, *uvicorns: Any, gate: Callable[[], Gate], **more: Any) -> None:
        super().__init__(*uvicorns, **more)
        self._gate = gate

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Called by the listener, and after a handshake once more, by TLS."""
        if not self._in_handshake:
            self._tcp = transport
            self._make_room()
            context = self._gate().context
            self.app_state = {
                "context": context,
                "certificate": None,
                "is_gone": transport.is_closing,
            }
            patience = HANDSHAKE if context else PATIENCE
            self._deadline = self.loop.call_later(patience, self.drop)
            if context:
                self._shake_hands(transport, context)
                return
        self._in_handshake = False
        if certificate := transport.get_extra_info("peercert"):
            self.app_state["certificate"] = names_of(certificate)
        transport.set_write_buffer_limits(MOST_UNSENT)
        super().connection_made(transport)
        self._postpone(PATIENCE)

    def pause_writing(self) -> None:
        """Note that the client reads slowly; one too many costs the slowest its answer."""
        super().pause_writing()
        slow = [other for other in self._rivals() if other.is_slow]
        if len(slow) > MOST_SLOW:
            min(slow, key=BoundedConnection.deadline).drop()

    @property
    def is_slow(self) -> bool:
        """Whether the application waits for the client to read."""
        return not self._in_handshake and self.flow.write_paused

    def on_response_complete(self) -> None:
        """Grant the next request its time."""
        self._postpone(PATIENCE)
        super().on_response_complete()

    def shutdown(self) -> None:
        """End an idle connection now, and one with an answer under way after a moment's grace."""
        if self._in_handshake:
            self.drop()
            return
        self._postpone(GRACE)
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline with the connection."""
        self._deadline.cancel()
        super().connection_lost(exc)

    def deadline(self) -> float:
        """The event loop's time at which this connection is dropped."""
        return self._deadline.when()

    def drop(self) -> None:
        """End it now, whatever it is doing, and free its place before the loop has told it."""
        self._tcp.abort()
        self.connections.discard(self)

    def _make_room(self) -> None:
        """One connection too many costs the one that has waited longest its place."""
        rivals = self._rivals()
        if len(rivals) >= MOST_CONNECTIONS:
            min(rivals, key=BoundedConnection.deadline).drop()

    def _rivals(self) -> list[BoundedConnection]:
        return [other for other in self.connections if isinstance(other, BoundedConnection)]

    def _shake_hands(self, transport: asyncio.Transport, context: ssl.SSLContext) -> None:
        """Count from now on, and let TLS call `connection_made` when the handshake is done.

        `loop.start_tls` would do, but for the data that it passes on before its caller can.
        """
        self._in_handshake = True
        self.connections.add(self)
        done = self.loop.create_future()
        done.add_done_callback(self._after_handshake)
        tls = SSLProtocol(
            self.loop, self, context, done, server_side=True, ssl_shutdown_timeout=PATIENCE
        )
        transport.set_protocol(tls)
        tls.connection_made(transport)

    def _after_handshake(self, done: asyncio.Future[Any]) -> None:
        """Give the place away if the handshake failed, of which TLS tells nobody else."""
        if problem := done.exception():
            log.debug("web.handshake_failed", problem=str(problem) or type(problem).__name__)
        if self._in_handshake:
            self._deadline.cancel()
            self.connections.discard(self)

    def _postpone(self, seconds: float) -> None:
        self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.drop)
