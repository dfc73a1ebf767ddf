"""The single writer's thread: takes polls, has them written, shows them, outlives a bad store."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from threading import Thread
from typing import TYPE_CHECKING

import structlog

from agent.inbox import Inbox
from agent.ledger import Ledger
from agent.model import Reading
from agent.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent.config.settings import Settings
    from agent.metrics.exposition import Exposition
    from agent.model import Poll
    from agent.rules.judgement import Audience
    from agent.store import Store
    from agent.store.overview import Overview

TICK = 1.0  # seconds between two looks at what has become stale
PRUNE_EVERY = 3600.0
REVIEWED_A_SECOND = 5_000  # mailboxes, so that a large fleet is reviewed less often
RETRY_EVERY = 3.0  # seconds between two tries of a store that failed
SHORTEST_PACE, LONGEST_PACE = 0.25, 2.0  # seconds from one batch to the next, under load

log = structlog.get_logger()


class Recorder:
    """Writes every poll, from a thread of its own; `put` may be called from any.

    `audience` says whom alerts concern; `wake` is called when notifications are committed.
    `problem` is the store's trouble in one line, or None;
    `last_beat` is when the thread last went round, by `time.monotonic`.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - every part that a poll passes through, once
        self,
        settings: Settings,
        store: Store,
        exposition: Exposition,
        audience: Audience,
        wake: Callable[[], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.problem: str | None = None
        self.last_beat = time.monotonic()
        self._accounts = {each.name: each for each in settings.accounts}
        self._intervals = {each.name: settings.interval(each) for each in settings.accounts}
        self._exposition, self._clock = exposition, clock
        self._inbox = Inbox()
        self._ledger = Ledger(settings, store, audience, wake, clock)
        self._thread = Thread(target=self._run, name="recorder", daemon=True)
        self._unsaved: dict[tuple[str, type], Poll] = {}
        self._lost = 0
        self._retry_at = self._prune_at = self._expire_at = self._due_at = self._review_at = 0.0

    @property
    def unwritten(self) -> Sequence[Poll]:
        """The polls that the store has yet to take, the latest of each account among them."""
        return sorted(self._unsaved.values(), key=lambda poll: poll.at)

    def known(self) -> Mapping[str, Overview]:
        """What was known of each mailbox when the store last worked; see `Ledger.known`."""
        return self._ledger.known()

    def put(self, poll: Poll) -> None:
        """Hand over a finished poll; never blocks."""
        self._inbox.put(poll)

    def start(self) -> None:
        """Show what the store remembers, close alerts of removed accounts, and begin to write."""
        self._restore(self._open() or {})
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Write what is queued, and end; a store that hangs holds this for `timeout` seconds."""
        self._inbox.close()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._inbox.ended:
            polls = self._inbox.batch(TICK, due=self._due_at)
            self.last_beat = time.monotonic()
            self._go_round([poll for poll in polls if poll.account in self._accounts])
        self._retry_at = 0.0
        self._go_round([])
        if self._lost or self._unsaved:
            log.error("recorder.stopped", unrecorded_polls=self._lost + len(self._unsaved))

    def _go_round(self, polls: Sequence[Poll]) -> None:
        self._safely(self._reopen)
        self._safely(self._record, polls)
        self._safely(self._review)
        self._safely(self._prune)
        self._safely(self._expire)

    def _open(self) -> Mapping[str, datetime] | None:
        """Open the store: each account's last success, or None where it cannot be opened."""
        try:
            return self._ledger.open()
        except StoreError as error:
            self._degrade(error)
            return None

    def _reopen(self) -> None:
        """A store that was away from the start, or that was corrupt: also without any poll."""
        if self._ledger.ready or self._must_wait():
            return
        seen = self._open()
        if seen is not None:
            self._restore(seen)
            self._recover()

    def _restore(self, seen: Mapping[str, datetime]) -> None:
        rejected = {name for name, each in self._ledger.refusals.items() if each.times}
        for name, account in self._accounts.items():
            self._exposition.restore(
                account,
                self._intervals[name],
                seen.get(name),
                self._ledger.firing(name),
                rejected=name in rejected,
            )

    def _record(self, polls: Sequence[Poll]) -> None:
        """Write polls, and those that could not be written before; show them either way."""
        late = list(self._unsaved.values())
        batch = sorted((*late, *polls), key=lambda poll: poll.at)
        refused = self._save(batch)
        self._put_off(refused)
        shown = list(polls)
        if batch and not refused:
            shown += self._caught_up(late, batch)
            self._recover()
        for poll in shown:
            self._safely(self._show, poll)

    def _save(self, batch: Sequence[Poll]) -> Sequence[Poll]:
        """Write a batch; return what of it the store refused."""
        if not batch or not self._ledger.ready or self._must_wait():
            return batch
        began = time.monotonic()
        try:
            self._ledger.write(batch)
        except StoreError as error:
            self._degrade(error)
            return batch
        except Exception:  # one mailbox's figures must not cost the others theirs
            log.exception("recorder.batch_failed", polls=len(batch))
            return self._save_singly(batch)
        now = time.monotonic()
        self._due_at = now + min(max(now - began, SHORTEST_PACE), LONGEST_PACE)
        return ()

    def _save_singly(self, batch: Sequence[Poll]) -> Sequence[Poll]:
        """Write all but the bad polls of a batch; return what the store refused meanwhile."""
        for number, poll in enumerate(batch):
            try:
                self._ledger.write([poll])
            except StoreError as error:
                self._degrade(error)
                return batch[number:]
            except Exception:  # it is told, and the others go on
                log.exception("recorder.poll_failed", account=poll.account)
        return ()

    def _show(self, poll: Poll) -> None:
        name = poll.account
        account, interval = self._accounts[name], self._intervals[name]
        alerts, full_at = self._ledger.firing(name), self._ledger.full_at(name)
        self._exposition.record(account, interval, poll, alerts, full_at)

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

    def _must_wait(self) -> bool:
        return time.monotonic() < self._retry_at

    def _degrade(self, error: StoreError) -> None:
        self._retry_at = time.monotonic() + RETRY_EVERY
        begins, self.problem = self.problem is None, str(error)
        if begins:
            log.error("store.unavailable", problem=str(error), effect="polls go on unrecorded")

    def _recover(self) -> None:
        """The store works again; not yet, while it has not taken what it refused."""
        if self.problem is not None and not self._unsaved:
            log.warning("store.recovered", unrecorded_polls=self._lost)
            self.problem, self._lost = None, 0

    def _review(self) -> None:
        """Judge what time brings about: outages, and figures that become too old."""
        if time.monotonic() < self._review_at or not self._ledger.ready or self._must_wait():
            return
        self._review_at = time.monotonic() + max(TICK, len(self._accounts) / REVIEWED_A_SECOND)
        try:
            changed = self._ledger.review()
        except StoreError as error:
            self._degrade(error)
            return
        for name in changed & self._accounts.keys():
            self._exposition.fire(name, self._ledger.firing(name))

    def _expire(self) -> None:
        if time.monotonic() >= self._expire_at:
            self._expire_at = time.monotonic() + TICK
            self._exposition.expire(self._clock())

    def _prune(self) -> None:
        if self._unsaved or self._must_wait() or time.monotonic() < self._prune_at:
            return
        try:
            self._ledger.prune()
        except StoreError as error:
            self._degrade(error)
        else:
            self._prune_at = time.monotonic() + PRUNE_EVERY
            self._recover()

    @staticmethod
    def _safely(step: Callable[..., object], *arguments: object) -> None:
        """The thread outlives whatever goes wrong in one step."""
        try:
            step(*arguments)
        except Exception:  # the outermost net of this thread
            log.exception("recorder.failed", step=step.__name__)
