"""The store as other commands open it, beside an agent that may be running."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from agent.memory import Refusal
from agent.store import Store, StoreError, StoreTooNew, StoreUnavailable, StoreUrlError, memory
from agent.store.recall import Recall
from tests.support.mailboxes import NOON
from tests.support.stores import opened, store_in

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MINUTE = timedelta(minutes=1)
REFUSED = {"anna": Refusal("5a17", 2, NOON)}


@contextmanager
def beside(folder: Path) -> Iterator[Store]:
    store = store_in(folder)
    store.open_beside()
    try:
        yield store
    finally:
        store.close()


def agent_was_here(folder: Path) -> None:
    with opened(folder) as store, store.transaction() as connection:
        memory.bring_back(connection, REFUSED)


def test_a_missing_store_is_unavailable_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"agent\.db: No such file or directory"):
        store_in(tmp_path).open_beside()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("statement", "error", "says"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", StoreTooNew, "9999"),
        ("UPDATE alembic_version SET version_num = '0001'", StoreError, "restart the agent"),
        ("DELETE FROM alembic_version", StoreError, "revision none"),
        ("DROP TABLE alembic_version", StoreUrlError, "another program"),
    ],
)
def test_a_store_of_another_revision_is_refused_and_left_alone(
    tmp_path: Path, statement: str, error: type[StoreError], says: str
) -> None:
    agent_was_here(tmp_path)
    with sqlite3.connect(tmp_path / "agent.db") as connection:
        connection.execute(statement)
    connection.close()
    before = (tmp_path / "agent.db").read_bytes()
    with pytest.raises(error, match=says):
        store_in(tmp_path).open_beside()
    assert (tmp_path / "agent.db").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", StoreError, "start the agent first"),
        (b"not a database at all " * 500, StoreUnavailable, "not a database"),
    ],
)
def test_a_file_that_is_no_store_is_refused_and_left_alone(
    tmp_path: Path, content: bytes, error: type[StoreError], says: str
) -> None:
    (tmp_path / "agent.db").write_bytes(content)
    store = store_in(tmp_path)
    with pytest.raises(error, match=says):
        store.open_beside()
    assert not store.is_open
    assert [path.name for path in tmp_path.iterdir()] == ["agent.db"]
    assert (tmp_path / "agent.db").read_bytes() == content


def test_a_path_of_any_characters_is_opened(tmp_path: Path) -> None:
    folder = tmp_path / "50 % of #all"
    folder.mkdir()
    agent_was_here(folder)
    with beside(folder) as store:
        assert Recall(store).refusals() == REFUSED
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_it_takes_no_lock_and_minds_none(tmp_path: Path) -> None:
    agent_was_here(tmp_path)
    with beside(tmp_path) as store, opened(tmp_path) as agent, beside(tmp_path) as another:
        assert agent.is_open
        assert Recall(store).refusals() == Recall(another).refusals() == REFUSED


# Looks once before it gives up its rights: what a transaction needs is loaded by then.
READ_ONLY = """
import sys
from contextlib import nullcontext
from pathlib import Path
from agent.store import StoreUnavailable, memory
from agent.store.recall import Recall
from tests.support.mailboxes import NOON
from tests.support.stores import read_only, store_in

folder = Path(sys.argv[1])
for account, rights in ("nobody", nullcontext()), ("anna", read_only(folder)):
    with rights:
        store = store_in(folder)
        store.open_beside()
        print(sorted(Recall(store).refusals()))
        try:
            with store.transaction() as connection:
                print(memory.lift(connection, account, NOON))
        except StoreUnavailable as error:
            print(str(error).rpartition(": ")[2])
        store.close()
"""


def test_who_may_only_read_can_read_beside_a_running_agent() -> None:
    with TemporaryDirectory() as name, opened(Path(name)) as agent:
        with agent.transaction() as connection:
            memory.bring_back(connection, REFUSED)
        with _running(READ_ONLY, Path(name)) as process:
            assert process.communicate()[0].splitlines() == [
                *("['anna']", "False"),
                *("['anna']", "attempt to write a readonly database"),
            ]
        assert Recall(agent).refusals() == REFUSED


# Says what it sees, then lifts, while the agent is in the middle of a transaction.
RESET = """
import sys
from datetime import timedelta
from pathlib import Path
from agent.store import memory
from agent.store.recall import Recall
from tests.support.mailboxes import NOON
from tests.support.stores import store_in

store = store_in(Path(sys.argv[1]))
store.open_beside()
print(Recall(store).refusal("anna").times, flush=True)
sys.stdin.readline()
with store.transaction() as connection:
    print(memory.lift(connection, "anna", NOON + timedelta(minutes=1)), flush=True)
print(Recall(store).refusal("anna").times, flush=True)
store.close()
"""


def test_another_process_reads_and_lifts_while_the_agent_writes(tmp_path: Path) -> None:
    agent_was_here(tmp_path)
    with opened(tmp_path) as agent:
        with _running(RESET, tmp_path) as reset:
            assert reset.stdin is not None
            assert reset.stdout is not None
            with agent.transaction() as connection:
                connection.execute(text("UPDATE refusal SET times = 1"))
                assert reset.stdout.readline() == "2\n"  # what is committed
                print(file=reset.stdin, flush=True)
            assert reset.stdout.readline() == "True\n"
            assert reset.stdout.readline() == "0\n"
            assert reset.wait() == 0
        assert Recall(agent).refusals() == {"anna": Refusal("5a17", 0, NOON + MINUTE)}
        with agent.transaction() as connection:
            connection.execute(text("DELETE FROM refusal"))


AGENT = """
import sys
import time
from pathlib import Path
from agent.memory import Refusal
from agent.store import history, memory
from tests.support.mailboxes import NOON, poll
from tests.support.stores import store_in

store = store_in(Path(sys.argv[1]))
store.open()
for number in range(100000):
    with store.transaction() as connection:
        history.append(connection, [poll("anna", number)])
        memory.bring_back(connection, {f"mailbox {number}": Refusal("5a17", 2, NOON)})
    print(number, flush=True)
    time.sleep(0.002)  # as an agent does: who writes without a pause starves others
"""


def test_an_agent_that_writes_on_and_on_holds_no_reset_up_and_loses_none(tmp_path: Path) -> None:
    with _running(AGENT, tmp_path) as agent:
        assert agent.stdout is not None
        for number in range(20):
            assert agent.stdout.readline() == f"{number}\n"
            with beside(tmp_path) as store, store.transaction() as connection:
                assert memory.lift(connection, f"mailbox {number}", NOON)
        agent.kill()
    with opened(tmp_path) as store:
        found = Recall(store).refusals() or {}
    assert {found[f"mailbox {number}"].times for number in range(20)} == {0}
    assert {each.times for each in found.values()} <= {0, 2}


@contextmanager
def _running(program: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
