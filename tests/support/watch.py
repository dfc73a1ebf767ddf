"""Mailboxes that are polled all night, and what a receiver is told of it, on a real store."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from agent.ledger import Ledger
from agent.model import Failure, FailureKind, Poll
from agent.notify.routing import Routing
from agent.store import outbox
from tests.support.mailboxes import NOON, reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.config.settings import Settings
    from agent.store import Store

QUARTER = timedelta(minutes=15)
Told = tuple[str, str]  # rule and reason


class Watch:
    """The agent's ledger at work; whatever it wants to tell `ops` is accepted at once."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.now, self._store, self._settings = NOON, store, settings
        self.told: list[Told] = []
        self.restart()

    def restart(self) -> None:
        """The same with an agent that knows what its store does, and nothing else."""
        self._ledger = Ledger(
            self._settings, self._store, Routing(self._settings), lambda: None, lambda: self.now
        )
        self._ledger.open()

    def poll(self, outcomes: Iterable[tuple[str, FailureKind | None]]) -> list[Told]:
        """One poll of each of these mailboxes within the next quarter of an hour; what is told."""
        before = len(self.told)
        for number, (name, kind) in enumerate(outcomes, 1):
            at = self.now + timedelta(seconds=number)
            outcome = Failure(kind, "no") if kind else reading(10)
            self._ledger.write([Poll(name, at, 0.1, outcome)])
        self.wait(QUARTER)
        return self.told[before:]

    def wait(self, time: timedelta) -> list[Told]:
        """Let time pass; what is told meanwhile."""
        before = len(self.told)
        self.now += time
        self._ledger.review()
        with self._store.transaction() as connection:
            due = outbox.claim(connection, "ops", "0", self.now + timedelta(days=1), 1000)
            outbox.sent(connection, [each.key for each in due])
        changes = (each.transition for each in due)
        self.told += [(each.alert.key.rule, str(each.reason)) for each in changes]
        return self.told[before:]
