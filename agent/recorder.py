"""Where every poll ends: the single writer of history, alerts, outbox and metrics.

One thread, one transaction a batch: an alert's new state and its notifications are durable
together, before anyone is told.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING

import structlog

from agent.judge import Judge, by_account
from agent.model import Failure, Reading
from agent.store import StoreError, StoreUnavailable, alerts, history, outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from agent.config.settings import Settings
    from agent.judge import Decisions, Firing
    from agent.metrics import Exposition, OwnMetrics
    from agent.model import FailureKind, Poll
    from agent.store import Store

MOST_IN_BATCH = 2000  # polls of one transaction
BATCH_SECONDS = 0.25  # between two transactions under load; a lone poll is written at once
BEAT = 1.0  # seconds between two looks at what has become stale
MOST_SILENCE = 30.0  # seconds without a beat after which the recorder counts as stuck
TRY_AGAIN = 3.0  # seconds between two tries of a store that is not usable
PRUNE_EVERY = timedelta(hours=1)

log = structlog.get_logger()


class Recorder:
    """Takes finished polls from any thread, from `start` on, until `stop`.

    `wake` is called after each commit that put something into the outbox.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - one argument a room that it writes to
        self,
        settings: Settings,
        store: Store,
        exposition: Exposition,
        own: OwnMetrics,
        wake: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._accounts = {account.name: account for account in settings.accounts}
        self._judge = Judge(settings)
        self._store = store
        self._exposition = exposition
        self._own = own
        self._wake = wake
        self._clock = clock
        self._queue: SimpleQueue[Poll] = SimpleQueue()
        self._firing: Firing = by_account(())
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="recorder", daemon=True)
        self._beat = self._tried = self._written = time.monotonic()
        self._trouble: str | None = None
        self._unwritten: list[Poll] = []
        self._unrecorded = 0
        self._polled: set[str] = set()
        self._pruned = clock()
        self._failing: dict[str, FailureKind] = {}

    def put(self, poll: Poll) -> None:
        """Hand over a finished poll; never blocks. Accounts that are not configured are ignored."""
        if poll.account in self._accounts:
            self._queue.put(poll)

    def start(self) -> None:
        """Open the store, show every account, and begin to write.

        A store that cannot be used now is tried again later; polls go on meanwhile.

        Raises:
            StoreError: the store can never be used: locked, too new, not a place for one.
        """
        for account in self._settings.accounts:
            self._exposition.restore(account, self._settings.interval(account))
        try:
            self._open()
            self._recover()
        except StoreUnavailable as error:
            self._fail(error)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Write what is queued, then end."""
        self._stopping.set()
        self._thread.join(timeout)

    @property
    def problem(self) -> str | None:
        """Why nothing is written; None while all is well."""
        silent = time.monotonic() - self._beat
        if silent > MOST_SILENCE:
            return f"the recorder has been stuck for {silent:.0f} s"
        return self._trouble

    def _run(self) -> None:
        while not (self._stopping.is_set() and self._queue.empty()):
            self._beat = time.monotonic()
            batch = self._next_batch()
            try:
                self._record(batch)
                self._prune(self._clock())
            except Exception:
                log.exception("recorder.bug", polls=len(batch))
        self._tried = -TRY_AGAIN
        self._save(())
        if self._unwritten:
            unrecorded = self._unrecorded + len(self._unwritten)
            log.error("recorder.stopped", unrecorded_polls=unrecorded)

    def _next_batch(self) -> list[Poll]:
        """All that waits, as soon as there is something and the last transaction is past."""
        try:
            batch = [self._queue.get(timeout=BEAT)]
        except Empty:
            return []
        pause = self._written + BATCH_SECONDS - time.monotonic()
        if pause > 0:
            self._stopping.wait(pause)
        while len(batch) < MOST_IN_BATCH:
            try:
                batch.append(self._queue.get_nowait())
            except Empty:
                break
        return batch

    def _record(self, batch: Sequence[Poll]) -> None:
        for poll in batch:
            self._own.polled(poll)
            self._log(poll)
        late = self._unwritten
        self._save(batch)
        for poll in (*self._caught_up(late, batch), *batch):
            self._show(poll)
        self._exposition.expire(self._clock())

    def _show(self, poll: Poll) -> None:
        account = self._accounts[poll.account]
        firing = tuple(self._firing[poll.account].values())
        self._polled.add(poll.account)
        self._exposition.record(account, self._settings.interval(account), poll, firing)

    def _caught_up(self, late: Sequence[Poll], batch: Sequence[Poll]) -> list[Poll]:
        """Readings that were shown before they were written, so without the alerts they led to."""
        if self._unwritten:
            return []
        newer = {poll.account for poll in batch} | self._failing.keys()
        readings = (poll for poll in late if isinstance(poll.outcome, Reading))
        return [poll for poll in readings if poll.account not in newer]

    def _save(self, batch: Sequence[Poll]) -> None:
        """Write a batch, after what could not be written before; a store in trouble gets a rest."""
        self._unwritten = [*self._unwritten, *batch]
        resting = self._trouble is not None and time.monotonic() - self._tried < TRY_AGAIN
        if not resting and (self._unwritten or not self._store.is_open):
            self._tried = time.monotonic()
            try:
                if not self._store.is_open:
                    self._open()
                self._write(self._unwritten)
                self._recover()
            except StoreError as error:
                self._fail(error)
        self._put_off()

    def _put_off(self) -> None:
        """Keep each account's last reading and last failure; the rest goes unrecorded."""
        last = {(poll.account, type(poll.outcome)): poll for poll in self._unwritten}
        self._unrecorded += len(self._unwritten) - len(last)
        self._unwritten = sorted(last.values(), key=lambda poll: poll.at)

    def _write(self, polls: Sequence[Poll]) -> None:
        """Commit the first of what is unwritten; one bad poll does not cost the others theirs."""
        if not polls:
            return
        try:
            self._commit(polls)
        except StoreError:
            raise
        except Exception:
            log.exception("recorder.bug", first=polls[0].account, polls=len(polls))
            if len(polls) > 1:
                for poll in polls:
                    self._write([poll])
                return
        self._unwritten = self._unwritten[len(polls) :]

    def _commit(self, polls: Sequence[Poll]) -> None:
        """History, alerts and outbox in one; judged against what was persisted."""
        names = {poll.account for poll in polls}
        with self._store.transaction() as connection:
            firing = by_account(alerts.firing(connection, names).values())
            firing |= {name: {} for name in names - firing.keys()}  # nothing fires: say so, too
            decided = self._judge.judge(polls, firing)
            history.append(connection, polls)
            _keep(connection, decided)
        self._written = time.monotonic()
        self._firing |= firing
        self._tell(decided)

    def _prune(self, now: datetime) -> None:
        """In a transaction of its own: one that fails takes no poll with it."""
        if self._trouble is not None or now - self._pruned < PRUNE_EVERY:
            return
        self._pruned = now
        try:
            with self._store.transaction() as connection:
                history.prune(connection, now)
        except StoreError as error:
            self._fail(error)

    def _open(self) -> None:
        """Open the store, end the alerts of removed accounts, and show what it remembers."""
        self._store.open()
        with self._store.transaction() as connection:
            firing = by_account(alerts.firing(connection).values())
            decided = self._judge.close_removed(firing, self._clock())
            _keep(connection, decided)
            seen = history.last_success(connection)
        self._firing = firing
        self._tell(decided)
        for name in self._accounts.keys() - self._polled:  # what was polled since is newer
            account, alerting = self._accounts[name], tuple(firing[name].values())
            self._exposition.restore(
                account, self._settings.interval(account), seen.get(name), alerting
            )

    def _log(self, poll: Poll) -> None:
        """One line when an account begins to fail, fails otherwise, or is well again."""
        failed = self._failing.pop(poll.account, None)
        match poll.outcome:
            case Failure(kind, detail):
                self._failing[poll.account] = kind
                level = logging.DEBUG if failed is kind else logging.WARNING
                log.log(level, "poll.failed", account=poll.account, reason=kind, detail=detail)
            case Reading() if failed:
                log.info("poll.recovered", account=poll.account, after=failed)
            case Reading():
                log.debug("mailbox.polled", account=poll.account, seconds=round(poll.duration, 3))

    def _tell(self, decided: Decisions) -> None:
        for transition in decided.transitions:
            log.info(
                "alert.changed",
                account=transition.alert.key.account,
                reason=transition.reason or "eased",
                severity=transition.alert.severity,
                told=transition.alert.told,
            )
        if decided.notifications:
            self._wake()

    def _fail(self, error: StoreError) -> None:
        self._own.store_up.set(0)
        if self._trouble is None:
            log.error("store.unavailable", error=str(error))
        self._trouble = str(error)

    def _recover(self) -> None:
        self._own.store_up.set(1)
        if self._trouble is not None:
            log.warning("store.recovered", unrecorded_polls=self._unrecorded)
        self._trouble, self._unrecorded = None, 0


def _keep(connection: Connection, decided: Decisions) -> None:
    alerts.apply(connection, decided.transitions)
    outbox.enqueue(connection, decided.notifications)
