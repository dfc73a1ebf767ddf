"""Who must be told what of mailboxes that fill up, worked out in the simplest way.

The oracle knows no transitions and no outbox. Of each receiver it knows what it has heard of each
mailbox, and tells it what is news to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from agent.model import Severity

EVENING = datetime(2026, 3, 2, 20, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AGAIN = timedelta(minutes=10)  # after which an attempt that failed is repeated
FIRST, WORSE, REMINDER, RESOLVED = "first", "worse", "reminder", "resolved"
ONCE_MORE = "once more"  # it ended and began again before its end was told
INFO, WARNING, CRITICAL = Severity

# The plan that both sides get: the agent as its configuration, the oracle as these figures.
LEVELS = ({80: WARNING, 95: CRITICAL}, {70: INFO, 90: WARNING}, {60: WARNING, 98: CRITICAL})
SLACK = (5, 3, 0)
MAILBOXES = (("a1", "a2", "b1"), ("a1", "a2", "b1", "b2"), ("a1", "b1"))
SILENCED = {
    "b1": (EVENING + 12 * HOUR, EVENING + 36 * HOUR, list(Severity)),
    "a2": (EVENING + 2 * HOUR, EVENING + 30 * HOUR, [WARNING]),
}
QUIET = (*range(22, 24), *range(7))  # hours of the day, UTC


@dataclass(frozen=True)
class Hearer:
    """A receiver, as far as it matters who hears what."""

    worst_only: bool = False
    ends: bool = True
    sleeps: bool = False


OPS, BOSS = Hearer(), Hearer(worst_only=True)
CLERK, NIGHT = Hearer(ends=False, sleeps=True), Hearer(sleeps=True)
HEARERS = (
    {"ops": OPS, "boss": BOSS, "night": NIGHT},
    {"ops": OPS, "clerk": CLERK, "boss": BOSS},
    {"clerk": CLERK, "night": NIGHT},
)


@dataclass
class Heard:
    """One receiver and one mailbox; `aware` of which level, once what waits is told.

    `waits` is what was never attempted, `tried` what was and may have come: it is told again.
    """

    aware: Severity | None = None
    knows: bool = False
    waits: tuple[str, Severity] | None = None
    due: datetime = EVENING
    tried: list[tuple[str, Severity]] = field(default_factory=list)
    tried_due: datetime = EVENING


@dataclass
class Told:
    """One mailbox: how bad it is, and when those who know of it were last told."""

    level: Severity | None = None
    at: datetime = EVENING
    reminders: int = 0


class Oracle:
    """Who must be told what, by the issue's words."""

    def __init__(self) -> None:
        self.plan = 0
        self.told: dict[str, Told] = {}
        self.heard: dict[tuple[str, str], Heard] = {}

    def of(self, hearer: str, name: str) -> Heard:
        return self.heard.setdefault((hearer, name), Heard())

    def read(self, name: str, used: int, now: datetime) -> None:
        """A reading that can be believed."""
        told = self.told.setdefault(name, Told())
        before, level = told.level, self._level(told.level, used)
        told.level = level
        if level is None:
            if before:
                self._end(name, before, now)
            return
        everybody = {who: self.of(who, name) for who in HEARERS[self.plan]}
        known = [heard for (_, about), heard in self.heard.items() if about == name]
        for heard in known:
            if heard.aware and level.rank < heard.aware.rank:
                heard.aware = level  # it would be news if it got worse again
        hearing = {
            who: each for who, each in everybody.items() if self._hears(who, name, level, now)
        }
        if not hearing:
            return
        better = before is not None and level.rank < before.rank
        remind = self._is_reminder(told, level, hearing, known, now) and not better
        if remind:
            told.at, told.reminders = now, told.reminders + 1
        for who, each in hearing.items():
            if each.aware is None or each.aware.rank < level.rank:
                self._say(who, each, WORSE if each.aware else FIRST, level, now)
                each.aware = level
            elif remind:
                self._say(who, each, REMINDER, level, now)

    @staticmethod
    def _is_reminder(
        told: Told, level: Severity, hearing: dict[str, Heard], known: list[Heard], now: datetime
    ) -> bool:
        """Whether it is nothing but a reminder; else the waits for reminders begin anew."""
        worse = any(each.aware and each.aware.rank < level.rank for each in hearing.values())
        if worse or not any(each.aware for each in known):
            told.at, told.reminders = now, 0
            return False
        return now - told.at >= (DAY, 3 * DAY, 7 * DAY)[min(told.reminders, 2)]

    def restart(self, plan: int, now: datetime) -> None:
        """With another configuration; what waits for a receiver that is gone is given up."""
        self.plan = plan
        for (who, _), heard in self.heard.items():
            if who not in HEARERS[plan]:
                heard.knows = heard.waits[0] != RESOLVED if heard.waits else heard.knows
                heard.waits, heard.tried = None, []
        for name, told in self.told.items():
            if name not in MAILBOXES[plan] and told.level:
                self._end(name, told.level, now)
                told.level = None

    def deliver(self, who: str, now: datetime, how: str) -> list[tuple[str, str, Severity]]:
        """What a receiver is sent now, and whether it has accepted it."""
        sent = []
        for name in sorted({about for _, about in self.heard}):
            heard = self.of(who, name)
            if heard.tried and now < heard.tried_due:
                continue
            batch = list(heard.tried)
            if heard.waits and heard.due <= now:
                batch.append(heard.waits)
                heard.knows = heard.waits[0] != RESOLVED
                heard.waits = None
            sent += [(name, *each) for each in batch]
            heard.tried = [] if how == "accepts" else batch
            heard.tried_due = now + AGAIN if how == "rejects" else now
        return sent

    def _level(self, before: Severity | None, used: int) -> Severity | None:
        level = None
        for at, severity in LEVELS[self.plan].items():
            slack = SLACK[self.plan] if before and before.rank >= severity.rank else 0
            level = severity if used >= at - slack else level
        return level

    def _hears(self, who: str, name: str, level: Severity, now: datetime) -> bool:
        if HEARERS[self.plan][who].worst_only and level is not CRITICAL:
            return False
        start, until, severities = SILENCED.get(name, (now, now, ()))
        return not (start <= now < until and level in severities)

    def _end(self, name: str, before: Severity, now: datetime) -> None:
        """Told to exactly those who know, as how bad they knew it."""
        for (who, about), heard in self.heard.items():
            if about == name and not (heard.waits and heard.waits[0] == RESOLVED):
                level = heard.aware or before
                heard.aware = heard.waits = None
                hearer = HEARERS[self.plan].get(who)
                if heard.knows and hearer and hearer.ends:
                    self._say(who, heard, RESOLVED, level, now)
                else:
                    heard.knows = False

    def _say(self, who: str, heard: Heard, what: str, level: Severity, now: datetime) -> None:
        """What waits is told as the news that it is to somebody who has not heard of it."""
        before = heard.waits[0] if heard.waits else None
        if what != RESOLVED:
            if before in (RESOLVED, ONCE_MORE):
                what = ONCE_MORE
            elif before == FIRST or (before == WORSE and what == REMINDER):
                what = before
        heard.waits, heard.due = (what, level), now
        if HEARERS[self.plan][who].sleeps and level is not CRITICAL:
            heard.due = _awake(now)


def _awake(now: datetime) -> datetime:
    """Seven o'clock, if it is quiet now."""
    if now.hour not in QUIET:
        return now
    morning = now.replace(hour=7, minute=0, second=0, microsecond=0)
    return morning if now < morning else morning + DAY
