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
from agent.notify.addresses import Address, addresses
from agent.notify.backoff import next_attempt
from agent.notify.message import Style
from agent.notify.verdict import Rejected, Retry, Sent
from agent.store import StoreUnavailable, outbox, told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.config.settings import Settings
    from agent.metrics.own import OwnMetrics
    from agent.model import Notification
    from agent.store import Store

SEND_SECONDS = 60.0
MOST_LOGGED = 10  # keys of a digest that one line of the log names
LOOK_EVERY = 3.0  # seconds between two looks for what came into the outbox by another process
LONGEST_SLEEP = 60.0  # seconds; a wall clock that steps back must not hold a target up for long
LONGEST_SETTLING = 60.0  # seconds after a start for which what waits from before is held back
SETTLING_STEP = 0.1
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
        ready: Callable[[], bool] = lambda: True,
        chance: Callable[[], float] = random.random,
        send_seconds: float = SEND_SECONDS,
    ) -> None:
        self._books = books = Books(settings, store, own, clock)
        self._ready = ready
        self._stopping = Event()
        self._watch = Thread(target=self._look, name="delivery-watch", daemon=True)
        style = Style(settings.agent.language, settings.agent.zone, settings.agent.templates)
        self._lanes = [
            _Lane(address, books, chance=chance, send_seconds=send_seconds)
            for receiver in settings.receivers
            for address in addresses(receiver, style)
        ]

    def start(self) -> None:
        """Begin, with what waits from before; it is sent when every mailbox was looked at again.

        Meanwhile it may have become untrue: then its end takes it off the outbox, unsent.
        """
        waits = False
        with suppress(StoreUnavailable), self._books.store.transaction() as connection:
            self._books.tidy(connection)  # each lane does too, but there may be none left
            self._books.report(connection)
            waits = any(backlog.waiting for backlog in outbox.pending(connection).values())
        for lane in self._lanes:
            lane.ready = self._ready if waits else None
            lane.thread.start()
        self._watch.start()

    def wake(self) -> None:
        """There may be something new: call it after the commit that put it into the outbox."""
        for lane in self._lanes:
            lane.wake.set()

    def _look(self) -> None:
        """Wake the lanes of what `notify retry` let wait again, which nobody else tells of."""
        while not self._stopping.wait(LOOK_EVERY):
            with suppress(StoreUnavailable), self._books.store.reading() as connection:
                due = outbox.due_for(connection, self._books.clock())
                for lane in self._lanes:
                    if lane.receiver in due:
                        lane.wake.set()

    def stop(self, timeout: float) -> None:
        """End within `timeout` seconds; what was not sent by then stays in the outbox."""
        self._stopping.set()
        for lane in self._lanes:
            lane.stopping.set()
            lane.wake.set()
        end = time.monotonic() + timeout
        for thread in (self._watch, *(lane.thread for lane in self._lanes)):
            thread.join(max(0.0, end - time.monotonic()))


class _Lane:
    """The thread of one target, or of all the owners that one receiver tells."""

    def __init__(
        self,
        address: Address,
        books: Books,
        *,
        chance: Callable[[], float],
        send_seconds: float,
    ) -> None:
        self._address, self._books = address, books
        self.receiver = receiver = address.receiver
        self._chance, self._send_seconds = chance, send_seconds
        self._lock = Lock()
        self._accepted: set[str] = set()  # by the target, and perhaps not yet off the outbox
        # An owner's address is personal data: the log does without.
        self._log = log.bind(receiver=receiver, target=address.target or "owners")
        self.wake, self.stopping = Event(), Event()
        self.ready: Callable[[], bool] | None = None
        self.thread = Thread(target=self._run, name=f"delivery-{receiver}", daemon=True)

    def _run(self) -> None:
        waits_for_store = False
        self._settle_down()
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

    def _settle_down(self) -> None:
        """Wait until the agent knows how things stand, but not for ever."""
        end = time.monotonic() + LONGEST_SETTLING
        while self.ready and not self.ready() and time.monotonic() < end:
            if self.stopping.wait(SETTLING_STEP):
                return

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
            now, receiver = self._books.clock(), self.receiver
            target = self._address.target or outbox.first_due(connection, receiver, now)
            most = self._address.digest(outbox.count(connection, receiver, target))
            batch = outbox.claim(connection, receiver, target, now, most) if target else []
            due = outbox.next_due(connection, receiver, self._address.target)
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
            told.record(connection, accepted, self._books.clock())
            outbox.sent(connection, accepted)
        with self._lock:
            self._accepted.difference_update(accepted)

    def _deliver(self, batch: Sequence[Notification]) -> None:
        late = partial(self._accept_late, [one.key for one in batch])
        sink, say = self._address.sink(batch[0].target), partial(self._address.say, batch)
        match sink.send(say, self._send_seconds, late):
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
        self._books.count(self.receiver, "sent", len(batch))
        keys = [one.key for one in batch[:MOST_LOGGED]]
        self._log.info("notification.sent", count=len(batch), keys=keys)
        self._settle()

    def _accept_late(self, keys: Sequence[str]) -> None:
        with self._lock:
            self._accepted.update(keys)
        self._books.count(self.receiver, "sent", len(keys))
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
        self._books.count(self.receiver, "failed", len(batch))
        self._log.warning("notification.failed", count=len(batch), error=error, again=str(due))

    def _give_up(self, batch: Sequence[Notification], error: str) -> None:
        with self._books.store.transaction() as connection:
            outbox.bury(connection, [one.key for one in batch], error)
        self._books.count(self.receiver, "dead", len(batch))
        self._log.error("notification.dead", count=len(batch), error=error)
