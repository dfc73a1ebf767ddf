"""Whose fault it is when polls fail: the mailbox's, its server's, or the agent's.

ORACLE_SEQUENCES says how many histories are compared with the oracle.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agent.model import AlertKey, Failure, FailureKind, Finding, Poll, QuotaState, Reading, Severity
from agent.rules.outages import outages
from agent.rules.watch import Watched

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SEQUENCES = int(os.environ.get("ORACLE_SEQUENCES", "300"))
PATIENCE = 3
OUT, REJECTED, FULL = FailureKind.TIMEOUT, FailureKind.AUTH, FailureKind.LOCKED
AGENT = AlertKey("", "agent")

Event = tuple[str, FailureKind | None]  # whose poll ended, and how


class Fleet:
    """Mailboxes named after their server: `a1` is the first of server `a`."""

    def __init__(self, *names: str) -> None:
        self.watched = {name: Watched(name[0]) for name in names}
        self.minute = 0

    def poll(self, names: str, kind: FailureKind | None = None, times: int = 1) -> None:
        """Polls of these mailboxes one after the other, a minute each."""
        for _ in range(times):
            for name in names.split():
                self.minute += 1
                outcome = Failure(kind, f"{name} says no") if kind else Reading(QuotaState.DENIED)
                poll = Poll(name, self.at(self.minute), 1.0, outcome)
                self.watched[name] = self.watched[name].after(poll)

    @staticmethod
    def at(minute: int) -> datetime:
        return NOON + minute * MINUTE

    def found(self, *held: AlertKey) -> list[Finding]:
        return outages(self.watched, held, lambda _: PATIENCE)

    def keys(self) -> set[AlertKey]:
        return {each.key for each in self.found()}


def poll_of(*names: str) -> set[AlertKey]:
    return {AlertKey(name, "poll") for name in names}


def server(name: str) -> AlertKey:
    return AlertKey("", "server", root=name)


def test_one_mailbox_that_fails_on_a_server_that_works_is_told_of_itself() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("a1 a2 b1")
    fleet.poll("a1", OUT, PATIENCE)
    fleet.poll("a2")
    detail = "timeout: a1 says no"
    key = AlertKey("a1", "poll")
    assert fleet.found() == [Finding(key, Severity.WARNING, detail=detail, moment=fleet.at(1))]


def test_it_is_told_from_the_configured_number_of_failures_on() -> None:
    fleet = Fleet("a1", "a2")
    fleet.poll("a2")
    fleet.poll("a1", OUT, PATIENCE - 1)
    fleet.poll("a2")
    assert fleet.found() == []
    fleet.poll("a1", OUT)
    assert fleet.keys() == poll_of("a1")


def test_a_mailbox_that_never_worked_has_no_moment() -> None:
    fleet = Fleet("a1", "a2")
    fleet.poll("a2")
    fleet.poll("a1", OUT, PATIENCE)
    fleet.poll("a2")
    assert [each.moment for each in fleet.found()] == [None]


def test_a_mailbox_waits_until_another_of_its_server_was_polled_since() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("a1 a2 b1")
    fleet.poll("a1", OUT, PATIENCE)
    fleet.poll("b1")
    assert fleet.found() == []


def test_a_server_of_which_every_mailbox_fails_is_told_once_with_the_numbers() -> None:
    fleet = Fleet("a1", "a2", "a3", "b1")
    fleet.poll("b1")
    fleet.poll("a1 a2", OUT, PATIENCE)
    fleet.poll("b1")
    detail = "timeout: a1 says no"
    assert fleet.found() == [Finding(server("a"), Severity.CRITICAL, 2, 3, detail)]


def test_a_server_waits_until_another_was_polled_since() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("a1 a2 b1")
    fleet.poll("a1 a2", OUT, PATIENCE)
    assert fleet.found() == []
    fleet.poll("b1")
    assert fleet.keys() == {server("a")}


def test_the_only_server_is_told_at_once() -> None:
    fleet = Fleet("a1", "a2")
    fleet.poll("a1 a2", OUT, PATIENCE)
    assert fleet.keys() == {server("a")}


def test_the_only_mailbox_is_told_at_once() -> None:
    fleet = Fleet("a1")
    fleet.poll("a1", OUT, PATIENCE)
    assert fleet.keys() == poll_of("a1")


def test_the_only_mailbox_of_a_server_is_told_as_a_mailbox() -> None:
    fleet = Fleet("a1", "b1")
    fleet.poll("b1")
    fleet.poll("a1", OUT, PATIENCE)
    fleet.poll("b1")
    assert fleet.keys() == poll_of("a1")


def test_when_all_servers_fail_at_once_the_agent_says_so_once() -> None:
    fleet = Fleet("a1", "a2", "b1", "c1")
    fleet.poll("a1 a2 b1")
    fleet.poll("a1 a2 b1", OUT, PATIENCE)
    assert fleet.found() == [Finding(AGENT, Severity.CRITICAL, 3, 4)]


def test_a_short_failure_of_one_server_does_not_make_the_outage_of_another_the_agents() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("a1 a2", OUT, PATIENCE)
    fleet.poll("b1")
    fleet.poll("b1", OUT)
    assert fleet.keys() == {server("a")}


def test_the_agent_is_told_too_where_a_server_was_down_long_before() -> None:
    fleet = Fleet("a1", "a2", "b1", "c1")
    fleet.poll("a1 a2", OUT, PATIENCE)
    fleet.poll("b1 c1")
    fleet.poll("b1 c1", OUT, PATIENCE)
    assert fleet.keys() == {AGENT}


def test_a_short_failure_of_one_mailbox_does_not_make_that_of_another_the_servers() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("a1", OUT, PATIENCE)
    fleet.poll("a2 b1")
    fleet.poll("a2", OUT)
    fleet.poll("b1")
    assert fleet.keys() == poll_of("a1")


def test_a_rejected_login_says_nothing_of_mailbox_and_server() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("b1")
    fleet.poll("a1 a2", REJECTED, PATIENCE)
    assert fleet.found() == []
    fleet.poll("b1", REJECTED, PATIENCE)
    assert fleet.found() == []


@pytest.mark.parametrize(
    "kind",
    [FailureKind.LOCKED, FailureKind.DENIED, FailureKind.THROTTLED, FailureKind.CONFIG],
)
def test_what_only_one_mailbox_suffers_from_is_told_of_it_alone(kind: FailureKind) -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("a1 a2 b1", kind, PATIENCE)
    assert fleet.keys() == poll_of("a1", "a2", "b1")


def test_one_that_works_ends_the_outage_of_its_server_and_of_the_agent() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("a1 a2 b1", OUT, PATIENCE)
    held = (AGENT, server("a"), AlertKey("a1", "poll"))
    assert fleet.found(*held) == fleet.found()
    fleet.poll("b1")
    assert fleet.found(*held)[0] == Finding(AGENT, None, 2, 3, moment=fleet.at(fleet.minute))
    fleet.poll("a2")
    now = fleet.at(fleet.minute)
    assert fleet.found(*held)[:2] == [
        Finding(AGENT, None, 1, 3, moment=now),
        Finding(server("a"), None, 1, 2, moment=now),
    ]
    fleet.poll("a1")
    now = fleet.at(fleet.minute)
    assert fleet.found(*held) == [
        Finding(AGENT, None, 0, 3, moment=now),
        Finding(server("a"), None, 0, 2, moment=now),
        Finding(AlertKey("a1", "poll"), None, moment=now),
    ]


def test_an_alert_goes_on_while_its_mailbox_is_not_polled_and_of_others_nothing_is_said() -> None:
    """As after a restart: what has not been polled yet is not known to work."""
    fleet = Fleet("a1", "a2", "b1")
    others = AlertKey("a1", "usage", "q", "storage")
    assert fleet.found(AGENT, server("a"), *poll_of("a1", "gone"), others) == []


def test_failures_are_counted_anew_after_a_success() -> None:
    fleet = Fleet("a1", "a2")
    fleet.poll("a1", OUT, PATIENCE - 1)
    fleet.poll("a1")
    fleet.poll("a1", OUT, PATIENCE - 1)
    fleet.poll("a2")
    assert fleet.found() == []


NAMES = ("a1", "a2", "a3", "b1", "b2", "c1")


class Oracle:
    """The same from the plain list of all polls, looked through again for each question."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.polled = {who for who, _ in events}
        self.counted = {one for one in self.polled if not self.row(one) or self.out(one)}
        self.down = all(map(self.out, self.counted)) and len({one[0] for one in self.counted}) > 1

    def row(self, name: str, since: int = 0) -> list[int]:
        """When each of its failures in a row was."""
        return self._last(name, since, well=False)

    def well(self, name: str) -> list[int]:
        """The same of its successes in a row."""
        return self._last(name, 0, well=True)

    def out(self, name: str) -> bool:
        return bool(self.row(name)) and self._kind(name) is OUT

    def worked(self, names: set[str], name: str) -> bool:
        """Whether one of these has worked since another one fails."""
        return any(who in names and not kind for who, kind in self.events[self.row(name)[0] :])

    def works_since(self, names: set[str]) -> int:
        """Since when one of those that work now does."""
        return min((self.well(one)[0] for one in names & self.counted if self.well(one)), default=0)

    def late(self, name: str, others: set[str]) -> bool:
        """Whether it failed often enough while one of the others worked."""
        return len(self.row(name, self.works_since(others))) >= PATIENCE

    def found(self) -> set[AlertKey]:
        told = {key for name in self.polled if self.row(name) for key in self._blamed(name)}
        return {AGENT} if AGENT in told else told

    def _blamed(self, name: str) -> set[AlertKey]:
        """What the failures of one mailbox let be told."""
        mates = {one for one in self.polled if one[0] == name[0]}
        others = self.polled - mates
        if self._kind(name) is not OUT:
            own = self._kind(name) is FULL and self.late(name, set())
            return poll_of(name) if own else set()
        if self.down and self.late(name, set()) and not self.worked(others, name):
            return {AGENT}
        if self.worked(mates, name):
            return poll_of(name) if self.late(name, mates) else set()
        works = {one for one in others & self.counted if self.well(one)}
        if (works and not self.worked(works, name)) or not self.late(name, others):
            return set()
        if mates & self.counted == {name}:
            return poll_of(name)
        return {server(name[0])} if all(map(self.out, mates & self.counted)) else set()

    def _kind(self, name: str) -> FailureKind | None:
        return [kind for who, kind in self.events if who == name][-1]

    def _last(self, name: str, since: int, *, well: bool) -> list[int]:
        own = [(at, kind) for at, (who, kind) in enumerate(self.events) if who == name]
        ends = [at for at, kind in own if (kind is None) is not well]
        return [at for at, _ in own if at >= since and (not ends or at > ends[-1])]


_kinds = st.sampled_from([None, None, OUT, OUT, OUT, REJECTED, FULL])
_bursts = st.tuples(st.lists(st.sampled_from(NAMES), min_size=1), _kinds, st.integers(1, 3))
Burst = tuple[list[str], FailureKind | None, int]


@hypothesis_settings(max_examples=SEQUENCES)
@given(st.lists(_bursts, max_size=12))
def test_every_history_is_told_as_the_oracle_says(bursts: list[Burst]) -> None:
    events: list[Event] = [(name, kind) for names, kind, times in bursts for name in names * times]
    fleet = Fleet(*NAMES)
    for name, kind in events:
        fleet.poll(name, kind)
    found = [each.key for each in fleet.found()]
    assert len(found) == len(set(found))
    assert set(found) == Oracle(events).found()


@given(st.lists(_bursts, max_size=12))
def test_nothing_ends_while_it_begins(bursts: list[Burst]) -> None:
    fleet = Fleet(*NAMES)
    for names, kind, times in bursts:
        fleet.poll(" ".join(names), kind, times)
    held = [AGENT, *map(server, "abc"), *poll_of(*NAMES)]
    found = [each.key for each in fleet.found(*held)]
    assert len(found) == len(set(found))
