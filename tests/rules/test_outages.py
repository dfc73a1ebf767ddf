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
from agent.rules.fleet import Answers
from agent.rules.outages import outages
from agent.rules.watch import Watched

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SEQUENCES = int(os.environ.get("ORACLE_SEQUENCES", "300"))
PATIENCE = 3
WAIT = 15  # minutes
OUT, REJECTED, FULL = FailureKind.TIMEOUT, FailureKind.AUTH, FailureKind.LOCKED
AGENT = AlertKey("", "agent")

Event = tuple[str, FailureKind | None]  # whose poll ended, and how


class Fleet:
    """Mailboxes named after their server: `a1` is the first of server `a`."""

    def __init__(self, *names: str) -> None:
        self.watched = {name: Watched(name[0]) for name in names}
        self.answers = Answers()
        self.minute = 0

    def poll(self, names: str, kind: FailureKind | None = None, times: int = 1) -> None:
        """Polls of these mailboxes one after the other, a minute each."""
        for _ in range(times):
            for name in names.split():
                self.minute += 1
                outcome = Failure(kind, f"{name} says no") if kind else Reading(QuotaState.DENIED)
                poll = Poll(name, self.at(self.minute), 1.0, outcome)
                self.watched[name] = self.answers.heed(self.watched[name], poll)

    def fail(self, names: str, beside: str) -> None:
        """So many failures that it counts, while others work."""
        for _ in range(PATIENCE):
            self.poll(names, OUT)
            self.poll(beside)

    @staticmethod
    def at(minute: int) -> datetime:
        return NOON + minute * MINUTE

    def found(self, *held: AlertKey, later: int = 0) -> list[Finding]:
        """What is found so many minutes after the last poll."""
        return outages(self.watched, held, lambda _: PATIENCE, self.at(self.minute + later))

    def keys(self, later: int = 0) -> set[AlertKey]:
        return {each.key for each in self.found(later=later)}


def poll_of(*names: str) -> set[AlertKey]:
    return {AlertKey(name, "poll") for name in names}


def server(name: str) -> AlertKey:
    return AlertKey("", "server", root=name)


def test_one_mailbox_that_fails_on_a_server_that_works_is_told_of_itself() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("a1 a2 b1")
    fleet.fail("a1", beside="a2")
    detail = "timeout: a1 says no"
    key = AlertKey("a1", "poll")
    assert fleet.found() == [Finding(key, Severity.WARNING, detail=detail, moment=fleet.at(1))]


def test_it_is_told_from_the_configured_number_of_failures_on() -> None:
    fleet = Fleet("a1", "a2")
    fleet.poll("a1", OUT)
    fleet.poll("a2")
    fleet.poll("a1", OUT, PATIENCE - 2)
    assert fleet.found() == []
    fleet.poll("a1", OUT)
    assert fleet.keys() == poll_of("a1")


def test_a_mailbox_that_never_worked_has_no_moment() -> None:
    fleet = Fleet("a1", "a2")
    fleet.fail("a1", beside="a2")
    assert [each.moment for each in fleet.found()] == [None]


def test_a_mailbox_waits_until_another_of_its_server_was_polled_since() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("a1 a2 b1")
    fleet.fail("a1", beside="b1")
    assert fleet.found() == []


def test_a_server_of_which_every_mailbox_fails_is_told_once_with_the_numbers() -> None:
    fleet = Fleet("a1", "a2", "a3", "b1")
    fleet.fail("a1 a2", beside="b1")
    detail = "timeout: a1 says no"
    assert fleet.found() == [Finding(server("a"), Severity.CRITICAL, 2, 3, detail)]


def test_a_server_waits_until_another_was_polled_since() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("a1 a2 b1")
    fleet.poll("a1 a2", OUT, PATIENCE)
    assert fleet.found() == []
    fleet.fail("a1 a2", beside="b1")
    assert fleet.keys() == {server("a")}


def test_failures_from_before_a_connection_was_back_do_not_count_against_a_server() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("a1 a2 b1", OUT, PATIENCE)
    fleet.poll("b1")
    fleet.poll("a1 a2", OUT)
    assert fleet.keys() == set()
    fleet.poll("a1 a2", OUT)
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
    fleet.fail("a1", beside="b1")
    assert fleet.keys() == poll_of("a1")


