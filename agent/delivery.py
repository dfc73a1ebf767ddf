"""From the outbox to the receivers: at least once, each target on its own.

One thread a target, so that one that hangs delays no other. A notification leaves the outbox
only when its target has accepted it, or as a dead letter that log and metrics show.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

import structlog

from agent.books import Books
from agent.notify.apprise import AppriseSink
from agent.notify.backoff import next_attempt
from agent.notify.message import compose
from agent.notify.verdict import Rejected, Retry, Sent
from agent.store import StoreUnavailable, outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.config.settings import Settings
    from agent.metrics.own import OwnMetrics
    from agent.model import Notification
    from agent.store import Store

DIGEST = 100  # notifications in one message at most
SEND_SECONDS = 60.0
LONGEST_SLEEP = 60.0  # seconds; a wall clock that steps back must not hold a target up for long
STORE_PAUSE = 5.0  # seconds before a store that failed is used again

log = structlog.get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Delivery:
    """Sends what the outbox holds, from `start` on, until `stop`."""

    def __init__(  # noqa: PLR0913  what a test replaces is an argument
        self,
        settings: Settings,
        store: Store,
        own: OwnMetrics,
        clock: Callable[[], datetime] = _utc_now,
        *,
        chance: Callable[[], float] = random.random,
        send_seconds: float = SEND_SECONDS,
    ) -> None:
        self._books = books = Books(settings, store, own, clock)
        self._lanes = [
            _Lane(
                receiver.name,
                str(ordinal),
                AppriseSink(target),
                books,
                chance=chance,
                send_seconds=send_seconds,
            )
            for receiver in settings.receivers
            for ordinal, target in enumerate(receiver.targets())
        ]

    def start(self) -> None:
        """Begin; whatever is due from before is sent first."""
        with suppress(StoreUnavailable), self._books.store.transaction() as connection:
            self._books.tidy(connection)  # each lane does too, but there may be none left
            self._books.report(connection)
        for lane in self._lanes:
            lane.thread.start()

    def wake(self) -> None:
        """There may be something new: call it after the commit that put it into the outbox."""
        for lane in self._lanes:
            lane.wake.set()

    def stop(self, timeout: float) -> None:
        """End within `timeout` seconds; what was not sent by then stays in the outbox."""
        for lane in self._lanes:
            lane.stopping.set()
            lane.wake.set()
        end = time.monotonic() + timeout
        for lane in self._lanes:
            lane.thread.join(max(0.0, end - time.monotonic()))


class _Lane:
    """One target's thread."""

    def __init__(  # noqa: PLR0913  private, built in one place
        self,
        receiver: str,
        target: str,
        sink: AppriseSink,
        books: Books,
        *,
        chance: Callable[[], float],
        send_seconds: float,
    ) -> None:
        self._receiver, self._target, self._sink, self._books = receiver, target, sink, books
        self._chance, self._send_seconds = chance, send_seconds
        self._lock = Lock()
        self._accepted: set[str] = set()  # by the target, and perhaps not yet off the outbox
        self._log = log.bind(receiver=receiver, target=target)
        self.wake, self.stopping = Event(), Event()
        self.thread = Thread(target=self._run, name=f"delivery-{receiver}-{target}", daemon=True)

    def _run(self) -> None:
        waits_for_store = False
        while not self.stopping.is_set():
            self.wake.clear()  # before the outbox is read, so that no call is lost
            try:
                pause = self._round()
                waits_for_store = False
            except StoreUnavailable as error:
                if not waits_for_store:
                    self._log.warning("delivery.store_unavailable", problem=str(error))
                waits_for_store, pause = True, STORE_PAUSE
            except Exception:  # noqa: BLE001  a thread's outermost loop logs and goes on
                self._log.exception("delivery.failed")
                pause = STORE_PAUSE
            self.wake.wait(pause)
        with suppress(StoreUnavailable):
            self._settle()

    def _round(self) -> float:
        """Send all that is due; return the seconds until something will be."""
        while not self.stopping.is_set():
            batch, due = self._claim()
            if not batch:
                wait = (due - self._books.clock()).total_seconds() if due else LONGEST_SLEEP
                return min(max(wait, 0.0), LONGEST_SLEEP)
            self._deliver(batch)
        return 0.0

    def _claim(self) -> tuple[list[Notification], datetime | None]:
        """What is due, or else when something will be; the attempt is counted before it is made."""
        self._settle()
        with self._books.store.transaction() as connection:
            self._books.tidy(connection)
            batch = outbox.claim(
                connection, self._receiver, self._target, self._books.clock(), DIGEST
            )
            due = outbox.next_due(connection, self._receiver, self._target)
            self._books.report(connection)
        self._books.tidied = True
        return batch, due

    def _settle(self) -> None:
        """Take off the outbox what the target has accepted."""
        with self._lock:
            accepted = tuple(self._accepted)
        if not accepted:
            return
        with self._books.store.transaction() as connection:
            outbox.sent(connection, accepted)
        with self._lock:
            self._accepted.difference_update(accepted)

    def _deliver(self, batch: Sequence[Notification]) -> None:
        late = partial(self._accept_late, [one.key for one in batch])
        match self._sink.send(compose(batch), self._send_seconds, late):
            case Sent():
                self._accept(batch)
            case Retry(error, after):
                self._retry(batch, error, after)
            case Rejected(_) if len(batch) > 1:
                # One message that a target cannot take must not cost it the others.
                middle = len(batch) // 2
                self._deliver(batch[:middle])
                self._deliver(batch[middle:])
            case Rejected(error):
                self._give_up(batch, error)

    def _accept(self, batch: Sequence[Notification]) -> None:
        """Remembered first: if the store fails now, this process will not send it again."""
        with self._lock:
            self._accepted.update(one.key for one in batch)
        self._books.count(self._receiver, "sent", len(batch))
        self._log.info("notification.sent", count=len(batch), keys=[one.key for one in batch])
        self._settle()

    def _accept_late(self, keys: Sequence[str]) -> None:
        with self._lock:
            self._accepted.update(keys)
        self._books.count(self._receiver, "sent", len(keys))
        self._log.info("notification.sent_late", count=len(keys))
        self.wake.set()

    def _retry(self, batch: Sequence[Notification], error: str, after: float | None) -> None:
        now, chance = self._books.clock(), self._chance()
        attempts = max(one.attempts for one in batch)
        due = {one: next_attempt(attempts, one.transition.at, now, chance, after) for one in batch}
        if old := [one for one, at in due.items() if at is None]:
            self._give_up(old, error)
        if again := [one for one, at in due.items() if at is not None]:
            self._try_again(again, max(at for at in due.values() if at), error)

    def _try_again(self, batch: Sequence[Notification], due: datetime, error: str) -> None:
        with self._books.store.transaction() as connection:
            outbox.retry(connection, [one.key for one in batch], due, error)
        self._books.count(self._receiver, "failed", len(batch))
        self._log.warning("notification.failed", count=len(batch), error=error, again=str(due))

    def _give_up(self, batch: Sequence[Notification], error: str) -> None:
        with self._books.store.transaction() as connection:
            outbox.bury(connection, [one.key for one in batch], error)
        self._books.count(self._receiver, "dead", len(batch))
        self._log.error("notification.dead", count=len(batch), error=error)
