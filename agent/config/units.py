"""Sizes, durations and shares as operators write them, parsed into typed values.

Every error shows the valid form and never the value: what stands in a wrong place may be a secret.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from agent.model import LARGEST_COUNT

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBER = r"\d{1,18}(?:\.\d{1,9})?"  # longer ones are no sensible figure, and slow to compute with
_SIZE = re.compile(rf"({_NUMBER}) ?(?:([kmgt]i?)?b)?", re.IGNORECASE | re.ASCII)
_DURATION = re.compile(
    r"(?=\d)(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII
)
_SHARE = re.compile(rf"({_NUMBER}) ?%", re.ASCII)
_PREFIXES = ("k", "m", "g", "t")
HALF = 0.5
OFF = "off"
_LONGEST = timedelta(days=3650)


def parse_size(value: object) -> int:
    """Bytes from an integer, or from text with a decimal (`MB`) or binary (`MiB`) unit.

    Raises ValueError for anything else, and outside 1 to 2^63-1.
    """
    size = _whole(value)
    if size is None and isinstance(value, str) and (found := _SIZE.fullmatch(value.strip())):
        size = round(float(found[1]) * _factor(found[2] or ""))
    if size is None or not 0 < size <= LARGEST_COUNT:
        raise ValueError('needs a size such as "500 MB" or "5 GiB", or a number of bytes')
    return size


def _factor(prefix: str) -> int:
    base = 1024 if prefix[1:] else 1000
    return base ** (_PREFIXES.index(prefix[0].lower()) + 1) if prefix else 1


def parse_duration(value: object) -> timedelta:
    """A duration from days, hours, minutes and seconds in this order: `1d`, `1h30m`, `0s`.

    Raises ValueError for anything else, a bare number and more than ten years included.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        length = days * 86400 + hours * 3600 + minutes * 60 + seconds
        if length <= _LONGEST.total_seconds():
            return timedelta(seconds=length)
    raise ValueError('needs a duration such as "30s", "15m", "1h30m" or "7d"')


def parse_share(value: object) -> float:
    """A share of the whole from a percentage: `80%` is 0.8. Raises ValueError otherwise."""
    if isinstance(value, str) and (found := _SHARE.fullmatch(value.strip())):
        return float(found[1]) / 100
    raise ValueError('needs a share such as "80%"')


def parse_count(value: object) -> int:
    """A whole number, or its digits as the environment has them. Raises ValueError otherwise."""
    count = _whole(value)
    if count is None or count > LARGEST_COUNT:
        raise ValueError("needs a whole number")
    return count


def _whole(value: object) -> int | None:
    """The integer, or None; `true` is 1 to Python, and a mistake in a configuration."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{1,19}", value, re.ASCII):
        return int(value)
    return None


def duration_text(length: timedelta) -> str:
    """The shortest text that `parse_duration` reads back: `1h30m`, `0s`."""
    rest, text = int(length.total_seconds()), ""
    for unit, seconds in {"d": 86400, "h": 3600, "m": 60, "s": 1}.items():
        count, rest = divmod(rest, seconds)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def share_text(share: float) -> str:
    """The text that `parse_share` reads back: `80%`, `2.5%`."""
    return f"{share * 100:.9g}%"


def _between(shortest: timedelta, longest: timedelta) -> AfterValidator:
    """Bounds whose error names them in the units of the file."""
    return AfterValidator(partial(_bounded, shortest, longest))


def _bounded(shortest: timedelta, longest: timedelta, length: timedelta) -> timedelta:
    if shortest <= length <= longest:
        return length
    raise ValueError(f'must be between "{duration_text(shortest)}" and "{duration_text(longest)}"')


def _long_time(value: object) -> timedelta:
    return _bounded(timedelta(seconds=1), timedelta(days=365), parse_duration(value))


def _count_from_0(value: object) -> int:
    if (count := parse_count(value)) < 0:
        raise ValueError("must be at least 0")
    return count


def _or_off(parse: Callable[[object], Any]) -> BeforeValidator:
    """What `parse` takes, or "off", which is None."""

    def check(value: object) -> Any:
        try:
            return None if value == OFF else parse(value)
        except ValueError as error:
            raise ValueError(f'{error}; or "{OFF}"') from None

    return BeforeValidator(check)


def _schema_or_off(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [schema, {"const": OFF}]})


_DURATION_SCHEMA = {"type": "string", "pattern": r"^(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"}
_Duration = Annotated[timedelta, BeforeValidator(parse_duration), WithJsonSchema(_DURATION_SCHEMA)]

Interval = Annotated[_Duration, _between(timedelta(seconds=1), timedelta(days=30))]
Timeout = Annotated[_Duration, _between(timedelta(seconds=1), timedelta(minutes=10))]
Wait = Annotated[_Duration, _between(timedelta(), timedelta(hours=1))]
Repeat = Annotated[_Duration, _between(timedelta(seconds=1), timedelta(days=365))]

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": r"^\d+(\.\d+)? ?([kKmMgGtT]i?)?B$"},
            ]
        }
    ),
]
WholeNumber = BeforeValidator(parse_count)  # after the bounds: Annotated[int, Field(ge=1), ...]
Failures = Annotated[int, Field(ge=1, le=100), WholeNumber]

DurationOrOff = Annotated[timedelta | None, _or_off(_long_time), _schema_or_off(_DURATION_SCHEMA)]
CountOrOff = Annotated[
    int | None, _or_off(_count_from_0), _schema_or_off({"type": "integer", "minimum": 0})
]


def _at_most_half(share: float) -> float:
    if share > HALF:
        raise ValueError(f'must be at most "{share_text(HALF)}"')
    return share


UpToHalf = Annotated[
    float,
    BeforeValidator(parse_share),
    AfterValidator(_at_most_half),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)? ?%$"}),
]
