"""What the store says of mailboxes to those who look from outside."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from agent.memory import Refusal
from agent.model import (
    Alert,
    AlertKey,
    Failure,
    FailureKind,
    Finding,
    Folder,
    Poll,
    Quota,
    QuotaState,
    Reading,
    Reason,
    Severity,
    Transition,
)
from agent.store import alerts, history, memory, readings, tables
from agent.store.overview import Overview, overview
from tests.support.mailboxes import NOON, failed, poll
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

MINUTE = timedelta(minutes=1)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with opened(tmp_path) as store, store.transaction() as connection:
        yield connection


def of_anna(connection: Connection) -> Overview:
    return overview(connection, ["anna"])["anna"]


def test_a_mailbox_that_was_never_polled_is_not_known(connection: Connection) -> None:
    history.append(connection, [poll("ben", 1)])
    assert overview(connection, ["carl", "anna"]) == {"carl": Overview(), "anna": Overview()}


def test_a_success_shows_what_it_read(connection: Connection) -> None:
    history.append(connection, [poll("anna", 10), poll("ben", 1), poll("anna", 20, minute=30)])
    found = of_anna(connection)
    assert (found.polled_at, found.succeeded_at) == (NOON + 30 * MINUTE, NOON + 30 * MINUTE)
    assert found.reading == poll("anna", 20).outcome
    assert found == Overview(found.polled_at, found.succeeded_at, None, found.reading)


def test_a_failure_keeps_the_figures_of_the_last_success(connection: Connection) -> None:
    history.append(connection, [poll("anna", 10), failed("anna", minute=70)])
    found = of_anna(connection)
    assert (found.polled_at, found.succeeded_at) == (NOON + 70 * MINUTE, NOON)
    assert found.failure == Failure(FailureKind.TIMEOUT, "no answer within 30 s")
    assert found.reading == poll("anna", 10).outcome


def test_only_the_figures_of_the_last_success_are_shown(connection: Connection) -> None:
    nothing = Poll("anna", NOON + 30 * MINUTE, 0.1, Reading(QuotaState.DENIED))
    history.append(connection, [poll("anna", 10), nothing])
    found = of_anna(connection)
    assert (found.reading, found.succeeded_at) == (nothing.outcome, nothing.at)


@given(
    reading=st.builds(
        Reading,
        quota_state=st.sampled_from(QuotaState),
        quotas=st.lists(st.builds(Quota, limit=st.none() | st.integers(0))).map(tuple),
        size_bytes=st.none() | st.integers(0),
        reclaimable=st.none() | st.just((("trash", 5),)),
        oldest_uncollected=st.none() | st.just(NOON),
    )
)
def test_a_reading_survives_its_json_but_for_its_folders(reading: Reading) -> None:
    whole = replace(reading, folders=(Folder("INBOX"),))
    assert readings.parse(readings.dump(whole)) == reading


def test_a_damaged_reading_is_not_known(connection: Connection) -> None:
    history.append(connection, [poll("anna", 10)])
    for damaged in ("{", "[]", '{"quota_state": "?"}', "5"):
        connection.execute(update(tables.mailbox).values(reading=damaged))
        assert of_anna(connection).reading is None


def test_alerts_and_rejected_logins_are_those_of_the_mailbox(connection: Connection) -> None:
    firing = [
        Alert(AlertKey(account, rule), Severity.WARNING, NOON, NOON)
        for account, rule in [("anna", "login"), ("anna", "usage"), ("ben", "usage")]
    ]
    alerts.apply(
        connection,
        [
            Transition(Reason.FIRST, each, Finding(each.key, Severity.WARNING), NOON)
            for each in firing
        ],
    )
    refused = {"anna": Refusal("5a17", 2, NOON), "ben": Refusal("5a17", 1, NOON)}
    memory.bring_back(connection, refused)
    found = of_anna(connection)
    assert found.alerts == tuple(firing[:2])
    assert found.refusal == refused["anna"]


def test_thousands_of_accounts_are_looked_up_in_one_call(connection: Connection) -> None:
    names = [f"mailbox{number}" for number in range(2000)]
    history.append(connection, [poll(name, number) for number, name in enumerate(names)])
    found = overview(connection, names)
    sizes = [each.reading.size_bytes for each in found.values() if each.reading]
    assert sizes == list(range(2000))
