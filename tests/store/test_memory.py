from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from agent.memory import Block, FolderSizes, Learned, Refusal, UniqueIds
from agent.model import Failure, FailureKind, Poll
from agent.store import Store, history, memory
from agent.store.recall import Recall
from tests.support.mailboxes import NOON, failed, poll
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

ROOT = Path(__file__).parents[2]
MINUTE = timedelta(minutes=1)
INBOX = FolderSizes(
    b"INBOX", "1a2b 1700000000", 4711, 3, (Block(1, 40, 2, 2048), Block(41, 4710, 1, None))
)
RAW = FolderSizes(b"Entw\xfcrfe", "1a2b 2", None, 0)
IDS = UniqueIds("1a2b", {"0f" * 8: 1_700_000_000, "ff" * 8: 1_700_000_900})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


def learning(account: str = "anna", *, minute: int = 0, **learned: object) -> Poll:
    return replace(poll(account, 10, minute=minute), learned=Learned(**learned))  # type: ignore[arg-type]  # as the caller says


def refused(account: str = "anna", times: int = 1, *, minute: int = 0) -> Poll:
    at = NOON + minute * MINUTE
    outcome = Failure(FailureKind.AUTH, "[AUTHENTICATIONFAILED]")
    return Poll(account, at, 0.1, outcome, refusal=Refusal("5a17", times, at))


def keep(store: Store, *polls: Poll) -> None:
    """Write a batch as the ledger does, which knows of every rejected login before it."""
    with store.transaction() as connection:
        memory.keep(connection, polls, memory.refusals(connection))


def lift(store: Store, account: str = "anna", *, minute: int = 0) -> bool:
    with store.transaction() as connection:
        return memory.lift(connection, account, NOON + minute * MINUTE)


def times(store: Store, account: str = "anna") -> int | None:
    found = Recall(store).refusal(account)
    return found.times if found else None


def test_what_polls_learned_is_recalled_as_it_was(store: Store) -> None:
    keep(store, learning(folders=(INBOX, RAW), unique_ids=IDS), refused("ben", 2, minute=1))
    recall = Recall(store)
    assert recall.folders("anna") == {INBOX.name: INBOX, RAW.name: RAW}
    assert recall.unique_ids("anna") == IDS
    assert recall.refusal("ben") == Refusal("5a17", 2, NOON + MINUTE)
    assert recall.refusals() == {"ben": Refusal("5a17", 2, NOON + MINUTE)}


def test_only_what_changed_is_written_and_all_else_stays(store: Store) -> None:
    keep(store, learning(folders=(INBOX, RAW), unique_ids=IDS), learning("ben", folders=(INBOX,)))
    grown = replace(INBOX, messages=4, next_uid=4712)
    keep(store, learning(folders=(grown,), gone=(RAW.name, b"never seen")), poll("anna", 20))
    recall = Recall(store)
    assert recall.folders("anna") == {INBOX.name: grown}
    assert recall.folders("ben") == {INBOX.name: INBOX}
    assert recall.unique_ids("anna") == IDS


def test_of_several_polls_in_a_batch_the_last_one_wins(store: Store) -> None:
    later = UniqueIds("1a2b", {})
    keep(
        store,
        learning(folders=(INBOX,), gone=(RAW.name,), unique_ids=IDS),
        learning(folders=(RAW,), gone=(INBOX.name,), unique_ids=later, minute=1),
    )
    assert Recall(store).folders("anna") == {RAW.name: RAW}
    assert Recall(store).unique_ids("anna") == later


def test_a_count_beyond_any_column_costs_only_that_folder(store: Store) -> None:
    keep(store, learning(folders=(INBOX,)))
    endless = replace(INBOX, next_uid=2**63)
    keep(store, learning(folders=(endless, RAW, replace(RAW, name=b"x", messages=2**64))))
    assert Recall(store).folders("anna") == {RAW.name: RAW}


def test_a_rejected_login_stays_until_a_login_succeeds(store: Store) -> None:
    keep(store, refused(times=1))
    keep(store, failed("anna", minute=1), poll("ben", 10))
    assert times(store) == 1
    keep(store, refused(times=2, minute=2))
    assert times(store) == 2
    keep(store, poll("anna", 10, minute=3))
    assert times(store) is None


def test_within_a_batch_the_last_login_counts(store: Store) -> None:
    keep(store, refused("anna"), poll("anna", 10), poll("ben", 10), refused("ben", 1, minute=1))
    assert (times(store, "anna"), times(store, "ben")) == (None, 1)
    keep(store, refused("anna"), refused("anna", 2, minute=1), refused("ben", 2), poll("ben", 10))
    assert (times(store, "anna"), times(store, "ben")) == (2, None)


