"""Numbers, sizes, dates and durations as one language writes them; Babel loads with the first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from agent import text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta, tzinfo

    from babel import Locale

    from agent.notify.message.style import Language

# British English has the day before the month and 24 hours, which reads the same to all.
_LOCALES = {"en": "en_GB", "de": "de", "es": "es"}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_TWO_DAYS = 2 * _DAY


@dataclass(frozen=True, slots=True)
class Span:
    """A time to come, in one unit and rounded down: days from two on, else hours, else neither."""

    days: int = 0
    hours: int = 0


def span(ahead: timedelta) -> Span:
    """The unit in which people count such a time."""
    seconds = int(ahead.total_seconds())
    return Span(days=seconds // _DAY) if seconds >= _TWO_DAYS else Span(hours=seconds // _HOUR)


@dataclass(frozen=True, slots=True)
class Local:
    """How to write for readers of one language in one time zone; spaces are ordinary ones."""

    language: Language
    timezone: tzinfo

    def number(self, value: int) -> str:
        """A whole number: `1,204`."""
        from babel.numbers import format_decimal

        return _spaces(format_decimal(value, locale=self._locale))

    def percent(self, value: int) -> str:
        """Whole percent: `93 %`."""
        return f"{self.number(value)} %"

    def size(self, octets: int) -> str:
        """Octets in binary units with one decimal, rounded down: `17.6 MiB`."""
        from babel.numbers import get_decimal_symbol

        return text.size(octets).replace(".", get_decimal_symbol(self._locale))

    def moment(self, at: datetime) -> str:
        """A time to the minute, with its zone: `1 Mar 2026, 13:00 CET`."""
        from babel.dates import format_date, format_time

        there = _there(at, self.timezone)
        day = format_date(there, "medium", locale=self._locale)
        time = format_time(there, "HH:mm", tzinfo=there.tzinfo, locale=self._locale)
        return _spaces(f"{day}, {time} {self._zone(there)}")

    def day(self, at: datetime) -> str:
        """A date as it is said: `Saturday, 7 March 2026`."""
        from babel.dates import format_date

        return _spaces(format_date(_there(at, self.timezone), "full", locale=self._locale))

    def duration(self, lasted: timedelta) -> str:
        """A duration in its two largest units, rounded down: `3 hours and 5 minutes`."""
        from babel.units import format_unit

        seconds = max(int(lasted.total_seconds()), 0)
        days, hours, minutes = seconds // _DAY, seconds % _DAY // _HOUR, seconds % _HOUR // _MINUTE
        units = {"day": days, "hour": hours} if days else {"hour": hours, "minute": minutes}
        parts = [
            format_unit(count, f"duration-{unit}", locale=self._locale)
            for unit, count in units.items()
            if count
        ]
        none = format_unit(0, "duration-minute", locale=self._locale)
        return _spaces(self.listed(parts or [none]))

    def listed(self, parts: Sequence[str]) -> str:
        """Several things in one phrase: `a, b and c`."""
        from babel.lists import format_list

        return format_list(parts, locale=self._locale)

    def _zone(self, there: datetime) -> str:
        from babel.dates import format_datetime

        zone = format_datetime(there, "z", tzinfo=there.tzinfo, locale=self._locale)
        return f"UTC{zone[:3]}:{zone[3:]}" if zone[0] in "+-" else zone

    @property
    def _locale(self) -> Locale:
        return _locale(self.language)


@cache
def _locale(language: Language) -> Locale:
    from babel import Locale

    return Locale.parse(_LOCALES[language])


def _there(at: datetime, timezone: tzinfo) -> datetime:
    """The time as clocks there show it; a certificate "without end" has none outside UTC."""
    try:
        return at.astimezone(timezone)
    except OverflowError:
        return at


def _spaces(text: str) -> str:
    """No-break spaces would hide `93 %` from a search, and break some mail subjects."""
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
