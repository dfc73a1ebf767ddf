"""How fast a mailbox grows, from what it held at some moments: its lasting pace, and runaways.

A point is a time in days (now is 0, the past is below) and the usage then; points are in the order
of time. Usage is in bytes or messages, a pace in those a day.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, pairwise
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Point = tuple[float, float]
Move = tuple[float, float]  # days from a point to the next, and the change in usage

_A_DAY = 8  # slots a day: every three hours
_FAST = 2.0  # a burst is more than twice as fast as usage moves on average ...
_STANDS_OUT = 3.0  # ... and a step more than three times as large as the next burst its way
_LONGEST_STEP = 1.25  # days: one day, as slots of three hours see it
_FOR_TWO_STEPS = 4.0  # days: in less, what a job cleans up each night looks like isolated steps
_SHORTEST_RUN = 5 / 24  # days
_LONGEST_RUN = 5.0
_GOES_ON = 0.45  # a run is trusted to go on for this share of the time that it has lasted
_NEXT_RUN = 1.2  # one length that is tried to the next
_BEFORE_RUN = 1.0  # days that must have been seen before a run


class _Burst(NamedTuple):
    """Changes that follow each other, all up or all down, and all fast."""

    places: range
    change: float
    days: float


def thin(points: Iterable[Point]) -> list[Point]:
    """Return the last point of every three hours, counted back from now."""
    slots = {int(-at * _A_DAY): (at, used) for at, used in points}
    return list(slots.values())


def levels(points: Iterable[Point]) -> list[float]:
    """Return the usage now, three hours ago and so on, as if isolated steps had not been.

    The points reach up to now, and back for more than a day.
    """
    return list(_every_three_hours(_without_steps(thin(points))))


def slope(usage: Sequence[float]) -> float:
    """Return the median pace between all moments that are whole days apart.

    This is the Theil-Sen estimator, but what swings with the time of the day stands still in it.
    `usage` is as from `levels`, and of more than a day.
    """
    return median(
        (later - earlier) * _A_DAY / gap
        for gap in range(_A_DAY, len(usage), _A_DAY)
        for later, earlier in zip(usage, usage[gap:], strict=False)
    )


def swing(usage: Sequence[float], pace: float) -> float:
    """Return how much higher than now usage will be in the day that follows, beyond this pace.

    That is what each day so far has brought after this time of the day; 0 where one did not.
    `usage` is as from `levels`, and of more than a day.
    """
    days = range(_A_DAY, len(usage), _A_DAY)
    rises = (max(usage[start - _A_DAY : start + 1]) - usage[start] for start in days)
    return max(min(rises) - pace, 0.0)


def runaway(points: Sequence[Point], room: float) -> float:
    """Return the pace of a mailbox that runs full, 0 where it does not.

    It runs while usage rises evenly, for five hours to five days, and has risen above its peak
    before by so much that, at this pace, the room that is left is used up in 45 % of that time.
    """
    times = [at for at, _ in points]
    peaks = list(accumulate((used for _, used in points), max))
    _, used = points[-1]
    for days in _lengths(min(_LONGEST_RUN, -times[0] - _BEFORE_RUN)):
        rise = used - peaks[bisect_right(times, -days) - 1]
        if rise * _GOES_ON >= room and _is_even(points, times, days):
            return rise / days
    return 0.0


def _without_steps(points: Sequence[Point]) -> list[Point]:
    """Take out up to two imports and two clean-ups; of less than four days only one of each."""
    moves = [(end - start, later - used) for (start, used), (end, later) in pairwise(points)]
    most = 2 if -points[0][0] >= _FOR_TWO_STEPS else 1
    steps = {place for burst in _isolated(moves, most) for place in burst.places}
    changes = (0.0 if place in steps else change for place, (_, change) in enumerate(moves))
    usage = accumulate(changes, initial=points[0][1])
    return [(at, used) for (at, _), used in zip(points, usage, strict=True)]


def _isolated(moves: Sequence[Move], most: int) -> list[_Burst]:
    """Return the steps: bursts that stand out, and in which more happens than on a usual day.

    Up and down are looked at apart: however unevenly mail comes in, one clean-up is a clean-up.
    What takes longer than a day is no step, unless it is one move: nobody knows when in a gap of
    the history it came.
    """
    bursts = _bursts(moves)
    rises, falls = ([b for b in bursts if (b.change > 0) is up] for up in (True, False))
    steps = [*_standing_out(rises, most), *_standing_out(falls, most)]
    extra = sum(abs(burst.change) for burst in steps)
    a_day = _average(moves) - extra / sum(days for days, _ in moves)
    return [
        burst
        for burst in steps
        if abs(burst.change) >= a_day and (len(burst.places) == 1 or burst.days <= _LONGEST_STEP)
    ]


def _standing_out(bursts: Sequence[_Burst], most: int) -> list[_Burst]:
    """Return the largest bursts, at most so many, that dwarf the next smaller one."""
    ordered = sorted(bursts, key=lambda burst: abs(burst.change), reverse=True)
    sizes = [abs(burst.change) for burst in ordered] + [0.0]
    ranks = enumerate(pairwise(sizes[: most + 1]), start=1)
    count = max((rank for rank, (size, next_) in ranks if size > _STANDS_OUT * next_), default=0)
    return ordered[:count]


def _average(moves: Sequence[Move]) -> float:
    """How much usage moves a day, up or down."""
    return sum(abs(change) for _, change in moves) / sum(days for days, _ in moves)


def _bursts(moves: Sequence[Move]) -> list[_Burst]:
    """Return all that is fast."""
    average = _average(moves)
    bursts: list[_Burst] = []
    for place, (days, change) in enumerate(moves):
        if abs(change) <= _FAST * average * days:
            continue
        burst = _Burst(range(place, place + 1), change, days)
        if bursts and _continues(bursts[-1], burst):
            burst = _joined(bursts.pop(), burst)
        bursts.append(burst)
    return bursts


def _continues(burst: _Burst, following: _Burst) -> bool:
    same_way = (burst.change > 0) == (following.change > 0)
    return same_way and burst.places.stop == following.places.start


def _joined(burst: _Burst, following: _Burst) -> _Burst:
    places = range(burst.places.start, following.places.stop)
    return _Burst(places, burst.change + following.change, burst.days + following.days)


def _every_three_hours(points: Sequence[Point]) -> Iterator[float]:
    """The usage now, three hours ago and so on, in straight lines from point to point."""
    place = len(points) - 2
    for slot in range(int(-points[0][0] * _A_DAY) + 1):
        at = -slot / _A_DAY
        while place > 0 and points[place][0] > at:
            place -= 1
        (start, used), (end, later) = points[place : place + 2]
        yield used + (later - used) * (at - start) / (end - start)


def _lengths(longest: float) -> Iterator[float]:
    """The lengths of a run that are tried, in days, the shortest first."""
    days = _SHORTEST_RUN
    while days <= longest:
        yield days
        days *= _NEXT_RUN


def _is_even(points: Sequence[Point], times: Sequence[float], days: float) -> bool:
    """Whether each third of this time has brought at least half of its share of the rise.

    Usage stays what it was last seen to be: what came while nothing was seen is one jump.
    """
    moments = (-days, -days * 2 / 3, -days / 3, 0.0)
    seen = [points[bisect_right(times, moment) - 1][1] for moment in moments]
    share = (seen[-1] - seen[0]) / 3
    return all(later - used >= share / 2 for used, later in pairwise(seen))
