"""An alert that comes and goes is not told each time, and no outage is lost in it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from agent.model import FailureKind
from agent.rules.damping import LONGEST_CALM, calm
from tests.support.mailboxes import settings
from tests.support.stores import opened
from tests.support.watch import QUARTER, Told, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.store import Store

OUT = FailureKind.TIMEOUT
HOUR = timedelta(hours=1)
A_DAY = 96  # quarters of an hour
FIRST, AGAIN, OVER = ("poll", "first"), ("poll", "reminder"), ("poll", "resolved")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


def live(watch: Watch, pattern: str, polls: int) -> list[Told]:
    """Poll the only mailbox so often, by a pattern of `x` (fails) and `o` (works)."""
    before = len(watch.told)
    for number in range(polls):
        kind = OUT if pattern[number % len(pattern)] == "x" else None
        watch.poll([("anna", kind)])
    return watch.told[before:]


@pytest.mark.parametrize("pattern", ["xxxo", "xxxooo", "xxxxxxoo", "xxxoooo"])
def test_an_outage_that_comes_and_goes_is_told_a_few_times_a_day(
    store: Store, pattern: str
) -> None:
    watch = Watch(store, settings("anna"))
    assert live(watch, pattern, A_DAY) == [FIRST, OVER, FIRST]


def test_the_first_end_is_told_at_once(store: Store) -> None:
    watch = Watch(store, settings("anna"))
    assert live(watch, "xxx", 3) == [FIRST]
    assert live(watch, "o", 1) == [OVER]


def test_further_ends_are_told_when_they_have_lasted_longer_and_longer(store: Store) -> None:
    watch = Watch(store, settings("anna"))
    live(watch, "xxxo", 4)
    for quarters in (4, 8, 16, 16):
        assert live(watch, "xxx", 3) == [FIRST]
        assert live(watch, "o", quarters) == []
        assert live(watch, "o", 1) == [OVER]


def test_after_a_day_without_trouble_the_end_is_told_at_once_again(store: Store) -> None:
    watch = Watch(store, settings("anna"))
    live(watch, "xxxo" * 2 + "oooo", 12)
    live(watch, "o", A_DAY)
    assert live(watch, "xxxo", 4) == [FIRST, OVER]


def test_an_outage_that_lasts_is_told_again_though_the_alert_had_not_ended(store: Store) -> None:
    watch = Watch(store, settings("anna"))
    assert live(watch, "xxxo", 12) == [FIRST, OVER, FIRST]
    assert live(watch, "x", 12) == [AGAIN]
    assert live(watch, "o", 6) == [OVER]


def test_a_restart_forgets_nothing_of_it(store: Store) -> None:
    watch = Watch(store, settings("anna"))
    told = []
    for number in range(A_DAY // 4):
        told += live(watch, "xxxo", 4)
        if number:  # what was counted towards the first alert may be lost
            watch.restart()
    assert told == [FIRST, OVER, FIRST]


def test_a_server_and_the_connection_that_come_and_go_are_told_likewise(store: Store) -> None:
    told = settings("a1", "a2", "b1", "b2")
    tables = {each.name: each for each in told.accounts}
    two = tuple(
        each.model_copy(update={"server": type(each.server)("other.example.com", 993)})
        if name[0] == "b"
        else each
        for name, each in tables.items()
    )
    watch = Watch(store, told.model_copy(update={"accounts": two}))
    for number in range(A_DAY):
        down = OUT if number % 6 < 3 else None
        watch.poll([("a1", down), ("b1", None), ("a2", down), ("b2", None)])
    server = [("server", "first"), ("server", "resolved"), ("server", "first")]
    assert watch.told == server
    for _ in range(A_DAY):
        watch.poll([(name, None) for name in tables])
    assert watch.told == [*server, ("server", "resolved")]
    for number in range(A_DAY):
        down = OUT if number % 6 < 3 else None
        watch.poll([(name, down) for name in tables])
    agent = [("agent", "first"), ("agent", "resolved"), ("agent", "first")]
    assert watch.told[4:] == agent


def test_a_rule_that_is_over_for_good_is_closed_at_once(store: Store) -> None:
    watch = Watch(store, settings("anna"))
    live(watch, "xxxo", 7)
    Watch(store, settings("bert"))
    assert watch.wait(QUARTER) == [OVER]


def test_calm_grows_up_to_some_hours_and_not_with_the_number_of_episodes_without_end() -> None:
    assert [calm(episodes, QUARTER) for episodes in range(1, 6)] == [
        timedelta(), HOUR, 2 * HOUR, 4 * HOUR, LONGEST_CALM,
    ]  # fmt: skip
    assert calm(10**9, timedelta(seconds=1)) == LONGEST_CALM
