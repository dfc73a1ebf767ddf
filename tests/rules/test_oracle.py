"""Everyone who should know is told once, on generated histories, as a simple oracle says.

The oracle knows no transitions and no outbox. Of each receiver it knows what it has heard of each
mailbox, and tells it what is news to it. ORACLE_SEQUENCES says how many histories are tried.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete
from structlog.testing import capture_logs

from agent.config.settings import Settings
from agent.ledger import Ledger
from agent.model import (
    Failure,
    FailureKind,
    Outcome,
    Poll,
    Quota,
    QuotaState,
    Reading,
    Severity,
)
from agent.notify.routing import Routing
from agent.store import outbox
from agent.store.tables import metadata, version
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.model import Notification
    from agent.store import Store

SEQUENCES = int(os.environ.get("ORACLE_SEQUENCES", "300"))
EVENING = datetime(2026, 3, 2, 20, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AGAIN = timedelta(minutes=10)  # after which an attempt that failed is repeated
FIRST, WORSE, REMINDER, RESOLVED = "first", "worse", "reminder", "resolved"
ONCE_MORE = "once more"  # it ended and began again before its end was told
WORDS = {ONCE_MORE: {FIRST, WORSE, REMINDER}}
INFO, WARNING, CRITICAL = Severity

# The plan that both sides get: the agent as its configuration, the oracle as these figures.
LEVELS = ({80: WARNING, 95: CRITICAL}, {70: INFO, 90: WARNING}, {60: WARNING, 98: CRITICAL})
SLACK = (5, 3, 0)
MAILBOXES = (("a1", "a2", "b1"), ("a1", "a2", "b1", "b2"), ("a1", "b1"))
SILENCED = {
    "b1": (EVENING + 12 * HOUR, EVENING + 36 * HOUR, list(Severity)),
    "a2": (EVENING + 2 * HOUR, EVENING + 30 * HOUR, [WARNING]),
}
QUIET = (*range(22, 24), *range(7))  # hours of the day, UTC


@dataclass(frozen=True)
class Hearer:
    """A receiver, as far as it matters who hears what."""

    worst_only: bool = False
    ends: bool = True
    sleeps: bool = False

    def table(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "type": "apprise",
            "url": "json://127.0.0.1:9/hook",
            "min_severity": CRITICAL if self.worst_only else INFO,
            "send_resolved": self.ends,
            "quiet_hours": "22:00-07:00" if self.sleeps else [],
        }


OPS, BOSS = Hearer(), Hearer(worst_only=True)
CLERK, NIGHT = Hearer(ends=False, sleeps=True), Hearer(sleeps=True)
HEARERS = (
    {"ops": OPS, "boss": BOSS, "night": NIGHT},
    {"ops": OPS, "clerk": CLERK, "boss": BOSS},
    {"clerk": CLERK, "night": NIGHT},
)


def _configuration(levels: dict[int, Severity], slack: int, plan: int) -> Settings:
    return Settings.model_validate(
        {
            "alerts": {
                "group_wait": "0s",
                "hysteresis": f"{slack}%",
                "levels": [{"at": f"{at}%", "severity": each} for at, each in levels.items()],
            },
            "accounts": [
                {
                    "name": name,
                    "protocol": "imap",
                    "server": f"{name[0]}.example.com",
                    "username": name,
                    "password": "not shown",
                }
                for name in MAILBOXES[plan]
            ],
            "receivers": [each.table(name) for name, each in HEARERS[plan].items()],
            "silences": [
                {"match": {"account": name, "severity": each}, "from": start, "until": until}
                for name, (start, until, severities) in SILENCED.items()
                for each in severities
            ],
        }
    )


CONFIGURATIONS = [_configuration(*each) for each in zip(LEVELS, SLACK, range(3), strict=True)]


@dataclass
class Heard:
    """One receiver and one mailbox; `aware` of which level, once what waits is told.

    `waits` is what was never attempted, `tried` what was and may have come: it is told again.
    """

    aware: Severity | None = None
    knows: bool = False
    waits: tuple[str, Severity] | None = None
    due: datetime = EVENING
    tried: list[tuple[str, Severity]] = field(default_factory=list)
    tried_due: datetime = EVENING


@dataclass
class Told:
    """One mailbox: how bad it is, and when those who know of it were last told."""

    level: Severity | None = None
    at: datetime = EVENING
    reminders: int = 0


class Oracle:
    """Who must be told what, by the issue's words."""

    def __init__(self) -> None:
        self.plan = 0
        self.told: dict[str, Told] = {}
        self.heard: dict[tuple[str, str], Heard] = {}

    def of(self, hearer: str, name: str) -> Heard:
        return self.heard.setdefault((hearer, name), Heard())

    def read(self, name: str, used: int, now: datetime) -> None:
        """A reading that can be believed."""
        told = self.told.setdefault(name, Told())
        before, level = told.level, self._level(told.level, used)
        told.level = level
        if level is None:
            if before:
                self._end(name, before, now)
            return
        everybody = {who: self.of(who, name) for who in HEARERS[self.plan]}
        known = [heard for (_, about), heard in self.heard.items() if about == name]
        for heard in known:
            if heard.aware and level.rank < heard.aware.rank:
                heard.aware = level  # it would be news if it got worse again
        hearing = {
            who: each for who, each in everybody.items() if self._hears(who, name, level, now)
        }
        if not hearing:
            return
        better = before is not None and level.rank < before.rank
        remind = self._is_reminder(told, level, hearing, known, now) and not better
        if remind:
            told.at, told.reminders = now, told.reminders + 1
        for who, each in hearing.items():
            if each.aware is None or each.aware.rank < level.rank:
                self._say(who, each, WORSE if each.aware else FIRST, level, now)
                each.aware = level
            elif remind:
                self._say(who, each, REMINDER, level, now)

    @staticmethod
    def _is_reminder(
        told: Told, level: Severity, hearing: dict[str, Heard], known: list[Heard], now: datetime
    ) -> bool:
        """Whether it is nothing but a reminder; else the waits for reminders begin anew."""
        worse = any(each.aware and each.aware.rank < level.rank for each in hearing.values())
        if worse or not any(each.aware for each in known):
            told.at, told.reminders = now, 0
            return False
        return now - told.at >= (DAY, 3 * DAY, 7 * DAY)[min(told.reminders, 2)]

    def restart(self, plan: int, now: datetime) -> None:
        """With another configuration; what waits for a receiver that is gone is given up."""
        self.plan = plan
        for (who, _), heard in self.heard.items():
            if who not in HEARERS[plan]:
                heard.knows = heard.waits[0] != RESOLVED if heard.waits else heard.knows
                heard.waits, heard.tried = None, []
        for name, told in self.told.items():
            if name not in MAILBOXES[plan] and told.level:
                self._end(name, told.level, now)
                told.level = None

    def deliver(self, who: str, now: datetime, how: str) -> list[tuple[str, str, Severity]]:
        """What a receiver is sent now, and whether it has accepted it."""
        sent = []
        for name in sorted({about for _, about in self.heard}):
            heard = self.of(who, name)
            if heard.tried and now < heard.tried_due:
                continue
            batch = list(heard.tried)
            if heard.waits and heard.due <= now:
                batch.append(heard.waits)
                heard.knows = heard.waits[0] != RESOLVED
                heard.waits = None
            sent += [(name, *each) for each in batch]
            heard.tried = [] if how == "accepts" else batch
            heard.tried_due = now + AGAIN if how == "rejects" else now
        return sent

    def _level(self, before: Severity | None, used: int) -> Severity | None:
        level = None
        for at, severity in LEVELS[self.plan].items():
            slack = SLACK[self.plan] if before and before.rank >= severity.rank else 0
            level = severity if used >= at - slack else level
        return level

    def _hears(self, who: str, name: str, level: Severity, now: datetime) -> bool:
        if HEARERS[self.plan][who].worst_only and level is not CRITICAL:
            return False
        start, until, severities = SILENCED.get(name, (now, now, ()))
        return not (start <= now < until and level in severities)

    def _end(self, name: str, before: Severity, now: datetime) -> None:
        """Told to exactly those who know."""
        for (who, about), heard in self.heard.items():
            if about == name and not (heard.waits and heard.waits[0] == RESOLVED):
                heard.aware = heard.waits = None
                hearer = HEARERS[self.plan].get(who)
                if heard.knows and hearer and hearer.ends:
                    self._say(who, heard, RESOLVED, before, now)
                else:
                    heard.knows = False

    def _say(self, who: str, heard: Heard, what: str, level: Severity, now: datetime) -> None:
        """What waits is told as the news that it is to somebody who has not heard of it."""
        before = heard.waits[0] if heard.waits else None
        if what != RESOLVED:
            if before in (RESOLVED, ONCE_MORE):
                what = ONCE_MORE
            elif before == FIRST or (before == WORSE and what == REMINDER):
                what = before
        heard.waits, heard.due = (what, level), now
        if HEARERS[self.plan][who].sleeps and level is not CRITICAL:
            heard.due = _awake(now)


