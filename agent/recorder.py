"""The single writer: polls in; history, alerts, outbox and metrics out, one transaction a batch."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from threading import Thread
from typing import TYPE_CHECKING

import structlog

from agent.inbox import Inbox
from agent.model import Reading
from agent.rules.judgement import Policy, Verdict, close_removed, judge
from agent.store import StoreError, alerts, history, outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from agent.config.settings import Settings
    from agent.metrics.exposition import Exposition
    from agent.model import Alert, Poll, Transition
    from agent.rules.judgement import Route
    from agent.store import Store

TICK = 1.0  # seconds between two looks at what has become stale
PRUNE_EVERY = 3600.0
RETRY_EVERY = 3.0  # seconds between two tries of a store that failed
SHORTEST_PACE, LONGEST_PACE = 0.25, 2.0  # seconds from one batch to the next, under load

log = structlog.get_logger()


class Recorder:
    """Writes every poll, from a thread of its own; `put` may be called from any.

    `route` names the receivers for an account's tags, a severity and a rule; `wake` is called
    when notifications are committed. `problem` is the store's trouble in one line, or None;
    `last_beat` is when the thread last went round, by `time.monotonic`.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - every part that a poll passes through, once
        self,
        settings: Settings,
        store: Store,
        exposition: Exposition,
        route: Route,
        wake: Callable[[], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.problem: str | None = None
        self.last_beat = time.monotonic()
        self._intervals = {each.name: settings.interval(each) for each in settings.accounts}
        self._policy = Policy(
            accounts={each.name: each for each in settings.accounts},
            alerts=settings.alerts,
            targets={each.name: len(each.targets()) for each in settings.receivers},
            route=route,
        )
        self._store, self._exposition, self._wake, self._clock = store, exposition, wake, clock
        self._inbox = Inbox()
        self._thread = Thread(target=self._run, name="recorder", daemon=True)
        self._alerts: dict[str, tuple[Alert, ...]] = {}
        self._unsaved: dict[tuple[str, type], Poll] = {}
        self._lost = 0
        self._remembered = False
        self._retry_at = self._prune_at = self._expire_at = self._saved_at = 0.0
        self._pace = SHORTEST_PACE

    def put(self, poll: Poll) -> None:
        """Hand over a finished poll; never blocks."""
        self._inbox.put(poll)

    def start(self) -> None:
        """Show what the store remembers, close alerts of removed accounts, and begin to write."""
        seen: dict[str, datetime] = {}
        try:
            seen = self._remember()
        except StoreError as error:
            self._degrade(error)
        for name, account in self._policy.accounts.items():
            self._exposition.restore(
                account, self._intervals[name], seen.get(name), self._alerts.get(name, ())
            )
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Write what is queued, and end; a store that hangs holds this for `timeout` seconds."""
        self._inbox.close()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._inbox.ended:
            polls = self._inbox.batch(TICK, due=self._saved_at + self._pace)
            self.last_beat = time.monotonic()
            self._safely(self._record, [poll for poll in polls if poll.account in self._intervals])
            self._safely(self._expire)
            self._safely(self._prune)
        self._retry_at = 0.0
        self._safely(self._record, [])
        if self._lost or self._unsaved:
            _say(log.error, "recorder.stopped", unrecorded_polls=self._lost + len(self._unsaved))

    def _record(self, polls: Sequence[Poll]) -> None:
        """Write polls, and those that could not be written before; show them either way."""
        late = list(self._unsaved.values())
        batch = sorted((*late, *polls), key=lambda poll: poll.at)
        refused = self._save(batch) if time.monotonic() >= self._retry_at else batch
        self._put_off(refused)
        shown = list(polls)
        if batch and not refused:
            shown += self._caught_up(late, batch)
            self._recover()
        for poll in shown:
            self._safely(self._show, poll)

    def _save(self, batch: Sequence[Poll]) -> Sequence[Poll]:
        """Write a batch; return what of it the store refused."""
        if not batch:
            return batch
        began = time.monotonic()
        try:
            self._write(batch)
        except StoreError as error:
            self._degrade(error)
            return batch
        except Exception:  # noqa: BLE001 - one mailbox's figures must not cost the others theirs
            _say(log.exception, "recorder.batch_failed", polls=len(batch))
            return self._save_singly(batch)
        self._saved_at = time.monotonic()
        self._pace = min(max(self._saved_at - began, SHORTEST_PACE), LONGEST_PACE)
        return ()

    def _save_singly(self, batch: Sequence[Poll]) -> Sequence[Poll]:
        """Write all but the bad polls of a batch; return what the store refused meanwhile."""
        for number, poll in enumerate(batch):
            try:
                self._write([poll])
            except StoreError as error:
                self._degrade(error)
                return batch[number:]
            except Exception:  # noqa: BLE001 - it is told, and the others go on
                _say(log.exception, "recorder.poll_failed", account=poll.account)
        return ()

    def _write(self, polls: Sequence[Poll]) -> None:
        if not self._remembered:
            self._remember()
        accounts = {poll.account for poll in polls}
        with self._store.transaction() as connection:
            firing = alerts.firing(connection, accounts)
            verdict = judge(self._policy, polls, firing, self._clock())
            history.append(connection, polls)
            _keep(connection, verdict)
        self._tell(verdict, accounts)

    def _remember(self) -> dict[str, datetime]:
        """Open the store, end what is configured no more; return each account's last success."""
        if not self._store.is_open:
            self._store.open()
        with self._store.transaction() as connection:
            firing = alerts.firing(connection)
            verdict = close_removed(self._policy, firing, self._clock())
            _keep(connection, verdict)
            seen = history.last_success(connection)
        self._tell(verdict, {key.account for key in firing})
        self._remembered = True
        return seen

    def _tell(self, verdict: Verdict, accounts: set[str]) -> None:
        """Let log, metrics and delivery know of what is committed."""
        by_account: dict[str, tuple[Alert, ...]] = dict.fromkeys(accounts, ())
        for alert in verdict.firing.values():
            by_account[alert.key.account] += (alert,)
        self._alerts |= by_account
        if verdict.notifications:
            self._wake()
        for change in verdict.transitions:
            _log(change)

    def _show(self, poll: Poll) -> None:
        account = self._policy.accounts[poll.account]
        firing = self._alerts.get(poll.account, ())
        self._exposition.record(account, self._intervals[poll.account], poll, firing)

    @staticmethod
    def _caught_up(late: Sequence[Poll], batch: Sequence[Poll]) -> list[Poll]:
        """Readings that were shown already, but not with the alerts that they have led to now."""
        latest = {poll.account: poll for poll in batch}
        return [
            poll
            for poll in late
            if poll is latest[poll.account] and isinstance(poll.outcome, Reading)
        ]

    def _put_off(self, polls: Sequence[Poll]) -> None:
        """Keep each account's last reading and last failure until the store is back."""
        self._unsaved = {(poll.account, type(poll.outcome)): poll for poll in polls}
        self._lost += len(polls) - len(self._unsaved)

    def _degrade(self, error: StoreError) -> None:
        self._retry_at = time.monotonic() + RETRY_EVERY
        self._remembered = self._remembered and self._store.is_open
        begins, self.problem = self.problem is None, str(error)
        if begins:
            _say(
                log.error, "store.unavailable", problem=str(error), effect="polls go on unrecorded"
            )

    def _recover(self) -> None:
        if self.problem is not None:
            _say(log.warning, "store.recovered", unrecorded_polls=self._lost)
            self.problem, self._lost = None, 0

    def _expire(self) -> None:
        if time.monotonic() >= self._expire_at:
            self._expire_at = time.monotonic() + TICK
            self._exposition.expire(self._clock())

    def _prune(self) -> None:
        if self.problem is not None or time.monotonic() < self._prune_at:
            return
        self._prune_at = time.monotonic() + PRUNE_EVERY
        try:
            with self._store.transaction() as connection:
                history.prune(connection, self._clock())
        except StoreError as error:
            self._degrade(error)

    @staticmethod
    def _safely(step: Callable[..., object], *arguments: object) -> None:
        """The thread outlives whatever goes wrong in one step."""
        try:
            step(*arguments)
        except Exception:  # noqa: BLE001 - the outermost net of this thread
            _say(log.exception, "recorder.failed", step=step.__name__)


def _keep(connection: Connection, verdict: Verdict) -> None:
    alerts.apply(connection, verdict.transitions)
    outbox.enqueue(connection, verdict.notifications)


def _log(change: Transition) -> None:
    key, finding = change.alert.key, change.finding
    _say(
        log.info,
        "alert.changed",
        reason=change.reason.value if change.reason else "eased",
        account=key.account,
        rule=key.rule,
        root=key.root,
        resource=key.resource,
        severity=change.alert.severity.value,
        used=finding.used,
        limit=finding.limit,
    )


def _say(log_as: Callable[..., object], event: str, **fields: object) -> None:
    with suppress(OSError):  # The log may be a file on the very disk that is full.
        log_as(event, **fields)
