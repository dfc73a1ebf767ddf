"""When each account is polled: one job an account, one bounded executor a mail server.

A server that hangs fills its own executor and no other. The only importer of APScheduler.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from math import ceil
from typing import TYPE_CHECKING, Any

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from agent.model import Failure, FailureKind, Reading
from agent.pace import Pace
from agent.probe.guard import LoginGuard

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.config.accounts import Account
    from agent.config.settings import Settings
    from agent.memory import Memory, Refusal
    from agent.model import Poll
    from agent.probe.read import Prober

TICK = timedelta(seconds=1)  # between two looks at the clock
MOST_SILENCE = 15.0  # seconds without a tick after which the schedule counts as stuck
CLOCK_STEP = 5.0  # seconds by which the wall clock must jump for the jobs to be planned anew
FIRST_SWEEP_RATE = 100  # polls a second that the first sweep starts at most

log = structlog.get_logger()


class Phase(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Fires when the seconds since the epoch are `offset` modulo the interval.

    Without memory, so that neither a clock that jumps nor a late run makes it drift or catch up;
    and never before half an interval has passed since the last time.
    """

    __slots__ = ("interval", "offset")

    def __init__(self, name: str, interval: timedelta) -> None:
        self.interval = interval.total_seconds()
        digest = blake2b(name.encode(), digest_size=8).digest()
        self.offset = int.from_bytes(digest) / 2**64 * self.interval

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """The next time, at `now` or later."""
        earliest = now.timestamp()
        if previous:
            earliest = max(earliest, previous.timestamp() + self.interval / 2)
        turns = ceil((earliest - self.offset) / self.interval)
        return datetime.fromtimestamp(turns * self.interval + self.offset, UTC)


class _Executor(ThreadPoolExecutor):  # type: ignore[misc]  # as above
    """One mail server's threads; notes when each job was due before it runs."""

    def __init__(self, workers: int, due: dict[str, datetime]) -> None:
        super().__init__(workers)
        self._due = due

    def submit_job(self, job: Any, run_times: list[datetime]) -> None:
        self._due[job.id] = run_times[-1]
        super().submit_job(job, run_times)


