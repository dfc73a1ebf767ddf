"""An HTTP connection that nobody can hold for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

PATIENCE = 60.0  # seconds from connecting, or from the last answer, to the end of the next answer
GRACE = 1  # seconds that an answer under way still has when the server stops
MOST_CONNECTIONS = 128  # far below the usual 1,024 descriptors, which polls need too


class BoundedConnection(H11Protocol):
    """uvicorn's connection with a deadline and a place in a bounded crowd.

    uvicorn itself bounds only the pause after an answer: a client that never finishes its
    request, or never reads the answer, would keep its descriptor and buffers for ever.
    """

    _deadline: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Accept the client; one too many costs the one that has waited longest its place."""
        rivals = [other for other in self.connections if isinstance(other, BoundedConnection)]
        if len(rivals) >= MOST_CONNECTIONS:
            longest = min(rivals, key=BoundedConnection.deadline)
            longest.transport.abort()
            self.connections.discard(longest)  # now, not when the loop has told it
        super().connection_made(transport)
        self._deadline = self.loop.call_later(PATIENCE, transport.abort)

    def on_response_complete(self) -> None:
        """Grant the next request its time."""
        self._postpone(PATIENCE)
        super().on_response_complete()

    def shutdown(self) -> None:
        """End an idle connection now, and one with an answer under way after a moment's grace."""
        self._postpone(GRACE)
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline with the connection."""
        self._deadline.cancel()
        super().connection_lost(exc)

    def deadline(self) -> float:
        """The event loop's time at which this connection is dropped."""
        return self._deadline.when()

    def _postpone(self, seconds: float) -> None:
        self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)
