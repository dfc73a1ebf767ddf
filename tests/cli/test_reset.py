from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from agent.cli.lifting import lift
from agent.cli.terminal import CommandError, ExitStatus
from agent.memory import Refusal
from agent.store import engine, memory
from tests.support.configured import mailbox, settings
from tests.support.stores import opened

if TYPE_CHECKING:
    from pathlib import Path

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
NAMES = ("anna", "bert", "carl")


@pytest.fixture
def configured(command: Command) -> Command:
    tables = (ACCOUNT.format(name=name) for name in NAMES)
    elsewhere = ACCOUNT.format(name="dora").replace("mail.example", "imap.example")
    (command.folder / "config.toml").write_text("".join(tables) + elsewhere)
    return command


def rejected(configured: Command, **refused: Refusal) -> None:
    with opened(configured.folder) as store, store.transaction() as connection:
        memory.bring_back(connection, refused)


def times(configured: Command) -> dict[str, int]:
    with opened(configured.folder) as store, store.reading() as connection:
        return {name: each.times for name, each in memory.refusals(connection).items()}


def states(configured: Command) -> list[str]:
    mailboxes = json.loads(configured("status", "--json").stdout)["mailboxes"]
    return [mailbox["state"] for mailbox in mailboxes]


def test_a_quarantine_is_lifted_and_the_others_are_not(configured: Command) -> None:
    rejected(configured, anna=Refusal("5a17", 2, NOON), bert=Refusal("5a17", 2, NOON))
    done = configured("reset", "anna")
    line = (
        "anna: lifted (login rejected 2 times, last at 2026-03-01 12:00 UTC); "
        "it is tried again at its next poll (every 15m)\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, line, "")
    assert times(configured) == {"anna": 0, "bert": 2}
    assert states(configured) == ["never_polled", "quarantined", *["never_polled"] * 2]


def test_where_there_is_nothing_to_lift_it_says_so(configured: Command) -> None:
    rejected(configured, bert=Refusal("5a17", 1, NOON))
    done = configured("reset", "bert", "anna", "bert")
    again = configured("reset", "bert")
    assert done.stdout.splitlines() == [
        "anna: nothing to lift: no login was rejected",
        (
            "bert: lifted (login rejected once at 2026-03-01 12:00 UTC); "
            "it is tried again at its next poll (every 15m)"
        ),
    ]
    line = "bert: nothing to lift: it is tried again at its next poll (every 15m)\n"
    assert (done.returncode, again.returncode, again.stdout) == (0, 0, line)


def test_a_pause_that_remains_is_told(configured: Command) -> None:
    now = datetime.now(UTC)
    refused = {name: Refusal("5a17", 1, now - timedelta(seconds=n)) for n, name in enumerate(NAMES)}
    rejected(configured, **refused)
    [_, pause] = configured("reset", "anna").stdout.splitlines()
    assert pause.startswith("mail.example.com:993: paused until ")
    assert "the logins of bert and carl were rejected" in pause
    assert len(configured("reset", "dora").stdout.splitlines()) == 1  # it is of another server
    assert len(configured("reset", "bert").stdout.splitlines()) == 1  # which ends the pause


def test_it_lifts_beside_a_running_agent(configured: Command) -> None:
    rejected(configured, anna=Refusal("5a17", 2, NOON))
    with opened(configured.folder) as store:
        done = configured("reset", "anna")
        with store.reading() as connection:
            assert memory.refusals(connection)["anna"].times == 0
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_no_account_has_is_status_3_and_lifts_nothing(configured: Command) -> None:
    rejected(configured, anna=Refusal("5a17", 2, NOON))
    done = configured("reset", "anna", "berd")
    line = 'mailbox-agent: no account "berd" in the configuration; did you mean "bert"?\n'
    assert (done.returncode, done.stdout, done.stderr) == (3, "", line)
    assert times(configured) == {"anna": 2}


def test_without_a_name_it_resets_nobody(configured: Command) -> None:
    done = configured("reset")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Missing argument 'ACCOUNT'" in done.stderr


def test_before_the_first_run_it_is_status_4(configured: Command) -> None:
    done = configured("reset", "anna")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
    assert "no agent has run with this configuration yet" in done.stderr
    assert [each.name for each in configured.folder.iterdir()] == ["config.toml"]


def test_a_store_that_stays_busy_is_status_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_BUSY_SECONDS", 0.0)
    told = settings(tmp_path, mailbox("anna", 143))
    with opened(tmp_path) as store:
        with store.transaction(), pytest.raises(CommandError, match="locked") as error:
            lift(told, told.accounts)
        assert error.value.status is ExitStatus.STORE