def test_when_all_servers_fail_at_once_the_agent_says_so_once() -> None:
    fleet = Fleet("a1", "a2", "b1", "c1")
    fleet.poll("a1 a2 b1")
    fleet.poll("a1 a2 b1", OUT, PATIENCE)
    assert fleet.found() == [Finding(AGENT, Severity.CRITICAL, 3, 4)]


def test_a_short_failure_of_one_server_does_not_make_the_outage_of_another_the_agents() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.fail("a1 a2", beside="b1")
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
    fleet.fail("a1", beside="a2 b1")
    fleet.poll("a2", OUT)
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


def test_a_sibling_that_is_polled_seldom_delays_the_alert_of_its_server_by_minutes_only() -> None:
    fleet = Fleet("a1", "a2", "a3", "b1")
    fleet.poll("a3 b1")
    fleet.fail("a1 a2", beside="b1")
    assert fleet.keys(later=WAIT - 3) == set()
    assert [(each.key, each.used, each.limit) for each in fleet.found(later=WAIT)] == [
        (server("a"), 2, 3)
    ]


def test_a_mailbox_whose_only_sibling_is_polled_seldom_is_told_by_itself() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("a2 b1")
    fleet.fail("a1", beside="b1")
    assert fleet.keys() == set()
    assert fleet.keys(later=WAIT) == poll_of("a1")


def test_a_server_is_told_though_all_others_are_polled_seldom() -> None:
    fleet = Fleet("a1", "a2", "b1")
    fleet.poll("b1")
    fleet.poll("a1 a2", OUT, PATIENCE)
    assert fleet.keys() == set()
    assert fleet.keys(later=WAIT) == {server("a")}


def test_the_agent_is_told_though_a_server_is_polled_seldom() -> None:
    fleet = Fleet("a1", "a2", "b1", "c1")
    fleet.poll("c1 a1 a2 b1")
    fleet.poll("a1 a2 b1", OUT, PATIENCE)
    assert fleet.keys() == set()
    assert fleet.keys(later=WAIT) == {AGENT}


def test_what_was_heard_before_an_outage_does_not_end_it() -> None:
    fleet = Fleet("a1", "a2", "a3", "b1")
    fleet.poll("a3 b1")
    fleet.fail("a1 a2", beside="b1")
    assert [each.severity for each in fleet.found(server("a"), later=WAIT)] == [Severity.CRITICAL]
    fleet.poll("a3")
    ended, *own = fleet.found(server("a"), later=WAIT)
    assert (ended.key, ended.severity) == (server("a"), None)
    assert own == []  # neither of the others was asked since
    fleet.poll("a1 a2", OUT)
    assert fleet.keys(later=WAIT) == set()
    fleet.poll("a1 a2", OUT)
    assert fleet.keys(later=WAIT) == poll_of("a1", "a2")


@pytest.mark.parametrize("kind", [REJECTED, FULL])
def test_a_server_that_answers_is_not_down_though_it_lets_nobody_in(kind: FailureKind) -> None:
    fleet = Fleet("a1", "a2", "a3", "b1")
    fleet.fail("a1 a2 a3", beside="b1")
    assert fleet.keys() == {server("a")}
    fleet.poll("a1", kind)
    over = Finding(server("a"), None, 3, 3, moment=fleet.at(fleet.minute))
    assert fleet.found(server("a"), later=WAIT) == [over]


def test_a_configuration_that_cannot_be_used_says_nothing_of_a_server() -> None:
    fleet = Fleet("a1", "a2", "a3", "b1")
    fleet.fail("a1 a2 a3", beside="b1")
    fleet.poll("a1", FailureKind.CONFIG)
    assert [each.key for each in fleet.found(server("a"))] == [server("a")]


