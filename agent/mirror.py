"""Keeps Alertmanagers informed: a state that is told again and again, not a queue.

One thread a peer, so that one that hangs delays no other.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.config.alertmanager import AlertmanagerReceiver
from agent.peer import Peer, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.config.settings import Settings
    from agent.metrics.own import OwnMetrics
    from agent.store import Store

RESEND = 60.0  # seconds
POST_SECONDS = 10.0


class Mirror:
    """Tells the peers of all Alertmanager receivers what is announced, from `start` to `stop`."""

    def __init__(  # noqa: PLR0913  what a test replaces is an argument
        self,
        settings: Settings,
        store: Store,
        own: OwnMetrics,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        chance: Callable[[], float] = random.random,
        resend: float = RESEND,
        post_seconds: float = POST_SECONDS,
    ) -> None:
        state = State(settings, store, clock, resend)
        self._peers = [
            Peer(receiver, url, state, own, chance=chance, post_seconds=post_seconds)
            for receiver in settings.receivers
            if isinstance(receiver, AlertmanagerReceiver)
            for url in receiver.urls
        ]

    @property
    def problem(self) -> str | None:
        """Why a receiver is not told, in one line; None while one peer of each is."""
        for name in dict.fromkeys(peer.receiver for peer in self._peers):
            errors = [peer.error for peer in self._peers if peer.receiver == name]
            if all(errors):
                return f"receiver {name}: {errors[0]}"
        return None

    def start(self) -> None:
        """Begin, with everything that fires or has ended lately."""
        for peer in self._peers:
            peer.thread.start()

    def wake(self) -> None:
        """Something has changed: call it after the commit."""
        for peer in self._peers:
            peer.wake.set()

    def stop(self, timeout: float) -> None:
        """End within `timeout` seconds; what is not told yet is told after the next start."""
        for peer in self._peers:
            peer.stopping.set()
            peer.wake.set()
        end = time.monotonic() + timeout
        for peer in self._peers:
            peer.thread.join(max(0.0, end - time.monotonic()))
