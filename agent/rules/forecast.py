"""When a mailbox will be full, from its last seven days; and the alert that says so in time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from agent.model import AlertKey, Finding, QuotaState, Severity
from agent.rules import thresholds
from agent.rules.trend import levels, runaway, slope, swing, thin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agent.model import Reading
    from agent.rules.trend import Point

    Samples = Sequence[tuple[datetime, int]]

RULE = "forecast"
_DAY = timedelta(days=1)
_WINDOW = 7.0  # days of history that are looked at
_SHORTEST = 2.0  # days of history below which nothing is said
_FEWEST = 6  # moments, at least three hours apart, below which nothing is said
_WHOLE_WEEK = 6.0  # days of history that have shown a week's rhythm
_FURTHEST = 365.0  # days
_URGENT = 0.25  # of what an alert is asked to look ahead: too near to wait for certainty
_BEFORE = timedelta(hours=9)  # no alert from one reading, nor from one burst of mail
_SLACK = 1.5  # an alert ends only where there is so much more time than it is asked for
_LAST_DAY = tuple(timedelta(hours=hours) for hours in (6, 12, 18, 24))


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a quota will be full; `growth` is the pace in bytes (or messages) a day, above 0."""

    full_at: datetime
    growth: float


def forecast(samples: Samples, used: int, limit: int, now: datetime) -> Forecast | None:
    """Return when a quota with this usage will be full, at the pace of the last seven days.

    A runaway counts from its beginning. None where usage does not grow; where `growth` is not
    known; where it would be full in more than a year or, in a history of less than six days, in
    more time than that; and where it is full already, which the usage levels tell. `samples` are
    moments with the usage then, in any order and with gaps; only those of the seven days before
    `now` count.
    """
    points = _with_now(samples, used, now)
    room = limit - used
    if room <= 0 or not _is_enough(points):
        return None
    outlooks = [outlook for outlook in (_lasting(points, room), _running(points, room)) if outlook]
    if not outlooks:
        return None
    days, pace = min(outlooks)
    return Forecast(now + _DAY * days, pace)


def growth(samples: Samples, now: datetime) -> float | None:
    """Return the growth in bytes a day over the last seven days, isolated steps left out.

    It is negative where a mailbox shrinks. None where less than 48 hours of history are known, or
    fewer than six moments that are three hours apart.
    """
    points = _week(samples, now)
    if not _is_enough(points):
        return None
    newest, _ = points[-1]
    return slope(levels([(at - newest, used) for at, used in points]))


def findings(  # noqa: PLR0913, PLR0917  a pure function: all that it depends on is an argument
    account: str,
    reading: Reading,
    samples: Mapping[tuple[str, str], Samples],
    within: timedelta,
    held: Mapping[AlertKey, Severity],
    now: datetime,
) -> list[Finding]:
    """Return what the rule "full within this time" says of the quotas of a mailbox.

    `samples` is the history by root and resource (eight days of it are of use), `held` are the
    alerts that fire. A warning begins where a quota will be full `within` this time and that was
    foreseen nine hours ago, too, or in a quarter of it. It ends where 1.5 times as much is left at
    every pace of the last 24 hours, with the limit, and where a usage alert of the quota tells
    more. Nothing is found where the history is too short or the limits are not known, and where
    neither an alert fires nor one begins.
    """
    if reading.quota_state not in {QuotaState.LIMITED, QuotaState.UNLIMITED}:
        return []
    cases = _cases(account, reading, samples, within, now)
    found = [_finding(key, case, held) for key, case in cases.items()]
    gone = () if reading.partial else _gone(account, reading, cases, held)
    return [*(finding for finding in found if finding), *gone]


@dataclass(frozen=True, slots=True)
class _Case:
    """One limited quota, its history, and how far ahead is looked."""

    history: Samples
    used: int
    limit: int
    within: timedelta
    now: datetime

    def ahead(self) -> Forecast | None:
        return forecast(self.history, self.used, self.limit, self.now)

    def earlier(self, ago: timedelta) -> Forecast | None:
        """What was known then, of today's limit."""
        then = self.now - ago
        known = [sample for sample in self.history if sample[0] <= then]
        return forecast(known, max(known)[1], self.limit, then) if known else None

    def is_known(self) -> bool:
        points = _with_now(self.history, self.used, self.now)
        return self.used < self.limit and _is_enough(points)


