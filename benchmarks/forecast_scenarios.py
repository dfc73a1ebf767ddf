"""Mailboxes whose true trend is known: up to three weeks of usage, hour by hour.

Usage and pace are shares of the limit. Mail comes in lumps (a gamma process, as uneven as 3 to 30
messages of one size a day): a day's mail deviates from the average by 18 to 58 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from random import Random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 24
WEEK = 7 * DAY
HOURS = 3 * WEEK
LIMIT = 2 * 2**30
RUNAWAY = "sudden runaway"


class Hour(NamedTuple):
    """Usage, the highest of the day around it, and the true growth an hour."""

    used: float
    peak: float
    pace: float

    @property
    def left(self) -> float:
        """Hours until it is full by its true trend, infinite where it does not grow."""
        return max(1 - self.peak, 0.0) / self.pace if self.pace > 0 else math.inf


Hours = Iterator[Hour]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Bytes used at the end of each hour until it is full, and the true hours left then."""

    usage: list[int]
    left: list[float]

    @property
    def full(self) -> int | None:
        """The hour in which the limit is reached, None where it is not."""
        return len(self.usage) if len(self.usage) < HOURS else None


class Lumps:
    """Mail as it comes in: so much more or less than the average of an hour."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._a_day = random.uniform(3, 30)

    def __call__(self, pace: float, crowding: float = 1.0) -> float:
        """The mail of an hour with this average; crowding is how much of it comes, of the usual."""
        shape = self._a_day * crowding / DAY
        return self._random.gammavariate(shape, pace * crowding / shape) if pace > 0 else 0.0


def slow(random: Random, room: float) -> float:
    """A growth an hour that needs 60 to 600 days for this room."""
    return room / random.uniform(60, 600) / DAY


def some(random: Random, room: float) -> float:
    """A growth an hour that fills this room in 6 to 20 days, or (as often) in 30 to 300."""
    days = random.uniform(6, 20) if random.random() < 0.5 else random.uniform(30, 300)
    return room / days / DAY


def steady(random: Random) -> Hours:
    """Grows around the clock; up to half of what comes is deleted, now and then."""
    used, lumps, deletions = random.uniform(0.3, 0.8), Lumps(random), Lumps(random)
    pace, deleted = some(random, 1 - used), random.uniform(0, 0.5)
    for _ in range(HOURS):
        used += lumps(pace / (1 - deleted)) - deletions(pace * deleted / (1 - deleted))
        yield Hour(used, used, pace)


def office_hours(random: Random) -> Hours:
    """Grows from Monday to Friday, 8 to 18 o'clock; begins at any hour of the week."""
    used, lumps, start = random.uniform(0.3, 0.8), Lumps(random), random.randrange(WEEK)
    pace = some(random, 1 - used)
    for hour in range(HOURS):
        day, clock = divmod((hour + start) % WEEK, DAY)
        if day < 5 and 8 <= clock < 18:
            used += lumps(pace, crowding=WEEK / 50)
        yield Hour(used, used, pace)


def bulk_import(random: Random) -> Hours:
    """Hardly grows, but for 5 to 50 % of the limit that are copied in within 1 to 24 hours."""
    used, lumps = random.uniform(0.1, 0.4), Lumps(random)
    size = random.uniform(0.05, min(0.5, 0.75 - used))
    pace = slow(random, 1 - used - size)
    start = random.randrange(12, HOURS - DAY)
    pieces = [random.uniform(0.5, 1.5) for _ in range(random.randint(1, DAY))]
    for hour in range(HOURS):
        used += lumps(pace)
        if start <= hour < start + len(pieces):
            used += size * pieces[hour - start] / sum(pieces)
        yield Hour(used, used, pace)


def clean_up(random: Random) -> Hours:
    """Loses 5 to 60 % in one hour, and is full 3 to 14 days (as often, 60 and more) after that."""
    lumps, top, kept = Lumps(random), random.uniform(0.5, 0.9), random.uniform(0.4, 0.95)
    room = 1 - top * kept
    pace = room / random.uniform(3, 14) / DAY if random.random() < 0.5 else slow(random, room)
    when = random.randint(12, int(min(12 * DAY, max(top / pace, 13))))
    used = max(top - pace * when, 0.0)
    for hour in range(HOURS):
        used += lumps(pace)
        if hour == when:
            used *= kept
        yield Hour(used, used, pace)


def nightly_cycle(random: Random) -> Hours:
    """Rises by 2 to 15 % from 7 to 22 o'clock, falls back at night; half of them grow, too."""
    lumps, clock = Lumps(random), random.randrange(DAY)
    swing, kept = random.uniform(0.02, 0.15), random.uniform(0.3, 0.75)
    days = random.uniform(6, 20) if random.random() < 0.5 else math.inf
    pace = (1 - kept - swing) / days / DAY
    day = 0.0
    for hour in range(HOURS):
        now = (hour + clock) % DAY
        kept += lumps(pace)
        if 7 <= now < 22:
            day += swing / 15 * random.uniform(0.5, 1.5)
        elif now == 2:
            day = 0.0
        yield Hour(kept + day, kept + max(day, swing), pace)


def large_mail(random: Random) -> Hours:
    """Hardly grows, but for one to three mails of 1 to 5 % of the limit each."""
    used, lumps = random.uniform(0.5, 0.8), Lumps(random)
    mails = {
        random.randrange(HOURS): random.uniform(0.01, 0.05) for _ in range(random.randint(1, 3))
    }
    pace = slow(random, 1 - used - sum(mails.values()))
    for hour in range(HOURS):
        used += lumps(pace) + mails.get(hour, 0.0)
        yield Hour(used, used, pace)


def nearly_full(random: Random) -> Hours:
    """Stays around 95 %: what comes is deleted within a day or so."""
    used, spread, memory = 0.0, random.uniform(0.002, 0.01), random.uniform(2, 36)
    keep = math.exp(-1 / memory)
    for _ in range(HOURS):
        used = keep * used + random.gauss(0, spread) * math.sqrt(1 - keep * keep)
        yield Hour(0.95 + used, 0.95 + used, 0.0)


def runaway(random: Random) -> Hours:
    """Hardly grows, and then fills all that is left in 8 to 72 hours, most often in few."""
    used, lumps, start = (
        random.uniform(0.2, 0.75),
        Lumps(random),
        random.randrange(2 * DAY, 14 * DAY),
    )
    calm = slow(random, 1 - used)
    fast = (1 - used) / math.exp(random.uniform(math.log(8), math.log(72)))
    for hour in range(HOURS):
        running = hour >= start
        used += fast * random.uniform(0.5, 1.5) if running else lumps(calm)
        yield Hour(used, used, fast if running else calm)


SCENARIOS: dict[str, Callable[[Random], Hours]] = {
    "steady": steady,
    "office hours": office_hours,
    "bulk import": bulk_import,
    "one-off clean-up": clean_up,
    "nightly cycle": nightly_cycle,
    "one large mail": large_mail,
    "95 % and flat": nearly_full,
    RUNAWAY: runaway,
}


def mailbox(scenario: str, seed: int) -> Mailbox:
    """The mailbox of this seed."""
    hours = takewhile(lambda hour: hour.used < 1, SCENARIOS[scenario](Random(f"{scenario} {seed}")))
    seen = [(int(hour.used * LIMIT), hour.left) for hour in hours]
    return Mailbox([used for used, _ in seen], [left for _, left in seen])
