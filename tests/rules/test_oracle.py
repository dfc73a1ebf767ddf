"""Everyone who should know is told once, on generated histories, as a simple oracle says.

ORACLE_SEQUENCES says how many histories are tried.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from agent.model import Failure, FailureKind, Outcome, Poll, Quota, QuotaState, Reading, Severity
from tests.support.machine import Machine
from tests.support.oracle import FIRST, HEARERS, MAILBOXES, ONCE_MORE, REMINDER, WORSE, Oracle
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from agent.store import Store

SEQUENCES = int(os.environ.get("ORACLE_SEQUENCES", "300"))
WORDS = {ONCE_MORE: {FIRST, WORSE, REMINDER}}


def _agree(told: list[tuple[str, str, Severity]], due: list[tuple[str, str, Severity]]) -> bool:
    return len(told) == len(due) and all(
        name == about and level == severity and word in WORDS.get(said, {said})
        for (name, word, level), (about, said, severity) in zip(told, due, strict=True)
    )


UNBELIEVABLE: tuple[Outcome, ...] = (
    Failure(FailureKind.TIMEOUT, "no answer"),
    Failure(FailureKind.THROTTLED, "too many"),
    Reading(QuotaState.INVALID, (Quota("q", "storage", 99, 100),)),
    Reading(QuotaState.DENIED),
    Reading(QuotaState.UNSUPPORTED),
    Reading(QuotaState.LIMITED, (Quota("", "storage", 10, 100, "config"),), partial=True),
)

names = st.sampled_from(["a1", "a2", "b1", "b2"])
used = st.sampled_from([10, 57, 59, 60, 67, 69, 70, 75, 79, 80, 87, 89, 90, 94, 95, 97, 98, 120])
polls = st.tuples(st.just("polls"), st.lists(st.tuples(names, used), min_size=1, max_size=3))
troubles = st.tuples(st.just("trouble"), st.tuples(names, st.sampled_from(UNBELIEVABLE)))
waits = st.tuples(
    st.just("wait"), st.sampled_from([1, 9, 10, 60, 120, 300, 600, 1439, 1440, 4320, 10080])
)
deliveries = st.tuples(
    st.just("deliver"),
    st.tuples(
        st.sampled_from(["ops", "boss", "night", "clerk"]),
        st.sampled_from(["accepts", "accepts", "rejects", "dies"]),
    ),
)
restarts = st.tuples(st.just("restart"), st.sampled_from([0, 0, 1, 2]))
Step = tuple[str, Any]
steps = st.one_of(polls, polls, polls, troubles, waits, waits, deliveries, deliveries, restarts)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened(tmp_path_factory.mktemp("oracle")) as store:
        yield store


ACCEPTED: dict[str, Step] = {
    who: ("deliver", (who, "accepts")) for who in ("ops", "boss", "clerk", "night")
}


def _used(name: str, used: int) -> Step:
    return ("polls", [(name, used)])


HISTORIES: dict[str, list[Step]] = {
    "the end of a second alert is told where that of the first was not yet": [
        _used("a1", 85), ACCEPTED["ops"], _used("a1", 10), _used("a1", 85), _used("a1", 10),
    ],
    "nobody hears of the end of what got worse and ended before they were told": [
        _used("a1", 85), _used("a1", 96), _used("a1", 10),
    ],
    "who hears of no ends is not told of what has ended": [
        ("restart", 1), _used("a1", 95), _used("a1", 10),
    ],
    "what got worse is told as such though its reminder came before it was told": [
        _used("a1", 85), ACCEPTED["ops"], _used("a1", 96), ("wait", 1440), _used("a1", 96),
    ],
    "after a silence an alert is new to those who have not heard of it, and not a reminder": [
        ("wait", 720), _used("b1", 85), ("wait", 1440), _used("b1", 85),
    ],
    "reminders are counted from when somebody was first told": [
        ("wait", 725), _used("b1", 85), ("wait", 1437), _used("b1", 85), ACCEPTED["ops"],
        ("wait", 60), _used("b1", 85),
    ],
    "what is critical only within a silence, and has not left that level, is told at its end": [
        _used("b1", 85), ACCEPTED["ops"], ("wait", 725), _used("b1", 96), _used("b1", 93),
        ("wait", 1440), _used("b1", 93),
    ],
    "what was critical within a silence and is no more is not told as such": [
        _used("b1", 85), ACCEPTED["ops"], ("wait", 725), _used("b1", 96), _used("b1", 89),
        ("wait", 1440), _used("b1", 93),
    ],
    "who is new hears of an alert though it has just eased": [
        _used("a1", 80), ("restart", 1), _used("a1", 67),
    ],
}  # fmt: skip


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_told_as_the_oracle_says(store: Store, history: list[Step]) -> None:
    _compare(store, history)


@hypothesis_settings(
    max_examples=SEQUENCES, suppress_health_check=[HealthCheck.too_slow], deadline=None
)
@given(st.lists(steps, max_size=40))
def test_everyone_is_told_what_is_news_to_them_and_nothing_else(
    store: Store, history: list[Step]
) -> None:
    _compare(store, history)


def _compare(store: Store, history: list[Step]) -> None:
    with capture_logs():
        machine, oracle = Machine(store), Oracle()
        for step in [*history, ("wait", 1440)]:
            _take(machine, oracle, step)
            machine.now += timedelta(seconds=1)
        for who in HEARERS[oracle.plan]:
            _deliver(machine, oracle, who, "accepts")


def _take(machine: Machine, oracle: Oracle, step: Step) -> None:
    match step:
        case "polls", read:
            known = [(name, used) for name, used in read if name in MAILBOXES[oracle.plan]]
            for name, used in known:
                oracle.read(name, used, machine.now)
            machine.write([_poll(machine.now, name, _reading(used)) for name, used in known])
        case "trouble", (name, outcome) if name in MAILBOXES[oracle.plan]:
            machine.write([_poll(machine.now, name, outcome)])
        case "wait", minutes:
            machine.now += timedelta(minutes=minutes)
            machine.review()
        case "deliver", (who, how) if who in HEARERS[oracle.plan]:
            _deliver(machine, oracle, who, how)
        case "restart", plan:
            machine.restart(plan)
            oracle.restart(plan, machine.now)
        case _:
            pass  # a mailbox or a receiver that is not configured now


def _deliver(machine: Machine, oracle: Oracle, who: str, how: str) -> None:
    told, due = machine.deliver(who, how), oracle.deliver(who, machine.now, how)
    assert _agree(told, due), f"{who} was told {told}, and should have been told {due}"


def _poll(now: datetime, name: str, outcome: Outcome) -> Poll:
    return Poll(name, now, 0.1, outcome)


def _reading(used: int) -> Reading:
    return Reading(QuotaState.LIMITED, (Quota("q", "storage", used, 100),))
