from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from agent.model import Poll, Quota, QuotaState, Reading
from agent.store import history
from tests.support.stores import opened

if TYPE_CHECKING:
    from tests.support.command import Command

ACCOUNT = """
[[accounts]]
name = "{name}"
protocol = "imap"
server = "mail.example.com"
username = "{name}"
password_file = "{name}.secret"
"""
HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)


@pytest.fixture
def configured(command: Command) -> Command:
    tables = (ACCOUNT.format(name=name) for name in ("anna", "bert"))
    (command.folder / "config.toml").write_text("".join(tables))
    readings = [
        ("anna", Reading(QuotaState.LIMITED, (Quota("=1+1", "storage", 90, 100),), messages=3)),
        ("bert", Reading(QuotaState.UNLIMITED, (Quota("", "storage", 7, None),))),
    ]
    polls = [Poll(name, HOUR, 0.1, reading) for name, reading in readings]
    with opened(command.folder) as store, store.transaction() as connection:
        history.append(connection, polls)
    return command


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_every_stored_figure_is_a_row(configured: Command) -> None:
    done = configured("export")
    at = f"{HOUR:%Y-%m-%dT%H:%M:%SZ}"
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(rows(done.stdout)) == sorted(
        [
            ["account", "series", "root", "resource", "time", "used", "limit"],
            ["anna", "quota", "'=1+1", "storage", at, "90", "100"],  # no formula of a spreadsheet
            ["anna", "messages", "", "", at, "3", ""],
            ["bert", "quota", "", "storage", at, "7", ""],
        ]
    )


def test_only_what_is_asked_for_is_written(configured: Command) -> None:
    assert {row[0] for row in rows(configured("export", "bert").stdout)} == {"account", "bert"}
    assert rows(configured("export", "--days", "2").stdout)[1:] == []
    assert configured("export", "carl").returncode == 3


def test_without_a_store_it_says_so(command: Command) -> None:
    (command.folder / "config.toml").write_text(ACCOUNT.format(name="anna"))
    done = command("export")
    assert done.returncode == 4
    assert "no agent has run" in done.stderr
