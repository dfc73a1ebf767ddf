"""What all targets of the delivery share: the outbox, its metrics, the count of what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from agent.metrics.own import Waiting
from agent.notify.routing import all_targets
from agent.store import outbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from agent.config.settings import Settings
    from agent.metrics.own import OwnMetrics
    from agent.store import Store

log = structlog.get_logger()


class Books:
    """Safe to use from any thread; `tidied` is set by whoever has committed a `tidy`."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        own: OwnMetrics,
        clock: Callable[[], datetime],
    ) -> None:
        self.store, self.own, self.clock = store, own, clock
        self._targets = {
            (receiver.name, target)
            for receiver in settings.receivers
            for target in all_targets(receiver, settings.accounts)
        }
        self._receivers = [receiver.name for receiver in settings.receivers]
        self.tidied = False

    def tidy(self, connection: Connection) -> None:
        """Give up what waits for targets that are no longer configured."""
        if self.tidied:
            return
        error = "the receiver is no longer configured"
        for receiver, count in outbox.bury_unknown(connection, self._targets, error).items():
            log.warning("notification.dead", receiver=receiver, count=count, error=error)
            self.count(receiver, "dead", count)

    def report(self, connection: Connection) -> None:
        """Show the outbox in the metrics; inside the transaction, so that no lane is late."""
        shares = {name: Waiting() for name in self._receivers}
        for name, backlog in outbox.pending(connection).items():
            shares[name] = Waiting(backlog.waiting, backlog.oldest, backlog.dead)
        self.own.outbox(shares)

    def count(self, receiver: str, result: str, count: int) -> None:
        """Count attempts to notify: sent, failed or dead."""
        for _ in range(count):
            self.own.notified(receiver, result)
