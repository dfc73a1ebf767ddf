"""When the next attempt is made."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.notify.backoff import next_attempt, pause
from tests.support.notices import NOON

chances = st.floats(0, 1)


def wait(attempts: int, chance: float = 1.0, after: float | None = None) -> float:
    due = next_attempt(attempts, NOON, NOON, chance, after)
    assert due is not None
    return (due - NOON).total_seconds()


def test_waits_double_up_to_a_quarter_of_an_hour() -> None:
    assert [wait(attempts) for attempts in (1, 2, 3, 10, 11, 99)] == [1, 2, 4, 512, 900, 900]


@given(st.integers(1, 10**6), chances)
def test_jitter_covers_the_whole_wait(attempts: int, chance: float) -> None:
    assert 0 <= wait(attempts, chance) <= wait(attempts) <= 900


def test_a_target_may_ask_for_a_longer_wait_but_not_for_any() -> None:
    assert wait(1, after=120) == 120
    assert wait(1, after=1e9) == 3600
    assert wait(11, after=5) == 900


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def test_after_a_day_it_is_given_up() -> None:
    assert next_attempt(50, NOON, at(23.9), 1.0) is not None
    assert next_attempt(50, NOON, at(24), 1.0) is None


def test_an_agent_that_was_off_for_a_day_tries_more_than_once() -> None:
    assert next_attempt(11, NOON, at(48), 1.0) is not None
    assert next_attempt(12, NOON, at(48), 1.0) is None


def test_pauses_double_up_to_a_minute() -> None:
    assert [pause(failures, 1.0) for failures in (1, 2, 3, 6, 7, 99)] == [1, 2, 4, 32, 60, 60]
    assert pause(1, 1.0, after=7) == 7
    assert pause(1, 1.0, after=1e9) == 60


@given(st.integers(1, 10**6), chances)
def test_a_pause_is_never_shorter_than_a_second(failures: int, chance: float) -> None:
    assert 1 <= pause(failures, chance) <= pause(failures, 1.0) <= 60
