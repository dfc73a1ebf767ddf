from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from agent.model import LARGEST_COUNT, Poll, QuotaState, Reading
from agent.store import alerts, history
from agent.store.history import Sample, Series
from agent.store.tables import mailbox, sample, series
from tests.support.mailboxes import NOON, failed, poll
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

QUOTA = Series("quota", "User quota", "storage")
HOUR = timedelta(hours=1)
TWELVE = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with opened(tmp_path) as store, store.transaction() as connection:
        yield connection


def test_an_hour_keeps_its_last_value(connection: Connection) -> None:
    history.append(connection, [poll("anna", 10), poll("anna", 20, minute=30)])
    history.append(connection, [poll("anna", 30, minute=59)])
    history.append(connection, [poll("anna", 40, minute=60, limit=None), poll("ben", 1)])
    assert history.usage(connection, "anna", TWELVE) == {
        QUOTA: (Sample(TWELVE, 30, 100), Sample(TWELVE + HOUR, 40, None)),
        Series("size"): (Sample(TWELVE, 30, None), Sample(TWELVE + HOUR, 40, None)),
        Series("messages"): (Sample(TWELVE, 3, None), Sample(TWELVE + HOUR, 3, None)),
    }
    assert history.usage(connection, "anna", TWELVE + HOUR)[QUOTA] == (
        Sample(TWELVE + HOUR, 40, None),
    )


def test_a_failed_poll_adds_nothing_and_keeps_the_last_success(connection: Connection) -> None:
    history.append(connection, [poll("anna", 10), failed("anna", minute=5), failed("ben")])
    history.append(connection, [failed("anna", minute=6)])
    assert history.last_polls(connection)["anna"].succeeded_at == NOON
    assert history.usage(connection, "ben", TWELVE) == {}
    row = connection.execute(select(mailbox).where(mailbox.c.account == "anna")).one()
    assert (row.last_poll_at, row.failure) == (NOON + timedelta(minutes=6), "timeout")


def test_a_success_ends_the_failure(connection: Connection) -> None:
    history.append(connection, [failed("anna"), poll("anna", 10, minute=1)])
    row = connection.execute(select(mailbox)).one()
    assert (row.failure, row.detail) == (None, None)


def test_what_is_not_known_or_not_to_be_believed_adds_nothing(connection: Connection) -> None:
    reading = poll("anna", 10).outcome
    assert isinstance(reading, Reading)
    invalid = replace(reading, quota_state=QuotaState.INVALID)
    huge = Reading(QuotaState.UNSUPPORTED, size_bytes=LARGEST_COUNT + 1)
    history.append(connection, [Poll("anna", NOON, 0.1, invalid), Poll("ben", NOON, 0.1, huge)])
    assert set(history.usage(connection, "anna", TWELVE)) == {Series("size"), Series("messages")}
    assert history.usage(connection, "ben", TWELVE) == {}


def test_old_hours_become_days_and_old_days_go(connection: Connection) -> None:
    for hours in range(24 * 20):
        history.append(connection, [poll("anna", hours, minute=60 * hours)])
    for _ in range(2):
        history.prune(connection, NOON + timedelta(days=20))
        found = [(each.at, each.used) for each in history.usage(connection, "anna", TWELVE)[QUOTA]]
        days = [(TWELVE + 11 * HOUR + day * 24 * HOUR, 11 + 24 * day) for day in range(6)]
        assert found[:6] == days
        assert [used for _, used in found[6:]] == list(range(12 + 24 * 5, 24 * 20))
    history.prune(connection, NOON + timedelta(days=365 + 19))
    assert len(history.usage(connection, "anna", TWELVE)[QUOTA]) == 2
    history.prune(connection, NOON + timedelta(days=1000))
    assert connection.execute(select(func.count()).select_from(sample)).scalar() == 0
    assert connection.execute(select(func.count()).select_from(series)).scalar() == 0


def test_alerts_of_thousands_of_accounts_are_found_in_one_call(connection: Connection) -> None:
    assert alerts.firing(connection, [f"account {number}" for number in range(5000)]) == {}
