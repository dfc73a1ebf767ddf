"""The outbox as `notify list`, `retry` and `drop` read and change it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from agent.model import Reason
from agent.store import outbox
from agent.store.outbox import Letter
from tests.support.notices import NOON, notice
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.store import Store

HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


def _letters(store: Store) -> list[Letter]:
    with store.reading() as connection:
        return outbox.letters(connection)


def test_a_letter_says_what_became_of_it(store: Store) -> None:
    anna, bert = notice("anna"), notice("bert")
    with store.transaction() as connection:
        outbox.enqueue(connection, [anna, bert])
        outbox.claim(connection, "ops", "0", NOON, 10)
        outbox.retry(connection, [anna.key], NOON + HOUR, "HTTP 500")
        outbox.bury(connection, [bert.key], "HTTP 410 Gone")
    assert _letters(store) == [
        Letter(replace(anna, attempts=1, due=NOON + HOUR), dead=False, error="HTTP 500"),
        Letter(replace(bert, attempts=1), dead=True, error="HTTP 410 Gone"),
    ]


def test_what_follows_an_alarm_that_waits_has_the_alarms_next_attempt(store: Store) -> None:
    alarm, end = notice(key="a1"), notice(reason=Reason.RESOLVED, key="a2")
    with store.transaction() as connection:
        outbox.enqueue(connection, [alarm])
        outbox.claim(connection, "ops", "0", NOON, 10)
        outbox.retry(connection, [alarm.key], NOON + HOUR, "HTTP 500")
        outbox.enqueue(connection, [end])
    assert [each.notification.due for each in _letters(store)] == [NOON + HOUR] * 2


def test_a_dead_letter_that_is_revived_is_claimed_as_new_with_the_same_key(store: Store) -> None:
    anna, bert = notice("anna"), notice("bert")
    with store.transaction() as connection:
        outbox.enqueue(connection, [anna, bert])
        outbox.claim(connection, "ops", "0", NOON, 10)
        outbox.bury(connection, [anna.key, bert.key], "HTTP 410 Gone")
        outbox.revive(connection, [anna.key], NOON + HOUR)
        assert outbox.claim(connection, "ops", "0", NOON, 10) == []
        [claimed] = outbox.claim(connection, "ops", "0", NOON + HOUR, 10)
    assert claimed == replace(anna, due=NOON + HOUR, attempts=1)
    assert [(each.dead, each.error) for each in _letters(store)] == [
        (False, "HTTP 410 Gone"),
        (True, "HTTP 410 Gone"),
    ]


def test_what_is_forgotten_is_gone_waiting_or_dead(store: Store) -> None:
    notices = [notice(name) for name in ("anna", "bert", "carl")]
    with store.transaction() as connection:
        outbox.enqueue(connection, notices)
        outbox.bury(connection, [notices[0].key], "HTTP 410 Gone")
        outbox.forget(connection, [each.key for each in notices[:2]])
    assert [each.notification.key for each in _letters(store)] == [notices[2].key]
