from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from agent.model import (
    Alert,
    AlertKey,
    Finding,
    Notification,
    Reason,
    Severity,
    Situation,
    Transition,
)
from agent.store import facts, outbox, tables
from agent.store.outbox import Backlog
from tests.support.mailboxes import NOON
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.store import Store

MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


def notification(
    key: str, due: datetime = NOON, account: str = "anna", target: str = "0"
) -> Notification:
    about = AlertKey(account, "usage", "User quota", "storage")
    alert = Alert(about, Severity.WARNING, NOON, NOON, step=1, told=("ops",))
    finding = Finding(about, Severity.WARNING, 80, 100)
    return Notification(key, "ops", target, Transition(Reason.FIRST, alert, finding, NOON), due)


def _enqueue(store: Store, *notifications: Notification) -> None:
    for each in notifications:
        with store.transaction() as connection:
            outbox.enqueue(connection, [each])


def _claim(store: Store, now: datetime = NOON, target: str = "0", limit: int = 100) -> list[str]:
    with store.transaction() as connection:
        return [each.key for each in outbox.claim(connection, "ops", target, now, limit)]


def _next_due(store: Store) -> datetime | None:
    with store.transaction() as connection:
        return outbox.next_due(connection, "ops", "0")


def test_what_is_claimed_is_what_was_enqueued_with_one_attempt_more(store: Store) -> None:
    _enqueue(store, notification("a"))
    for attempts in (1, 2):
        with store.transaction() as connection:
            found = outbox.claim(connection, "ops", "0", NOON, 10)
        assert found == [replace(notification("a"), attempts=attempts)]


def test_the_same_key_is_enqueued_once(store: Store) -> None:
    _enqueue(store, notification("a"), notification("a"))
    assert _claim(store) == ["a"]


def test_a_target_gets_its_own_oldest_first_up_to_the_limit(store: Store) -> None:
    _enqueue(store, *(notification(key, account=key) for key in "cab"))
    _enqueue(store, notification("other", target="1"))
    assert _claim(store, limit=2) == ["c", "a"]
    assert _claim(store, target="1") == ["other"]


def test_nothing_is_claimed_before_it_is_due(store: Store) -> None:
    _enqueue(store, notification("a", due=NOON + MINUTE))
    assert _claim(store) == []
    assert _next_due(store) == NOON + MINUTE
    assert _claim(store, now=NOON + MINUTE) == ["a"]


def test_alerts_that_come_while_others_wait_go_with_them(store: Store) -> None:
    _enqueue(
        store,
        notification("a", due=NOON + MINUTE, account="anna"),
        notification("b", due=NOON + 2 * MINUTE, account="ben"),
    )
    assert _claim(store, now=NOON + MINUTE) == ["a", "b"]


def test_a_recovery_never_overtakes_the_alarm_that_waits_for_its_next_attempt(
    store: Store,
) -> None:
    _enqueue(store, notification("alarm"))
    assert _claim(store) == ["alarm"]
    with store.transaction() as connection:
        outbox.retry(connection, ["alarm"], NOON + 10 * MINUTE, "refused")
    _enqueue(store, notification("recovery"), notification("other", account="ben"))
    assert _claim(store, now=NOON + MINUTE) == ["other"]
    with store.transaction() as connection:
        outbox.sent(connection, ["other"])
    assert _next_due(store) == NOON + 10 * MINUTE
    assert _claim(store, now=NOON + 10 * MINUTE) == ["alarm", "recovery"]


def test_a_dead_letter_holds_nothing_up(store: Store) -> None:
    _enqueue(store, notification("alarm", due=NOON + MINUTE))
    with store.transaction() as connection:
        outbox.bury(connection, ["alarm"], "no such chat")
    _enqueue(store, notification("recovery"))
    assert _claim(store) == ["recovery"]


def test_the_backlog_counts_what_waits_and_what_was_given_up(store: Store) -> None:
    _enqueue(store, *(notification(key, account=key) for key in "abc"))
    with store.transaction() as connection:
        outbox.sent(connection, ["a"])
        outbox.bury(connection, ["b"], "refused")
        assert outbox.pending(connection) == {"ops": Backlog(waiting=1, oldest=NOON, dead=1)}
        outbox.sent(connection, ["c"])
        assert outbox.pending(connection) == {"ops": Backlog(waiting=0, oldest=None, dead=1)}
        assert outbox.next_due(connection, "ops", "0") is None


def test_what_is_held_back_is_not_late_before_it_is_due(store: Store) -> None:
    _enqueue(store, notification("held", due=NOON + MINUTE))
    with store.transaction() as connection:
        assert outbox.pending(connection)["ops"].oldest == NOON + MINUTE
        outbox.claim(connection, "ops", "0", NOON + MINUTE, 1)
        outbox.retry(connection, ["held"], NOON + 2 * MINUTE, "busy")
        assert outbox.pending(connection)["ops"].oldest == NOON


def test_what_waits_for_a_target_that_is_configured_no_more_is_given_up(store: Store) -> None:
    _enqueue(store, notification("a"), notification("b", target="1"))
    with store.transaction() as connection:
        gone = outbox.bury_unknown(connection, {("ops", "0")}, "configured no more")
    assert gone == {"ops": 1}
    assert _claim(store) == ["a"]
    assert _claim(store, target="1") == []


def test_thousands_of_keys_fit_into_one_call(store: Store) -> None:
    keys = [f"key {number}" for number in range(2000)]
    with store.transaction() as connection:
        outbox.enqueue(connection, [notification(key, account=key) for key in keys])
        assert len(outbox.claim(connection, "ops", "0", NOON, len(keys))) == len(keys)
        outbox.sent(connection, keys)
        assert outbox.pending(connection) == {}


names = st.text(st.characters(exclude_categories=["Cs"]))
times = st.datetimes(timezones=st.just(NOON.tzinfo))


sizes = st.lists(st.tuples(names, st.integers(0))).map(tuple)


@given(
    transition=st.builds(
        Transition,
        reason=st.sampled_from([None, *Reason]),
        alert=st.builds(
            Alert,
            key=st.builds(AlertKey, names, names, names, names),
            severity=st.sampled_from(Severity),
            step=st.integers(0),
            reminders=st.integers(0),
            since=times,
            told_at=times,
            told=st.lists(names).map(tuple),
        ),
        finding=st.builds(
            Finding,
            key=st.builds(AlertKey, names, names),
            severity=st.sampled_from([None, *Severity]),
            used=st.none() | st.integers(0),
            limit=st.none() | st.integers(0),
            detail=names,
            moment=st.none() | times,
        ),
        at=times,
        situation=st.none()
        | st.builds(
            Situation,
            growth=st.none() | st.integers(),
            full_at=st.none() | times,
            reclaimable=st.none() | sizes,
            largest=sizes,
        ),
    )
)
def test_a_transition_survives_its_json(transition: Transition) -> None:
    finding = replace(transition.finding, key=transition.alert.key)
    transition = replace(transition, finding=finding)
    assert facts.parse(facts.dump(transition)) == transition


def test_a_transition_that_an_older_version_wrote_is_read(store: Store) -> None:
    _enqueue(store, notification("a"))
    with store.transaction() as connection:
        remove = text("UPDATE outbox SET transition = json_remove(transition, '$.finding.detail')")
        connection.execute(remove)
        assert "detail" not in connection.execute(select(tables.outbox.c.transition)).scalar_one()
        [found] = outbox.claim(connection, "ops", "0", NOON, 1)
    assert found.transition == notification("a").transition