def _awake(now: datetime) -> datetime:
    """Seven o'clock, if it is quiet now."""
    if now.hour not in QUIET:
        return now
    morning = now.replace(hour=7, minute=0, second=0, microsecond=0)
    return morning if now < morning else morning + DAY


class Machine:
    """The agent's own parts: ledger, rules, routing and outbox on a real store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.transaction() as connection:
            for table in reversed(metadata.sorted_tables):
                if table is not version:
                    connection.execute(delete(table))
        self.now = EVENING
        self._accepted: set[str] = set()
        self._tried: dict[tuple[str, str], set[str]] = {}
        self.restart(0)

    def restart(self, plan: int) -> None:
        settings = CONFIGURATIONS[plan]
        targets = {(each.name, "0") for each in settings.receivers}
        self._ledger = Ledger(
            settings, self._store, Routing(settings), lambda: None, lambda: self.now
        )
        self._ledger.open()
        with self._store.transaction() as connection:
            outbox.bury_unknown(connection, targets, "gone")

    def write(self, polls: list[Poll]) -> None:
        self._ledger.write(polls)

    def review(self) -> None:
        self._ledger.review()

    def deliver(self, who: str, how: str) -> list[tuple[str, str, Severity]]:
        with self._store.transaction() as connection:
            batch = outbox.claim(connection, who, "0", self.now, 1000)
            mine = [each for each in batch if each.transition.alert.key.rule == "usage"]
            keys = [each.key for each in mine]
            outbox.sent(connection, {each.key for each in batch} - set(keys))
            if how == "accepts":
                outbox.sent(connection, keys)
            elif how == "rejects":
                outbox.retry(connection, keys, self.now + AGAIN, "no")
        self._check_keys(mine, how)
        return [_facts(each) for each in sorted(mine, key=_mailbox)]

    def _check_keys(self, batch: list[Notification], how: str) -> None:
        keys = {each.key for each in batch}
        assert len(keys) == len(batch)
        assert not keys & self._accepted, "told again what was accepted"
        for each in batch:
            known = self._tried.setdefault((each.receiver, _mailbox(each)), set())
            assert (each.attempts > 1) == (each.key in known), "told again under another key"
            known.add(each.key)
        if how == "accepts":
            self._accepted |= keys


def _mailbox(notification: Notification) -> str:
    return notification.transition.alert.key.account


def _facts(notification: Notification) -> tuple[str, str, Severity]:
    change = notification.transition
    return _mailbox(notification), change.reason or "", change.alert.severity


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