class Schedule:
    """Polls every account in its turn, from `start` to `stop`.

    `memory` has the logins that were rejected before. `record` takes each finished poll, `late`
    the seconds from when it was due to when it began.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - where polls come from, and where they go
        self,
        settings: Settings,
        prober: Prober,
        memory: Memory,
        record: Callable[[Poll], None],
        late: Callable[[float], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._prober = prober
        self._record = record
        self._late = late
        self._clock = clock
        self._interval = settings.interval
        self._guard = LoginGuard(settings.accounts, memory, prober.identity)
        self._pace = Pace(settings.agent.max_connections)
        self._held: set[str] = set()
        self._due: dict[str, datetime] = {}
        self._failing: dict[str, FailureKind] = {}
        self._stopping = threading.Event()
        self._ticked = time.monotonic()
        # APScheduler warns each time that a poll takes longer than its interval.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._add_jobs(settings)
        self._scheduler.add_executor(ThreadPoolExecutor(1), "tick")
        self._scheduler.add_job(self._tick, Phase("tick", TICK), executor="tick")

    def start(self) -> None:
        """Begin with a first sweep over all accounts, at a bounded rate."""
        self._guard.restore()
        self._scheduler.start()
        threading.Thread(target=self._watch, name="schedule-watch", daemon=True).start()

    def stop(self) -> None:
        """Start no more polls and end those under way; what they yield is not recorded."""
        self._stopping.set()
        self._scheduler.shutdown(wait=False)
        self._pace.close()
        self._prober.cancel()

    @property
    def problem(self) -> str | None:
        """Why no polls are started any more; None while the schedule goes on."""
        silent = time.monotonic() - self._ticked
        return None if silent < MOST_SILENCE else f"no tick for {silent:.0f} s"

    @property
    def held(self) -> frozenset[str]:
        """The accounts that were due and are not asked for now, since it might do harm."""
        return frozenset(self._held)

    def _add_jobs(self, settings: Settings) -> None:
        for server in {str(account.server) for account in settings.accounts}:
            workers = settings.agent.max_connections
            self._scheduler.add_executor(_Executor(workers, self._due), server)
        start = self._clock()
        for place, account in enumerate(settings.accounts):
            interval = settings.interval(account)
            spread = timedelta(seconds=place / FIRST_SWEEP_RATE)
            self._scheduler.add_job(
                self._poll,
                Phase(account.name, interval),
                args=(account,),
                id=account.name,
                executor=str(account.server),
                next_run_time=start + min(spread, interval),
            )

    def _poll(self, account: Account) -> None:
        now = self._clock()
        self._late(max(0.0, (now - self._due.pop(account.name, now)).total_seconds()))
        if self._stopping.is_set() or self._must_wait(account, now):
            return
        with self._pace.slot(str(account.server)) as free:
            if not free:
                return
            poll = self._prober.poll(account)
        if self._stopping.is_set():
            return
        poll = self._guard.note(account, poll)
        self._pace.note(str(account.server), poll, self._interval(account))
        if isinstance(poll.outcome, Failure):
            self._ask_again(account, poll.at)
        self._log(account, poll)
        self._record(poll)

    def _must_wait(self, account: Account, now: datetime) -> bool:
        """Whether the account is left alone for now; it comes again when it may be asked."""
        not_before = self._pace.not_before(account.name, now)
        if not_before:
            self._scheduler.modify_job(account.name, next_run_time=not_before)
            return True
        if self._guard.may_try(account, now):
            self._held.discard(account.name)
            return False
        self._held.add(account.name)
        return True

    def _ask_again(self, account: Account, now: datetime) -> None:
        """Bring the next poll forward to when the account may be asked, where that is sooner."""
        again, job = self._pace.not_before(account.name, now), self._scheduler.get_job(account.name)
        if again and job and job.next_run_time > again:
            job.modify(next_run_time=again)

    def _log(self, account: Account, poll: Poll) -> None:
        """A line when an account begins to fail, fails otherwise, or is well again."""
        failed = self._failing.pop(poll.account, None)
        match poll.outcome:
            case Failure(FailureKind.AUTH, detail) if poll.refusal:
                self._failing[poll.account] = FailureKind.AUTH
                self._log_refusal(account, detail, poll.refusal)
            case Failure(kind, detail):
                self._failing[poll.account] = kind
                level = logging.DEBUG if failed is kind else logging.WARNING
                log.log(level, "poll.failed", account=poll.account, reason=kind, detail=detail)
            case Reading() if failed:
                log.info("poll.recovered", account=poll.account, after=failed)
            case Reading():
                log.debug("mailbox.polled", account=poll.account, seconds=round(poll.duration, 3))

    def _log_refusal(self, account: Account, detail: str, refusal: Refusal) -> None:
        retry_at = refusal.retry_at
        otherwise = f"it is tried once more at {retry_at:%H:%M} UTC" if retry_at else "not tried"
        log.error(
            "login.rejected",
            account=account.name,
            detail=detail,
            times=refusal.times,
            next_step=f"{account.remedy}, else {otherwise}; "
            f"to try it as it is: mailbox-agent reset {account.name}",
        )
        until = self._guard.paused_until(str(account.server))
        if until and until > refusal.at:
            log.error(
                "server.paused",
                server=str(account.server),
                until=f"{until:%H:%M} UTC",
                why="several logins were rejected, and servers ban addresses for that",
            )

    def _tick(self) -> None:
        self._ticked = time.monotonic()

    def _watch(self) -> None:
        """Plan anew when the wall clock jumps: APScheduler would wait until it is back."""
        ahead = time.time() - time.monotonic()
        while not self._stopping.wait(TICK.total_seconds()):
            now_ahead = time.time() - time.monotonic()
            if abs(now_ahead - ahead) > CLOCK_STEP:
                log.warning("clock.jumped", seconds=round(now_ahead - ahead, 1))
                self._plan_anew()
            ahead = now_ahead

    def _plan_anew(self) -> None:
        now = self._clock()
        self._pace.forget_times()
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=job.trigger.get_next_fire_time(None, now))
