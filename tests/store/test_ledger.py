"""What the ledger keeps of memory, beside what the recorder's tests say of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from agent.ledger import Ledger
from agent.memory import FolderSizes, Learned, Refusal, UniqueIds
from agent.model import Failure, FailureKind, Poll, Quota, QuotaState, Reading
from agent.store import Store, StoreUnavailable, history, memory
from agent.store.recall import Recall
from tests.support.audience import Everybody
from tests.support.mailboxes import NOON, poll, settings
from tests.support.stores import full_disk, opened, store_in

if TYPE_CHECKING:
    from pathlib import Path

MINUTE = timedelta(minutes=1)
REFUSAL = Refusal("5a17", 2, NOON)
REFUSED = Poll("anna", NOON, 0.1, Failure(FailureKind.AUTH, "rejected"), refusal=REFUSAL)
LEARNED = Learned((FolderSizes(b"INBOX", "1", 1, 0),), unique_ids=UniqueIds("1a2b", {}))


def ledger_of(store: Store, *names: str) -> Ledger:
    ledger = Ledger(settings(*names), store, Everybody(), lambda: None, lambda: NOON)
    ledger.open()
    return ledger


def test_rejected_logins_are_known_as_committed_and_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        ledger = ledger_of(store, "anna", "ben")
        assert ledger.refusals == {}
        ledger.write([REFUSED, poll("ben", 10)])
        assert ledger.refusals == {"anna": REFUSAL}
    with opened(tmp_path) as store:
        ledger = ledger_of(store, "anna", "ben")
        assert ledger.refusals == {"anna": REFUSAL}
        ledger.write([poll("anna", 10, minute=1)])
        assert ledger.refusals == Recall(store).refusals() == {}


def test_what_was_not_committed_is_not_known(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        ledger = ledger_of(store, "anna")
        with full_disk(), pytest.raises(StoreUnavailable):
            ledger.write([REFUSED])
        assert ledger.refusals == {}
        ledger.write([REFUSED])
        with full_disk(), pytest.raises(StoreUnavailable):
            ledger.write([poll("anna", 10, minute=1)])
        assert ledger.refusals == {"anna": REFUSAL}


def test_an_account_that_comes_back_has_lost_its_folders_but_not_its_refusal(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as store:
        ledger = ledger_of(store, "anna", "ben")
        ledger.write([replace(poll(name, 10), learned=LEARNED) for name in ("anna", "ben")])
        ledger.write([replace(REFUSED, at=NOON + MINUTE)])
        ledger_of(store, "ben")
        ledger = ledger_of(store, "anna", "ben")
        recall = Recall(store)
        assert recall.folders("anna") == {}
        assert recall.unique_ids("anna") == UniqueIds("", {})
        assert recall.folders("ben") == {b"INBOX": LEARNED.folders[0]}
        assert recall.unique_ids("ben") == LEARNED.unique_ids
        assert ledger.refusals == {"anna": REFUSAL}


def test_a_store_that_had_to_be_replaced_gets_the_rejected_logins_back(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        ledger = ledger_of(store, "anna")
        ledger.write([REFUSED])
        store.close()
        for path in tmp_path.glob("agent.db*"):
            path.unlink()
        ledger.open()
        assert ledger.refusals == Recall(store).refusals() == {"anna": REFUSAL}


def test_a_reset_while_the_store_was_away_stays(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        ledger = ledger_of(store, "anna")
        ledger.write([REFUSED])
        store.close()
        beside = store_in(tmp_path)
        beside.open_beside()
        with beside.transaction() as connection:
            memory.lift(connection, "anna", NOON + MINUTE)
        beside.close()
        ledger.open()
        assert ledger.refusals == {"anna": replace(REFUSAL, times=0, at=NOON + MINUTE)}


def test_polls_that_learned_nothing_touch_nothing_of_memory(tmp_path: Path) -> None:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    with opened(tmp_path) as store:
        ledger = ledger_of(store, "anna", "ben")
        ledger.write([REFUSED])
        assert store._engine is not None
        event.listen(store._engine, "before_cursor_execute", note)
        ledger.write([poll("ben", 10), replace(REFUSED, refusal=None)])
    tables = ("folder_sizes", "unique_ids", "refusal")
    assert len(statements) > 1
    assert not [each for each in statements for table in tables if table in each]


def test_the_forecast_is_known_from_the_first_poll_on_and_reckoned_once_an_hour(
    tmp_path: Path,
) -> None:
    clock = [NOON]
    with opened(tmp_path) as store:
        ledger = Ledger(settings("anna"), store, Everybody(), lambda: None, lambda: clock[0])
        with store.transaction() as connection:
            for hour in range(-72, 0):
                past = poll("anna", 1720 + 10 * hour, minute=60 * hour, limit=2000)
                history.append(connection, [past])
        ledger.open()
        assert ledger.full_at("anna") is None
        ledger.write([poll("anna", 1720, limit=2000)])
        assert ledger.full_at("anna") == NOON + timedelta(hours=28)
        ledger.write([poll("anna", 10, limit=2000, minute=1)])
        assert ledger.full_at("anna") == NOON + timedelta(hours=28)
        clock[0] += timedelta(hours=1)
        ledger.write([poll("anna", 10, limit=2000, minute=60)])
        assert ledger.full_at("anna") is None


def test_of_two_quotas_the_one_that_is_full_first_counts(tmp_path: Path) -> None:
    def boxes(used: int, hour: int) -> Poll:
        quotas = (Quota("a", "storage", used, 1500), Quota("b", "storage", used, 1400))
        at = NOON + timedelta(hours=hour)
        return Poll("anna", at, 0.1, Reading(QuotaState.LIMITED, quotas))

    with opened(tmp_path) as store:
        ledger = ledger_of(store, "anna")
        with store.transaction() as connection:
            for hour in range(-72, 0):
                history.append(connection, [boxes(1000 + 10 * hour, hour)])
        ledger.write([boxes(1000, 0)])
        assert ledger.full_at("anna") == NOON + timedelta(hours=40)
