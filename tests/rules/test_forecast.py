"""When a mailbox will be full, as far as its past tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model import AlertKey, Quota, QuotaState, Reading, Severity
from agent.rules.forecast import findings, forecast, growth

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
MIB = 1024 * 1024
KEY = AlertKey("anna", "forecast", "", "storage")
Samples = list[tuple[datetime, int]]


def past(hourly: float, hours: int = 168, last: int = 600 * MIB) -> Samples:
    """Hourly samples that grow by so many bytes an hour, up to the last one an hour ago."""
    return [(NOON - n * HOUR, round(last - n * hourly)) for n in range(hours, 0, -1)]


def found(samples: Samples, used: int, *held: AlertKey) -> list[Severity | None]:
    quota = Quota("", "storage", used, 1000 * MIB)
    reading = Reading(QuotaState.LIMITED, (quota,))
    known = dict.fromkeys(held, Severity.WARNING)
    told = findings("anna", reading, {("", "storage"): samples}, WEEK, known, NOON)
    return [each.severity for each in told]


def test_steady_growth_is_full_when_the_rest_is_used_up() -> None:
    ahead = forecast(past(4 * MIB), 600 * MIB, 1000 * MIB, NOON)
    assert ahead
    assert ahead.full_at - NOON == pytest.approx(100 * HOUR, rel=0.03)
    assert ahead.growth == pytest.approx(96 * MIB, rel=0.01)


@pytest.mark.parametrize("hourly", [0, -MIB])
def test_what_does_not_grow_is_never_full(hourly: float) -> None:
    assert forecast(past(hourly), 600 * MIB, 1000 * MIB, NOON) is None


def test_two_days_of_history_are_the_least() -> None:
    assert forecast(past(4 * MIB, hours=40), 600 * MIB, 1000 * MIB, NOON) is None
    assert growth(past(4 * MIB, hours=40), NOON) is None
    assert growth(past(4 * MIB, hours=60), NOON) == pytest.approx(96 * MIB, rel=0.01)


def test_one_large_mail_is_no_trend() -> None:
    samples = [(at, used + (200 * MIB if at > NOON - 12 * HOUR else 0)) for at, used in past(0)]
    assert forecast(samples, 800 * MIB, 1000 * MIB, NOON) is None


def test_a_clean_up_hides_no_growth_however_unevenly_mail_comes_in() -> None:
    samples, used = [], 300 * MIB
    for n in range(120, 0, -1):
        used += 3 * MIB + (120 * MIB if n in {100, 20} else 0) - (350 * MIB if n == 40 else 0)
        samples.append((NOON - n * HOUR, used))
    assert growth(samples, NOON) == pytest.approx(72 * MIB, rel=0.1)


def test_it_is_told_within_the_time_and_not_beyond() -> None:
    assert found(past(4 * MIB), 600 * MIB) == [Severity.WARNING]
    assert found(past(MIB / 2), 600 * MIB) == []


def test_usage_that_is_told_itself_needs_no_forecast() -> None:
    usage = AlertKey("anna", "usage", "", "storage")
    assert found(past(4 * MIB), 600 * MIB, usage) == []
    assert found(past(4 * MIB), 600 * MIB, usage, KEY) == [None]


def test_growth_that_has_ended_ends_the_alert() -> None:
    assert found(past(0), 600 * MIB, KEY) == [None]


def test_too_short_a_history_changes_nothing() -> None:
    assert found(past(4 * MIB, hours=10), 600 * MIB, KEY) == []


@given(
    values=st.lists(st.integers(0, 2**62), max_size=200),
    used=st.integers(0, 2**62),
    limit=st.integers(0, 2**62),
)
def test_any_past_yields_a_time_to_come_or_none(values: list[int], used: int, limit: int) -> None:
    samples = [(NOON - (n + 1) * HOUR, value) for n, value in enumerate(values)][::-1]
    ahead = forecast(samples, used, limit, NOON)
    assert ahead is None or (ahead.full_at >= NOON and ahead.growth > 0)
