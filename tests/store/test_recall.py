from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from agent.memory import Block, FolderSizes, Learned, Memory, UniqueIds
from agent.store import Store, memory
from agent.store.recall import Recall
from tests.support.mailboxes import poll
from tests.support.stores import opened, store_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INBOX = FolderSizes(b"INBOX", "1", 10, 2, (Block(1, 9, 2, 300),))
SENT = FolderSizes(b"Sent", "1", 10, 0)
IDS = UniqueIds("1a2b", {"0f" * 8: 1_700_000_000})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        learn(store, Learned(folders=(INBOX, SENT), unique_ids=IDS))
        yield store


def learn(store: Store, learned: Learned, account: str = "anna") -> None:
    with store.transaction() as connection:
        memory.keep(connection, [replace(poll(account, 10), learned=learned)], {})


def damage(store: Store, statement: str, **values: object) -> None:
    with store.transaction() as connection:
        assert connection.execute(text(statement), values).rowcount == 1


def test_of_a_mailbox_without_a_poll_nothing_is_remembered(store: Store) -> None:
    recall: Memory = Recall(store)
    assert recall.folders("ben") == {}
    assert recall.unique_ids("ben") == UniqueIds("", {})
    assert recall.refusal("ben") is None
    assert recall.refusals() == {}


def test_what_cannot_be_read_now_is_not_taken_for_nothing(tmp_path: Path) -> None:
    recall = Recall(store_in(tmp_path))
    assert recall.folders("anna") is None
    assert recall.unique_ids("anna") is None
    assert recall.refusal("anna") is None
    assert recall.refusals() is None


def test_a_store_that_comes_back_is_read_again(store: Store) -> None:
    recall = Recall(store)
    store.close()
    assert recall.folders("anna") is None
    store.open()
    assert recall.folders("anna") == {b"INBOX": INBOX, b"Sent": SENT}


def test_a_damaged_folder_is_learned_anew_and_told_of_once(store: Store) -> None:
    damage(store, "UPDATE folder_sizes SET blocks = '[[1, 9' WHERE folder = :name", name=b"INBOX")
    recall = Recall(store)
    with capture_logs() as logs:
        for _ in range(3):
            assert recall.folders("anna") == {b"Sent": SENT}
    told = {"account": "anna", "what": "folders", "effect": "learned anew"}
    assert logs == [{"event": "memory.damaged", "log_level": "warning", **told}]
    learn(store, Learned(folders=(INBOX,)))
    assert recall.folders("anna") == {b"INBOX": INBOX, b"Sent": SENT}


@pytest.mark.parametrize(
    "data", [b"", b"no compressed data", b"x\x9c\x8b\x8e\x05\x00\x01\x15\x00\xb9"]
)
def test_damaged_unique_ids_are_none_and_told_of_once(store: Store, data: bytes) -> None:
    damage(store, "UPDATE unique_ids SET data = :data", data=data)
    recall = Recall(store)
    with capture_logs() as logs:
        for _ in range(3):
            assert recall.unique_ids("anna") == UniqueIds("", {})
    assert [(each["event"], each["what"]) for each in logs] == [("memory.damaged", "unique ids")]


def test_reading_waits_for_no_writer(store: Store) -> None:
    with store.transaction() as connection:
        changed = Learned(gone=(b"Sent",))
        memory.keep(connection, [replace(poll("anna", 10), learned=changed)], {})
        assert Recall(store).folders("anna") == {b"INBOX": INBOX, b"Sent": SENT}
    assert Recall(store).folders("anna") == {b"INBOX": INBOX}


def test_a_writer_waits_for_no_reading_and_disturbs_none(store: Store) -> None:
    count = text("SELECT count(*) FROM folder_sizes")
    with store.reading() as connection:
        assert connection.execute(count).scalar() == 2
        learn(store, Learned(gone=(b"Sent",)))
        assert connection.execute(count).scalar() == 2
    assert Recall(store).folders("anna") == {b"INBOX": INBOX}


def test_many_threads_recall_while_one_writes(store: Store) -> None:
    recall = Recall(store)

    def look(_: int) -> bool:
        return (recall.folders("anna") or {}).keys() >= {b"INBOX", b"Sent"}

    with ThreadPoolExecutor(16) as threads:
        looks = threads.map(look, range(400))
        for number in range(20):
            learn(store, Learned(folders=(replace(INBOX, name=b"%d" % number),)))
        assert all(looks)
    assert len(recall.folders("anna") or {}) == 22