def _cases(
    account: str,
    reading: Reading,
    samples: Mapping[tuple[str, str], Samples],
    within: timedelta,
    now: datetime,
) -> dict[AlertKey, _Case]:
    """Every limited quota; of two with the same name the fuller one."""
    return {
        AlertKey(account, RULE, quota.root, quota.resource): _Case(
            samples.get((quota.root, quota.resource), ()), quota.used, quota.limit, within, now
        )
        for quota in sorted(reading.quotas, key=lambda quota: quota.ratio or 0.0)
        if quota.limit is not None
    }


def _finding(key: AlertKey, case: _Case, held: Mapping[AlertKey, Severity]) -> Finding | None:
    if replace(key, rule=thresholds.RULE) in held:
        return Finding(key, None, case.used, case.limit) if key in held else None
    ahead = case.ahead()
    fires = _goes_on(case, ahead) if key in held else _begins(case, ahead)
    if fires is None:
        return None
    severity = Severity.WARNING if fires else None
    return Finding(key, severity, case.used, case.limit, moment=ahead.full_at if ahead else None)


def _begins(case: _Case, ahead: Forecast | None) -> bool | None:
    """True where an alert begins; what is not urgent must have been foreseen before."""
    if ahead is None or ahead.full_at - case.now > case.within:
        return None
    if ahead.full_at - case.now <= _URGENT * case.within:
        return True
    before = case.earlier(_BEFORE)
    return True if before and before.full_at - case.now <= case.within else None


def _goes_on(case: _Case, ahead: Forecast | None) -> bool | None:
    """Whether an alert that fires goes on firing; None where that is not known.

    A pace of the last day counts with today's room: nights and pauses end no alert, while a
    clean-up ends it at once.
    """
    longest = _SLACK * case.within
    if ahead and ahead.full_at - case.now <= longest:
        return True
    earlier = (case.earlier(ago) for ago in _LAST_DAY)
    paces = (past.growth for past in earlier if past)
    room = case.limit - case.used
    if not case.is_known() or any(pace * (longest / _DAY) >= room for pace in paces):
        return None
    return False


def _gone(
    account: str,
    reading: Reading,
    cases: Mapping[AlertKey, _Case],
    held: Mapping[AlertKey, Severity],
) -> Iterator[Finding]:
    """The end of alerts whose quota is limited no more."""
    used = {(quota.root, quota.resource): quota.used for quota in reading.quotas}
    for key in held:
        if key.account == account and key.rule == RULE and key not in cases:
            yield Finding(key, None, used.get((key.root, key.resource)))


def _week(samples: Samples, now: datetime) -> list[Point]:
    """The seven days before now, oldest first."""
    points = (((at - now) / _DAY, float(used)) for at, used in samples)
    return sorted(point for point in points if -_WINDOW <= point[0] < 0)


def _with_now(samples: Samples, used: int, now: datetime) -> list[Point]:
    return [*_week(samples, now), (0.0, float(used))]


def _is_enough(points: Sequence[Point]) -> bool:
    return (
        len(points) >= _FEWEST
        and points[-1][0] - points[0][0] >= _SHORTEST
        and len(thin(points)) >= _FEWEST
    )


def _lasting(points: Sequence[Point], room: float) -> tuple[float, float] | None:
    """The days until it is full at the pace of the whole time, and this pace.

    What swings each day is full when its peak is, though not before it can be back there.
    """
    usual = levels(points)
    pace = slope(usual)
    if pace <= 0:
        return None
    days = min(room / pace, max((room - swing(usual, pace)) / pace, 1.0))
    age = -points[0][0]
    return (days, pace) if days <= (_FURTHEST if age >= _WHOLE_WEEK else age) else None


def _running(points: Sequence[Point], room: float) -> tuple[float, float] | None:
    """The days until it is full at the pace of a runaway, and this pace."""
    pace = runaway(points, room)
    return (room / pace, pace) if pace else None
