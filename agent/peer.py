"""One Alertmanager, and what it has been told.

It hears of a change at once, and of everything again and again: what it is not told again it holds
for over. One that was away hears what is true now, and not what it has missed.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

import structlog

from agent.notify.alertmanager import AlertmanagerSink, payload
from agent.notify.backoff import pause
from agent.notify.message import Style
from agent.notify.verdict import Rejected, Retry, Sent
from agent.store import StoreUnavailable, announced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.config.alertmanager import AlertmanagerReceiver
    from agent.config.settings import Settings
    from agent.metrics.own import OwnMetrics
    from agent.notify.verdict import Verdict
    from agent.store import Store
    from agent.store.announced import Announced

KEEP_RESOLVED = timedelta(minutes=15)
MOST_MISSED = 4  # polls or resends; who has missed more holds an alert for over
BATCH = 256  # alerts in one POST at most; Prometheus sends as many

log = structlog.get_logger()


class State:
    """What is true now; safe to use from any thread. `resend` is in seconds."""

    def __init__(
        self, settings: Settings, store: Store, clock: Callable[[], datetime], resend: float
    ) -> None:
        self.resend = resend
        self._store, self._clock = store, clock
        told = settings.agent
        self._style = Style(told.language, told.zone, told.templates)
        shortest = timedelta(seconds=resend)
        self._holds = {
            account.name: MOST_MISSED * max(settings.interval(account), shortest)
            for account in settings.accounts
        }
        self._longest = max(self._holds.values(), default=MOST_MISSED * shortest)

    def read(self, receiver: str) -> tuple[list[Announced], datetime]:
        """All that a receiver may have to know, and the time of it. Raises StoreUnavailable."""
        now = self._clock()
        with self._store.reading() as connection:
            since = now - max(self._longest, KEEP_RESOLVED)
            return announced.current(connection, receiver, since), now

    def payload(self, row: Announced, now: datetime) -> dict[str, object]:
        """The alert as it is POSTed at that time."""
        transition = row.transition
        holds = self._holds.get(transition.alert.key.account, self._longest)
        ends_at = min(row.ended_at, now) if row.ended_at else now + holds
        return payload(transition, row.labels, ends_at, self._style)


class Peer:
    """A thread that tells one Alertmanager; `error` is why it cannot, None while it can."""

    def __init__(  # noqa: PLR0913  built in one place
        self,
        receiver: AlertmanagerReceiver,
        url: str,
        state: State,
        own: OwnMetrics,
        *,
        chance: Callable[[], float],
        post_seconds: float,
    ) -> None:
        self.receiver = receiver.name
        self.error: str | None = None
        self._sink = AlertmanagerSink(receiver, url)
        self._state, self._own = state, own
        self._chance, self._post_seconds = chance, post_seconds
        self._told: dict[str, tuple[datetime, datetime | None]] = {}  # began and ended, by identity
        self._refused: set[str] = set()
        self._all_due_at = 0.0  # by time.monotonic
        self._failures = 0
        self._log = log.bind(receiver=receiver.name, target=url)
        self.wake, self.stopping = Event(), Event()
        self.thread = Thread(target=self._run, name=f"mirror-{receiver.name}-{url}", daemon=True)

    def _run(self) -> None:
        while not self.stopping.is_set():
            self.wake.clear()  # before the state is read, so that no call is lost
            match self._safely():
                case Retry(error, after):
                    self._fail(error)
                    self.stopping.wait(pause(self._failures, self._chance(), after))
                case _:
                    self._recover()
                    self.wake.wait(self._all_due_at - time.monotonic())

    def _safely(self) -> Verdict:
        try:
            return self._round()
        except StoreUnavailable as error:
            return Retry(str(error))
        except Exception as error:  # noqa: BLE001  a thread's outermost loop logs and goes on
            self._log.exception("mirror.failed")
            return Retry(f"the agent failed with {type(error).__name__}")

    def _fail(self, error: str) -> None:
        self._failures += 1
        if error != self.error:
            self._log.warning("notification.failed", error=error)
        self.error = error

    def _recover(self) -> None:
        if self.error:
            self._log.info("notification.recovered", failures=self._failures)
        self.error, self._failures = None, 0

    def _round(self) -> Verdict:
        """Tell what has changed, or all when it is time; then nothing is a sign of life, too."""
        everything = time.monotonic() >= self._all_due_at
        known, now = self._state.read(self.receiver)
        self._keep({row.identity for row in known})
        due = [row for row in known if self._is_due(row, now, everything=everything)]
        sound = [row for row in due if row.identity not in self._refused]
        refused = [row for row in due if row.identity in self._refused]
        for start in range(0, max(len(sound), everything), BATCH):
            if isinstance(verdict := self._tell(sound[start : start + BATCH], now), Retry):
                return verdict
        if refused and isinstance(verdict := self._try_again(refused, now), Retry):
            return verdict
        if everything:
            self._all_due_at = time.monotonic() + self._state.resend
        return Sent()

    def _keep(self, identities: set[str]) -> None:
        self._told = {each: told for each, told in self._told.items() if each in identities}
        self._refused &= identities

    def _is_due(self, row: Announced, now: datetime, *, everything: bool) -> bool:
        if self._told.get(row.identity) != _episode(row):
            return True
        return everything and (row.ended_at is None or now - row.ended_at <= KEEP_RESOLVED)

    def _tell(self, rows: Sequence[Announced], now: datetime) -> Verdict:
        match self._post(rows, now):
            case Rejected(error):
                # One that refuses an empty list, too, does not mean the alerts.
                if not rows or not isinstance(self._post((), now), Sent):
                    return self._failed(error)
                return self._tell_apart(rows, error, now)
            case verdict:
                return verdict

    def _tell_apart(self, rows: Sequence[Announced], error: str, now: datetime) -> Verdict:
        """One alert that is refused must not cost the others."""
        if len(rows) == 1:
            self._refuse(rows[0], error)
            return Sent()
        middle = len(rows) // 2
        for half in (rows[:middle], rows[middle:]):
            verdict = self._post(half, now)
            if isinstance(verdict, Rejected):
                verdict = self._tell_apart(half, verdict.error, now)
            if isinstance(verdict, Retry):
                return verdict
        return Sent()

    def _refuse(self, row: Announced, error: str) -> None:
        self._refused.add(row.identity)
        self._told[row.identity] = _episode(row)
        self._own.notified(self.receiver, "dead")
        self._log.error("notification.dead", alert=dict(row.labels), error=error)

    def _try_again(self, rows: Sequence[Announced], now: datetime) -> Verdict:
        """What was refused may be taken after all; it is told apart, and not counted twice."""
        verdict = self._post(rows, now)
        self._told |= {row.identity: _episode(row) for row in rows}
        if isinstance(verdict, Sent):
            self._refused -= {row.identity for row in rows}
        return verdict

    def _post(self, rows: Sequence[Announced], now: datetime) -> Verdict:
        alerts = [self._state.payload(row, now) for row in rows]
        verdict = self._sink.post(alerts, self._post_seconds)
        match verdict:
            case Sent() if rows:
                self._accepted(rows)
            case Retry(error):
                self._failed(error)
            case Sent() | Rejected():
                pass
        return verdict

    def _accepted(self, rows: Sequence[Announced]) -> None:
        new = [row for row in rows if self._told.get(row.identity) != _episode(row)]
        self._told |= {row.identity: _episode(row) for row in rows}
        self._own.notified(self.receiver, "sent")
        if new:
            ended = sum(row.ended_at is not None for row in new)
            self._log.info("notification.sent", firing=len(new) - ended, resolved=ended)

    def _failed(self, error: str) -> Retry:
        self._own.notified(self.receiver, "failed")
        return Retry(error)


def _episode(row: Announced) -> tuple[datetime, datetime | None]:
    return row.since, row.ended_at
