"""Quiet hours: times of the week in which only what is critical is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, WithJsonSchema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, tzinfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NAMES = {name.lower(): number for number, name in enumerate(_DAYS)}
_DAY = "(?:" + "|".join(_NAMES) + ")"
_SPAN = re.compile(
    rf"(?:(?P<days>{_DAY}(?:[-,]{_DAY})*) +)?(?P<start>\d\d:\d\d) ?- ?(?P<end>\d\d:\d\d)",
    re.IGNORECASE | re.ASCII,
)
_FORM = 'needs hours such as "22:00-07:00" or "Mon-Fri 22:00-07:00", or a list of them'
_MIDNIGHT = "24:00"
_DAY_MINUTES = 24 * 60
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietSpan:
    """Quiet from `start` to `end` by the wall clock, beginning on `days` (0 is Monday).

    An end that is not after the start is on the next day, `00:00` as `24:00` too.
    """

    days: tuple[int, ...]
    start: time
    end: time

    def __str__(self) -> str:
        end = f"{self.end:%H:%M}" if self.end != time() else _MIDNIGHT
        days = "" if len(self.days) == len(_DAYS) else ",".join(_DAYS[day] for day in self.days)
        return f"{days} {self.start:%H:%M}-{end}".strip()

    def near(self, moment: datetime, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
        """Begin and end, in UTC, of each of its times that can hold the moment.

        A time that the clocks show twice is the first of the two; one that they skip is as much
        later as they skip (PEP 495, fold 0).
        """
        today = moment.astimezone(zone).date()
        for day in (today - _ONE_DAY, today, today + _ONE_DAY):
            if day.weekday() in self.days:
                last = day if self.end > self.start else day + _ONE_DAY
                yield _instant(day, self.start, zone), _instant(last, self.end, zone)

    def minutes(self) -> Iterator[int]:
        """The minutes of the week that it covers, by the wall clock."""
        start = self.start.hour * 60 + self.start.minute
        length = (self.end.hour * 60 + self.end.minute - start) % _DAY_MINUTES or _DAY_MINUTES
        for day in self.days:
            first = day * _DAY_MINUTES + start
            yield from (minute % (7 * _DAY_MINUTES) for minute in range(first, first + length))


def quiet_until(spans: Sequence[QuietSpan], zone: tzinfo, now: datetime) -> datetime | None:
    """Return when it is quiet no more, in UTC; None where it is not quiet now.

    Spans that meet or overlap are one quiet time; together they must leave a time in the week,
    as `parse_quiet_hours` sees to.
    """
    until = now
    while ends := [
        end
        for start, end in chain.from_iterable(span.near(until, zone) for span in spans)
        if start <= until < end
    ]:
        until = max(ends)
    return until if until > now else None


def parse_quiet_hours(value: object) -> tuple[QuietSpan, ...]:
    """Spans from one text or a list of them. Raises ValueError with the valid forms."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        raise ValueError(_FORM)  # noqa: TRY004  what pydantic turns into an error
    spans = tuple(each if isinstance(each, QuietSpan) else _span(each) for each in texts)
    if len(set(chain.from_iterable(span.minutes() for span in spans))) == 7 * _DAY_MINUTES:
        raise ValueError("leaves no time in the week at which anything could be told")
    return spans


def _span(value: object) -> QuietSpan:
    found = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or found["start"] == found["end"]:
        raise ValueError(_FORM)
    try:
        end = time() if found["end"] == _MIDNIGHT else time.fromisoformat(found["end"])
        return QuietSpan(_days(found["days"] or "Mon-Sun"), time.fromisoformat(found["start"]), end)
    except ValueError:
        raise ValueError(_FORM) from None


def _days(text: str) -> tuple[int, ...]:
    """The days of `Mon-Fri`, `Sat,Sun`, or `Fri-Mon`, which goes over the week's end."""
    days: set[int] = set()
    for part in text.lower().split(","):
        first, *rest = (_NAMES[name] for name in part.split("-"))
        if len(rest) > 1:
            raise ValueError(_FORM)
        length = (rest[0] - first) % len(_DAYS) if rest else 0
        days.update((first + step) % len(_DAYS) for step in range(length + 1))
    return tuple(sorted(days))


def _instant(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def _schema(texts: Iterable[str]) -> dict[str, object]:
    text = {"type": "string", "examples": list(texts)}
    return {"anyOf": [text, {"type": "array", "items": text}]}


QuietHours = Annotated[
    tuple[QuietSpan, ...],
    BeforeValidator(parse_quiet_hours),
    WithJsonSchema(_schema(["22:00-07:00", "Mon-Fri 22:00-07:00"])),
]
