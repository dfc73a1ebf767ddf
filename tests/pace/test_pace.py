"""A mailbox that fails is asked less often, and a server that throttles by fewer at a time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model import Failure, FailureKind, Outcome, Poll, QuotaState, Reading
from agent.pace import GROWTH_AFTER, LONGEST_THROTTLE, PATIENCE, Pace, pause_after

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WELL = Reading(QuotaState.UNLIMITED)
DOWN = Failure(FailureKind.CONNECT, "refused")
THROTTLED = Failure(FailureKind.THROTTLED, "too many connections")
SERVER = "mail.example.com:993"


def poll(outcome: Outcome, login_delay: float | None = None) -> Poll:
    return Poll("anna", NOON, 0.5, outcome, login_delay=login_delay)


def next_time(*outcomes: Outcome, interval: timedelta = MINUTE, jitter: float = 0) -> datetime:
    """When the account may be polled after these outcomes."""
    pace = Pace(2, lambda: jitter)
    for outcome in outcomes:
        pace.note(SERVER, poll(outcome), interval)
    return pace.not_before("anna", NOON) or NOON


def test_a_success_lets_the_next_poll_come_in_its_turn() -> None:
    assert next_time(DOWN, DOWN, WELL) == NOON


@pytest.mark.parametrize(
    ("interval", "waits"),
    [
        (timedelta(seconds=1), [1, 2, 4, 8, 8]),
        (timedelta(minutes=5), [300, 600, 900, 900]),
        (timedelta(minutes=15), [900, 900, 900]),
        (timedelta(hours=2), [900, 1800, 3600, 7200, 7200]),
    ],
)
def test_failures_in_a_row_are_answered_by_longer_waits(
    interval: timedelta, waits: list[int]
) -> None:
    found = [pause_after(DOWN, number + 1, interval) for number in range(len(waits))]
    assert [wait.total_seconds() for wait in found] == waits


@pytest.mark.parametrize("kind", [FailureKind.AUTH, FailureKind.DENIED])
def test_what_does_not_pass_by_itself_waits_for_its_turn(kind: FailureKind) -> None:
    day = timedelta(days=1)
    assert [pause_after(Failure(kind, ""), failures, day) for failures in (1, 2, 9)] == [day] * 3


def test_a_server_that_throttles_is_left_alone_for_longer() -> None:
    assert next_time(THROTTLED) == NOON + 2 * MINUTE
    assert next_time(THROTTLED, THROTTLED) == NOON + 4 * MINUTE
    assert next_time(*[THROTTLED] * 20) == NOON + LONGEST_THROTTLE


def test_a_server_is_left_alone_for_as_long_as_it_asks() -> None:
    asked = Failure(FailureKind.THROTTLED, "Suggested Backoff Time: 1800000 milliseconds", 1800)
    assert next_time(asked) == NOON + timedelta(minutes=30)


def test_what_a_server_asks_for_is_bounded() -> None:
    assert next_time(Failure(FailureKind.THROTTLED, "", 1e12)) == NOON + LONGEST_THROTTLE


def test_waits_differ_so_that_not_all_come_at_once() -> None:
    assert next_time(DOWN, jitter=0.5) == NOON + 1.1 * MINUTE


def test_a_login_delay_is_kept_between_two_logins() -> None:
    pace = Pace(2)
    pace.note(SERVER, poll(WELL, login_delay=300), MINUTE)
    assert pace.not_before("anna", NOON + 4 * MINUTE) == NOON + 5 * MINUTE
    assert pace.not_before("anna", NOON + 5 * MINUTE) is None


def test_a_clock_that_jumps_back_holds_nothing_up() -> None:
    pace = Pace(2)
    pace.note(SERVER, poll(DOWN), MINUTE)
    pace.forget_times()
    assert pace.not_before("anna", NOON - timedelta(hours=1)) is None


@given(
    failures=st.integers(1, 10**6),
    interval=st.timedeltas(timedelta(seconds=1), timedelta(days=1)),
    kind=st.sampled_from(FailureKind),
    asked=st.none() | st.floats(0, 1e12),
)
def test_a_wait_is_never_shorter_than_an_interval_nor_endless(
    failures: int, interval: timedelta, kind: FailureKind, asked: float | None
) -> None:
    wait = pause_after(Failure(kind, "", asked), failures, interval)
    assert min(interval, PATIENCE) <= wait <= max(interval, LONGEST_THROTTLE)


def test_too_many_connections_lower_the_number_and_successes_raise_it_again() -> None:
    pace = Pace(4)
    for outcome in (THROTTLED, THROTTLED, THROTTLED):
        pace.note(SERVER, poll(outcome), MINUTE)
    seen = [pace.connections(SERVER)]
    for _ in range(4 * GROWTH_AFTER):
        pace.note(SERVER, poll(WELL), MINUTE)
        seen.append(pace.connections(SERVER))
    assert (seen[0], seen[-1]) == (1, 4)
    assert all(0 <= later - earlier <= 1 for earlier, later in pairwise(seen))


def test_no_more_are_let_in_than_the_server_takes() -> None:
    pace = Pace(2)
    pace.note(SERVER, poll(THROTTLED), MINUTE)
    entered = threading.Event()

    def second() -> None:
        with pace.slot(SERVER) as free:
            assert free
            entered.set()

    with pace.slot(SERVER) as free:
        assert free
        threading.Thread(target=second, daemon=True).start()
        assert not entered.wait(0.05)
    assert entered.wait(10)


def test_stopping_lets_nobody_wait_for_a_connection() -> None:
    pace = Pace(1)
    told: list[bool] = []

    def wait() -> None:
        with pace.slot(SERVER) as free:
            told.append(free)

    with pace.slot(SERVER):
        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        pace.close()
        waiting.join(10)
    assert told == [False]