def test_after_a_restart_an_outage_goes_on() -> None:
    fleet = Fleet("a1", "a2", "a3", "b1")
    fleet.poll("a3 b1")
    fleet.poll("a1 a2", OUT, PATIENCE)
    last = {name: each for name, each in fleet.watched.items() if each.polled_at}
    for name, each in last.items():
        assert each.polled_at
        known = (each.polled_at, each.succeeded_at, each.failure)
        fleet.watched[name] = Watched.restored(each.server, *known)
    assert fleet.found(server("a"), later=WAIT) == []


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

    def __init__(self, events: list[Event], later: int) -> None:
        self.events, self.now = events, len(events) + later
        self.polled = {who for who, _ in events}
        self.down = {one for one in self.polled if self._kind(one) is OUT}

    def outage(self, name: str) -> list[int]:
        """When each of its polls failed since its server last answered it."""
        own = self._own(name)
        answers = [at for at, kind in own if kind is not OUT]
        return [at for at, _ in own if not answers or at > answers[-1]]

    def answered(self, names: set[str], name: str) -> bool:
        """Whether one of these was answered since another one fails."""
        since = self.events[self.outage(name)[0] :]
        return any(who in names and kind is not OUT for who, kind in since)

    def since(self, run: list[int], names: set[str]) -> int:
        """From when on failures in a row came while one of these was answered."""
        for place, at in enumerate(run):
            for answer in range(at, run[0] - 1, -1):
                who, kind = self.events[answer]
                if who in names and kind is not OUT:
                    return run[max(place - 1, 0)]
        return len(self.events)

    def awaited(self, names: set[str]) -> bool:
        """Whether one of these can show something at its next poll."""
        return any(self._kind(one) is not REJECTED for one in (names & self.polled) - self.down)

    def late(self, failures: list[int], *, known: bool) -> bool:
        """Whether it failed often enough, and what others show is known, or too late."""
        if len(failures) < PATIENCE:
            return False
        return known or self.now - (failures[PATIENCE - 1] + 1) >= WAIT

    def found(self) -> set[AlertKey]:
        failing = {one for one in self.polled if self._kind(one)}
        told = {key for name in failing for key in self._blamed(name)}
        return {AGENT} if AGENT in told else told

    def _blamed(self, name: str) -> set[AlertKey]:
        """What the failures of one mailbox let be told."""
        mates = {one for one in NAMES if one[0] == name[0]}
        others = set(NAMES) - mates
        if self._kind(name) is REJECTED:
            return set()
        everywhere = len({one[0] for one in self.down}) > 1
        lost = name in self.down and everywhere and not self.answered(set(NAMES), name)
        if lost and self.late(self.outage(name), known=not self.awaited(set(NAMES))):
            return {AGENT}
        if name not in self.down or self.answered(mates, name):
            row = self._row(name)
            own = [at for at in row if at >= self.since(row, mates)]
            return poll_of(name) if self.late(own, known=True) else set()
        outage = self.outage(name)
        since = self.since(outage, others)
        known = since < len(self.events) or not self.awaited(others)
        since = since if since < len(self.events) else 0
        late = [at for at in outage if at >= since]
        if not self.late(late, known=known and not self.awaited(mates)):
            return set()
        return {server(name[0])} if len(mates & self.down) > 1 else poll_of(name)

    def _row(self, name: str) -> list[int]:
        """When its polls failed in a row, in whatever way."""
        own = self._own(name)
        ended = max((at for at, kind in own if not kind), default=-1)
        return [at for at, _ in own if at > ended]

    def _own(self, name: str) -> list[tuple[int, FailureKind | None]]:
        return [(at, kind) for at, (who, kind) in enumerate(self.events) if who == name]

    def _kind(self, name: str) -> FailureKind | None:
        return self._own(name)[-1][1]


_kinds = st.sampled_from([None, None, OUT, OUT, OUT, REJECTED, FULL])
_bursts = st.tuples(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), _kinds, st.integers(1, 3)
)
Burst = tuple[list[str], FailureKind | None, int]


@hypothesis_settings(max_examples=SEQUENCES)
@given(st.lists(_bursts, max_size=11), st.sampled_from([0, 5, 10, 14, 15, 60]))
def test_every_history_is_told_as_the_oracle_says(bursts: list[Burst], later: int) -> None:
    events: list[Event] = [(name, kind) for names, kind, times in bursts for name in names * times]
    fleet = Fleet(*NAMES)
    for name, kind in events:
        fleet.poll(name, kind)
    found = [each.key for each in fleet.found(later=later)]
    assert len(found) == len(set(found))
    assert set(found) == Oracle(events, later).found()


@given(st.lists(_bursts, max_size=11), st.sampled_from([0, WAIT]))
def test_nothing_ends_while_it_begins(bursts: list[Burst], later: int) -> None:
    fleet = Fleet(*NAMES)
    for names, kind, times in bursts:
        fleet.poll(" ".join(names), kind, times)
    held = [AGENT, *map(server, "abc"), *poll_of(*NAMES)]
    found = [each.key for each in fleet.found(*held, later=later)]
    assert len(found) == len(set(found))
