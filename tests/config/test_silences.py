"""Silences, and when they hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.silences import Silence, parse_moment

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def silence(**keys: object) -> Silence:
    return Silence.model_validate({"match": {}} | keys)


@pytest.mark.parametrize(
    ("until", "end"),
    [
        ("2026-07-01T15:00:00", "2026-07-01T13:00:00+00:00"),
        ("2026-07-01 15:00:00", "2026-07-01T13:00:00+00:00"),
        ("2026-07-01T15:00:00Z", "2026-07-01T15:00:00+00:00"),
        ("2026-07-01T15:00:00-04:00", "2026-07-01T19:00:00+00:00"),
        ("2026-12-24T15:00", "2026-12-24T14:00:00+00:00"),
    ],
)
def test_a_time_without_a_zone_is_meant_in_the_configured_one(until: str, end: str) -> None:
    assert silence(until=until).ends(BERLIN, NOON) == datetime.fromisoformat(end)


def test_a_silence_holds_from_its_beginning_until_just_before_its_end() -> None:
    one = silence(**{"from": NOON, "until": NOON + HOUR})
    assert one.ends(UTC, NOON - timedelta(seconds=1)) is None
    assert one.ends(UTC, NOON) == NOON + HOUR
    assert one.ends(UTC, NOON + HOUR) is None


def test_without_a_beginning_it_has_begun() -> None:
    assert silence(until=NOON).ends(UTC, NOON - 9999 * HOUR) == NOON


@pytest.mark.parametrize("value", ["2026-07-01", "noon:ish", 5, None, "0001-01-01T00:00:00"])
def test_what_is_no_date_and_time_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="needs a date and time such as"):
        parse_moment(value)


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(9998, 12, 31)),  # noqa: DTZ001  local
    st.sampled_from(["Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"]),
)
def test_every_time_that_is_read_has_its_time_in_utc(until: datetime, zone: str) -> None:
    one = silence(until=until.isoformat())
    end = one.ends(ZoneInfo(zone), datetime(1970, 1, 1, tzinfo=UTC))
    assert end is not None
    assert abs(end.replace(tzinfo=None) - until) <= timedelta(hours=15)
