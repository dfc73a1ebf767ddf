"""What Alertmanagers are to know, as the store keeps it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete

from agent.model import Alert, Reason, Severity
from agent.store import announced, tables
from tests.support.mirroring import changed, ended
from tests.support.notices import NOON
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.model import Transition
    from agent.store import Store
    from agent.store.announced import Announced


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


def labels(alert: Alert) -> dict[str, str] | None:
    if not alert.told:
        return None
    return {"account": alert.key.account, "severity": alert.severity.value}


def announce(store: Store, *transitions: Transition) -> list[Announced]:
    with store.transaction() as connection:
        announced.announce(connection, transitions, labels)
        return announced.current(connection, "cluster", NOON)


def shown(rows: list[Announced]) -> set[tuple[str, str, bool]]:
    return {(row.labels["account"], row.labels["severity"], row.ended_at is None) for row in rows}


def test_what_is_kept_is_what_was_announced(store: Store) -> None:
    alarm = changed(at=NOON)
    (row,) = announce(store, alarm)
    assert (row.transition, row.since, row.ended_at) == (alarm, NOON, None)
    assert row.identity == '{"account": "anna", "severity": "warning"}'
    assert row.labels == labels(alarm.alert)


def test_each_receiver_sees_what_it_is_told_of(store: Store) -> None:
    both = announce(store, changed("anna", told=("ops",)), changed("bert", told=("a", "cluster")))
    assert shown(both) == {("bert", "warning", True)}


def test_an_end_keeps_the_labels_and_brings_the_last_figures(store: Store) -> None:
    alarm = changed(at=NOON)
    announce(store, alarm)
    over = ended(alarm)
    (row,) = announce(store, over)
    assert (row.transition, row.ended_at) == (over, over.at)
    assert row.labels == labels(alarm.alert)


def test_another_severity_ends_the_one_before_as_it_was(store: Store) -> None:
    alarm = changed(at=NOON)
    later = NOON + timedelta(hours=1)
    worse = changed(reason=Reason.WORSE, severity=Severity.CRITICAL, since=NOON, at=later)
    announce(store, alarm)
    rows = {row.labels["severity"]: row for row in announce(store, worse)}
    assert (rows["warning"].transition, rows["warning"].ended_at) == (alarm, later)
    assert (rows["critical"].transition, rows["critical"].ended_at) == (worse, None)
    over = ended(worse)
    ends = {row.labels["severity"]: row.ended_at for row in announce(store, over)}
    assert ends == {"warning": later, "critical": over.at}


def test_a_change_without_a_reason_renews_the_figures(store: Store) -> None:
    announce(store, changed(at=NOON))
    fuller = changed(reason=None, used=18, since=NOON, at=NOON + timedelta(hours=1))
    (row,) = announce(store, fuller)
    assert row.transition == fuller


def test_what_nobody_is_told_is_not_kept(store: Store) -> None:
    alarm = changed(told=())
    assert announce(store, alarm, changed("bert")) == announce(store, ended(alarm))
    assert shown(announce(store)) == {("bert", "warning", True)}


def test_what_ended_long_ago_is_left_out_and_forgotten(store: Store) -> None:
    alarm = changed(at=NOON)
    over = ended(alarm)
    announce(store, alarm, changed("bert"))
    announce(store, over)
    moment = timedelta(microseconds=1)
    with store.transaction() as connection:
        assert len(announced.current(connection, "cluster", over.at)) == 2
        assert len(announced.current(connection, "cluster", over.at + moment)) == 1
        announced.prune(connection, over.at + announced.KEEP_ENDED)
        assert len(announced.current(connection, "cluster", NOON)) == 2
        announced.prune(connection, over.at + announced.KEEP_ENDED + moment)
        assert len(announced.current(connection, "cluster", NOON)) == 1


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["anna", "bert"]),
        st.sampled_from([None, *Severity]),
        st.booleans(),  # the batch ends here
    ),
    max_size=20,
)


def test_after_any_history_just_what_fires_fires(store: Store) -> None:
    @given(_STEPS)
    def check(steps: list[tuple[str, Severity | None, bool]]) -> None:
        with store.transaction() as connection:
            connection.execute(delete(tables.announced))
        _follow(store, steps)

    check()


def _follow(store: Store, steps: list[tuple[str, Severity | None, bool]]) -> None:
    firing: dict[str, Severity] = {}
    ever: set[tuple[str, str]] = set()
    batch: list[Transition] = []
    for account, severity, ends_batch in [*steps, ("carl", Severity.INFO, True)]:
        if severity:
            batch.append(changed(account, None, severity, at=NOON))
            firing[account] = severity
            ever.add((account, severity))
        elif account in firing:
            batch.append(ended(changed(account, severity=firing.pop(account), at=NOON)))
        if ends_batch:
            rows = shown(announce(store, *batch))
            batch = []
            assert {each[:2] for each in rows if each[2]} == set(firing.items())
            assert {each[:2] for each in rows} <= ever
