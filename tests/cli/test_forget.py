from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from agent.cli.forgetting import chosen
from agent.config.load import load
from agent.memory import FolderSizes, Learned, Refusal, UniqueIds
from agent.model import (
    Alert,
    AlertKey,
    Failure,
    FailureKind,
    Finding,
    Flapping,
    Notification,
    Poll,
    Quota,
    QuotaState,
    Reading,
    Reason,
    Severity,
    Transition,
)
from agent.store import alerts, announced, details, erase, flapping, history, memory, outbox, told
from tests.support.stores import opened

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from tests.support.command import Command

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACCOUNT = """
[[accounts]]
name = "{name}"
protocol = "imap"
server = "mail.example.com"
username = "{name}"
password_file = "{name}.secret"
"""


def fill(folder: Path, *names: str) -> None:
    """Something about each of these mailboxes in every table there is."""
    with opened(folder) as store, store.transaction() as connection:
        for name in names:
            _fill(connection, name)
        memory.bring_back(connection, {name: Refusal("5a17", 1, NOON) for name in names})


def _fill(connection: Connection, name: str) -> None:
    reading = Reading(
        QuotaState.LIMITED, (Quota(f"root of {name}", "storage", 90, 100),), size_bytes=5
    )
    learned = Learned(
        (FolderSizes(b"INBOX", f"validity of {name}", 1, 0),), (), UniqueIds(name, {"ab": 1})
    )
    poll = Poll(name, NOON, 0.1, reading, refusal=None, learned=learned)
    alert = Alert(AlertKey(name, "usage"), Severity.WARNING, NOON, NOON, told=("ops",))
    change = Transition(Reason.FIRST, alert, Finding(alert.key, Severity.WARNING, 90, 100), NOON)
    failed = Poll(name, NOON, 0.1, Failure(FailureKind.TIMEOUT, f"no answer of {name}"))
    details.keep(connection, [failed])
    details.keep(connection, [poll])
    history.append(connection, [poll])
    memory.keep(connection, [poll], {})
    alerts.apply(connection, [change])
    announced.announce(connection, [change], lambda _: {"account": name})
    flapping.keep(connection, {alert.key: Flapping(1, well=False, since=NOON)})
    outbox.enqueue(connection, [Notification(f"key of {name}", "ops", "0", change, NOON)])
    told.record(connection, [f"key of {name}"], NOON)


def rows(folder: Path) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    with sqlite3.connect(folder / "agent.db") as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        found = {
            name: [repr(row) for row in connection.execute(f"SELECT * FROM {name}")]
            for name in tables
        }
    connection.close()
    return {name: each for name, each in found.items() if name != "alembic_version"}


@pytest.fixture
def configured(command: Command) -> Command:
    (command.folder / "config.toml").write_text(ACCOUNT.format(name="anna"))
    fill(command.folder, "anna", "bert")
    return command


def test_what_is_asked_for_is_gone_from_every_table_and_all_else_stays(configured: Command) -> None:
    before = rows(configured.folder)
    assert all(before.values()), "a table that nothing is in proves nothing"
    done = configured("forget", "--yes", "bert")
    assert (done.returncode, done.stdout, done.stderr) == (0, "bert: forgotten\n", "")
    after = rows(configured.folder)
    assert "bert" not in json.dumps(after)
    assert all("anna" in json.dumps(each) for name, each in after.items() if name != "sample")
    assert len(after["sample"]) == len(before["sample"]) // 2


def test_nothing_of_it_is_left_in_the_file(configured: Command) -> None:
    configured("forget", "--yes", "bert")
    with opened(configured.folder):
        pass  # the agent's next start tidies the log of changes
    kept = b"".join(path.read_bytes() for path in configured.folder.glob("agent.db*"))
    assert b"root of anna" in kept
    assert b"root of bert" not in kept


def test_one_that_is_still_configured_is_said_to_come_back(configured: Command) -> None:
    done = configured("forget", "--yes", "anna")
    assert (
        done.stdout == "anna: forgotten; it is still configured, and its next poll will be stored\n"
    )


def test_an_account_that_nothing_is_known_of_is_an_error(configured: Command) -> None:
    done = configured("forget", "--yes", "bret")
    assert (done.returncode, done.stdout) == (3, "")
    assert 'nothing is stored about an account "bret"; did you mean "bert"?' in done.stderr
    assert rows(configured.folder)["mailbox"]


def test_whoever_is_asked_learns_what_goes_with_it(configured: Command) -> None:
    settings = load(configured.folder / "config.toml")
    store = settings.store.model_copy(update={"url": f"sqlite:///{configured.folder}/agent.db"})
    found = chosen(settings.model_copy(update={"store": store}), ["anna", "bert", "anna"])
    assert [each.label for each in found] == [
        "anna (still configured, 1 alert firing)",
        "bert (1 alert firing)",
    ]


def test_without_a_terminal_or_a_word_nothing_is_erased(configured: Command) -> None:
    done = configured("forget", "bert")
    assert done.returncode == 3
    assert "give --yes" in done.stderr
    with opened(configured.folder) as store, store.reading() as connection:
        assert erase.known(connection) == {"anna", "bert"}