def test_a_clock_that_is_set_back_loses_no_rejected_login(store: Store) -> None:
    keep(store, refused(times=1))
    keep(store, refused(times=2, minute=-60))
    assert times(store) == 2


def test_a_reset_lifts_what_there_is_to_lift(store: Store) -> None:
    keep(store, refused(times=2), refused("ben"))
    assert lift(store, minute=1)
    assert Recall(store).refusal("anna") == Refusal("5a17", 0, NOON + MINUTE)
    assert times(store, "ben") == 1
    assert not lift(store, minute=2)
    assert not lift(store, "carol")


@pytest.mark.parametrize("minute", [0, -60])
def test_a_reset_counts_even_where_its_clock_is_behind(store: Store, minute: int) -> None:
    keep(store, refused(times=2))
    assert lift(store, minute=minute)
    late = replace(failed("anna", minute=1), refusal=refused(times=2).refusal)  # still told of
    keep(store, late)
    assert Recall(store).refusal("anna") == Refusal("5a17", 0, NOON + timedelta(microseconds=1))
    keep(store, refused(times=1, minute=1))
    assert times(store) == 1


@pytest.mark.parametrize(("ended", "expected"), [(-1, 0), (4, 0), (5, 2), (6, 2)])
def test_a_reset_outlasts_the_polls_that_ended_before_it(
    store: Store, ended: int, expected: int
) -> None:
    keep(store, refused(times=1))
    lift(store, minute=5)
    keep(store, refused(times=2, minute=ended))
    assert times(store) == expected


def test_the_rejected_logins_are_handed_back_as_they_are_stored(store: Store) -> None:
    before = {"anna": refused(times=2).refusal, "ben": refused("ben").refusal}
    keep(store, refused(times=2), refused("ben"), refused("carol"))
    lift(store, minute=5)
    with store.transaction() as connection:
        known = memory.refusals(connection)
        polls = [refused(times=2, minute=4), poll("carol", 10), poll("dora", 10)]
        found = memory.keep(connection, polls, known)
        assert found == memory.refusals(connection)
    assert found == before | {"anna": Refusal("5a17", 0, NOON + 5 * MINUTE)}


def test_lost_rejections_come_back_without_undoing_a_reset(store: Store) -> None:
    keep(store, refused(times=2))
    lift(store, minute=1)
    known = {name: Refusal("5a17", 2, NOON) for name in ("anna", "ben")}
    with store.transaction() as connection:
        memory.bring_back(connection, known)
        memory.bring_back(connection, {})
    assert (times(store, "anna"), times(store, "ben")) == (0, 2)


def test_accounts_configured_no_more_are_forgotten_but_not_their_rejections(store: Store) -> None:
    names = [f"account {number}" for number in range(1200)]
    keep(store, *(learning(name, folders=(INBOX, RAW), unique_ids=IDS) for name in names))
    keep(store, *(refused(name) for name in names))
    with store.transaction() as connection:
        memory.forget_unconfigured(connection, {names[7], "new"})
        for table in ("folder_sizes", "unique_ids"):
            assert _accounts(connection, table) == {names[7]}
    assert set(Recall(store).refusals() or ()) == set(names)


PROGRAM = """
import os, signal, sys
from dataclasses import replace
from sqlalchemy import event
from agent.memory import FolderSizes, Learned
from agent.store import Store, history, memory
from tests.support.mailboxes import poll

step, folder = sys.argv[1:]
store = Store(f"sqlite:///{folder}/agent.db")
store.open()

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

for number in range(3):
    learned = Learned(folders=(FolderSizes(b"INBOX", str(number), 1, number),))
    polls = [replace(poll("anna", number, minute=60 * number), learned=learned)]
    with store.transaction() as connection:
        if number == 2 and step == "begun": die()
        memory.keep(connection, polls, {})
        if number == 2 and step == "kept": die()
        history.append(connection, polls)
        if number == 2 and step == "committing": event.listen(store._engine, "commit", die)
die()
"""


@pytest.mark.parametrize(("step", "kept"), [("begun", 1), ("kept", 1), ("committing", 1), ("", 2)])
def test_death_at_any_step_leaves_memory_and_history_of_the_same_batch(
    tmp_path: Path, step: str, kept: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, step, str(tmp_path)], cwd=ROOT, check=False
    )
    assert done.returncode == -signal.SIGKILL
    with opened(tmp_path) as store, store.reading() as connection:
        found = (Recall(store).folders("anna") or {})[b"INBOX"]
        seen = history.last_polls(connection)["anna"].succeeded_at
    assert (found.validity, seen) == (str(kept), NOON + kept * 60 * MINUTE)


def _accounts(connection: Connection, table: str) -> set[str]:
    return set(connection.execute(text(f"SELECT account FROM {table}")).scalars())
