"""The geometry of charts: what was used, against its limit, and where that leads.

Positions in paths are thousandths of the drawing's width and height, y downwards; positions of
labels are percent. A line breaks where nothing was read for a while: what is not known is not
drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from agent.store.history import Sample
    from agent.store.trends import Point

FULL = 1000
_HEADROOM = 1.1  # above the limit or the peak
_SHORTEST_GAP = 6 * 3600.0  # seconds
_STUB = 3  # thousandths to each side of a reading without neighbours
_AHEAD = 0.5  # of the past's time, at most, is added for the forecast
_MOST_LABELS = 6
_MONTHS = 100  # days from which on the time axis counts in months
_HOURLY = timedelta(days=14)  # history before that has a reading a day


class Mark(NamedTuple):
    """A label of an axis, and where it stands in percent."""

    at: float
    moment: datetime


class Ahead(NamedTuple):
    """A forecast: what is used at a moment, and when the limit will be reached."""

    at: datetime
    used: int
    limit: int
    full_at: datetime


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines as SVG paths; `top` is the value at the upper edge, `now` the present in percent."""

    usage: str
    area: str
    limit: str
    forecast: str
    top: float
    now: float
    marks: Sequence[Mark]

    def height(self, value: float) -> float:
        """Where a value is, in percent from the upper edge."""
        return round(100 - 100 * value / self.top, 2)


class Spark(NamedTuple):
    """The same without anything around it."""

    usage: str
    area: str
    limited: bool


class _Use(NamedTuple):
    at: float  # seconds since the epoch
    used: int
    limit: int | None


class _Frame(NamedTuple):
    """What the drawing's edges stand for: two times and a value."""

    first: float
    last: float
    top: float

    def place(self, at: float, value: float) -> str:
        return f"{self.across(at)} {self.down(value)}"

    def across(self, at: float) -> int:
        return round(FULL * (at - self.first) / (self.last - self.first))

    def down(self, value: float) -> int:
        return round(FULL - FULL * value / self.top)


def spark(points: Sequence[Point], begin: datetime, end: datetime, longest_gap: float) -> Spark:
    """A small line, whose upper edge is the limit, or the peak where that is higher."""
    uses = [_Use(float(each.at), each.used, each.limit) for each in points]
    frame = _Frame(begin.timestamp(), end.timestamp(), _peak(uses))
    usage, area = _drawn(uses, frame, longest_gap)
    return Spark(
        usage=usage,
        area=area,
        limited=any(each.limit is not None for each in uses),
    )


def chart(  # noqa: PLR0913, PLR0917 - what is drawn, and the frame around it
    samples: Sequence[Sample],
    ahead: Ahead | None,
    begin: datetime,
    end: datetime,
    zone: tzinfo,
    longest_gap: float,
) -> Chart | None:
    """The chart of one series from `begin` to `end`, and as far beyond as a forecast needs.

    None where nothing was recorded; `longest_gap` is from `longest_gap`.
    """
    uses = [_Use(each.at.timestamp(), each.used, each.limit) for each in samples]
    if not uses:
        return None
    last = min(ahead.full_at, end + _AHEAD * (end - begin)) if ahead else end
    frame = _Frame(begin.timestamp(), last.timestamp(), _HEADROOM * _peak(uses))
    usage, area = _drawn(uses, frame, longest_gap)
    return Chart(
        usage=usage,
        area=area,
        limit=" ".join(_steps(uses, frame)),
        forecast=_forecast(ahead, frame) if ahead else "",
        top=frame.top,
        now=frame.across(end.timestamp()) / 10,
        marks=list(_marks(begin, last, zone, frame)),
    )


def longest_gap(interval: timedelta, begin: datetime, end: datetime) -> float:
    """The longest time in seconds without a reading through which a line goes on."""
    resolution = 86400.0 if end - begin > _HOURLY else 3600.0
    return max(_SHORTEST_GAP, 3 * interval.total_seconds(), 3 * resolution)


def _peak(uses: Sequence[_Use]) -> float:
    return max((max(each.used, each.limit or 0) for each in uses), default=0) or 1.0


def _drawn(uses: Sequence[_Use], frame: _Frame, longest: float) -> tuple[str, str]:
    """The lines of what was used, and what is below them."""
    runs = list(_runs(uses, longest))
    lines = [_line(run, frame) for run in runs]
    areas = (_area(run, line, frame) for run, line in zip(runs, lines, strict=True))
    return " ".join(lines), " ".join(areas)


def _runs(uses: Sequence[_Use], longest: float) -> Iterator[list[_Use]]:
    """The readings that follow each other without a gap."""
    run: list[_Use] = []
    for use in uses:
        if run and use.at - run[-1].at > longest:
            yield run
            run = []
        run.append(use)
    if run:
        yield run


def _line(run: Sequence[_Use], frame: _Frame) -> str:
    if len(run) == 1:
        x, y = frame.across(run[0].at), frame.down(run[0].used)
        return f"M{x - _STUB} {y}L{x + _STUB} {y}"
    return "M" + "L".join(frame.place(each.at, each.used) for each in run)


def _area(run: Sequence[_Use], line: str, frame: _Frame) -> str:
    """What is below a line."""
    first, last = frame.across(run[0].at), frame.across(run[-1].at)
    return f"M{first} {FULL}L{line[1:]}L{last} {FULL}Z" if len(run) > 1 else ""


def _steps(uses: Sequence[_Use], frame: _Frame) -> Iterator[str]:
    """The limit: level until it changes, and from its last known value on to the edge."""
    before: int | None = None
    for use in uses:
        if use.limit is None:
            yield f"H{frame.across(use.at)}" if before is not None else ""
        elif before is None:
            yield f"M{frame.place(use.at, use.limit)}"
        elif use.limit != before:
            yield f"H{frame.across(use.at)}V{frame.down(use.limit)}"
        before = use.limit
    if before is not None:
        yield f"H{FULL}"


def _forecast(ahead: Ahead, frame: _Frame) -> str:
    """A straight line to the limit, or as far towards it as the drawing reaches."""
    begin, end = ahead.at.timestamp(), ahead.full_at.timestamp()
    shown = min(end, frame.last)
    reached = ahead.used + (ahead.limit - ahead.used) * (shown - begin) / (end - begin)
    return f"M{frame.place(begin, ahead.used)}L{frame.place(shown, reached)}"


def _marks(begin: datetime, end: datetime, zone: tzinfo, frame: _Frame) -> Iterator[Mark]:
    """Midnights, as many days apart as leaves at most six of them; or firsts of months."""
    days = (end - begin) // timedelta(days=1)
    apart = max(1, -(-days // _MOST_LABELS))
    day = begin.astimezone(zone).date() + timedelta(days=1)
    shown = 0
    while (at := datetime.combine(day, time(), zone).astimezone(UTC)) <= end:
        if day.day == 1 if days >= _MONTHS else shown % apart == 0:
            yield Mark(frame.across(at.timestamp()) / 10, at)
        shown += 1
        day += timedelta(days=1)
