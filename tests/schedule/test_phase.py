"""When an account's turn comes: always at the same phase of its interval."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.schedule import Phase

MOMENTS = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
INTERVALS = st.integers(min_value=1, max_value=86_400).map(lambda s: timedelta(seconds=s))


@given(name=st.text(max_size=20), interval=INTERVALS, now=MOMENTS)
def test_the_next_time_is_within_one_interval(
    name: str, interval: timedelta, now: datetime
) -> None:
    following = Phase(name, interval).get_next_fire_time(None, now)
    assert timedelta(0) <= following - now <= interval + timedelta(milliseconds=1)


@given(name=st.text(max_size=20), interval=INTERVALS, now=MOMENTS, late=st.floats(0, 3))
def test_two_times_are_never_closer_than_half_an_interval(
    name: str, interval: timedelta, now: datetime, late: float
) -> None:
    phase = Phase(name, interval)
    following = phase.get_next_fire_time(now, now + late * interval)
    assert following - now >= interval / 2 - timedelta(milliseconds=1)


@given(name=st.text(max_size=20), interval=INTERVALS, now=MOMENTS)
def test_it_does_not_drift(name: str, interval: timedelta, now: datetime) -> None:
    phase = Phase(name, interval)
    first = phase.get_next_fire_time(None, now)
    hundredth = first
    for _ in range(100):
        hundredth = phase.get_next_fire_time(hundredth, hundredth)
    assert (hundredth - first).total_seconds() == pytest.approx(
        100 * interval.total_seconds(), abs=1e-3
    )


@given(interval=INTERVALS, now=MOMENTS)
def test_a_day_that_was_slept_through_is_not_caught_up(interval: timedelta, now: datetime) -> None:
    woken = now + timedelta(days=1)
    following = Phase("anna", interval).get_next_fire_time(now, woken)
    assert following >= woken


def test_names_are_spread_over_the_interval() -> None:
    offsets = sorted(Phase(f"user{n}", timedelta(minutes=15)).offset for n in range(1000))
    gaps = [after - before for before, after in itertools.pairwise(offsets)]
    assert offsets[-1] - offsets[0] > 880
    assert max(gaps) < 15
