"""`notify list`, `retry` and `drop`: as processes, beside a store and beside an agent."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from agent.cli.notify_letters import render
from agent.cli.notify_outbox import Entry, drop, look
from agent.cli.screen import Screen
from agent.config.load import load
from agent.config.settings import StoreSettings
from agent.model import Reason, Severity
from agent.store import alerts, outbox
from agent.store.outbox import Letter
from tests.support.agent import Agent, account
from tests.support.command import ROOT
from tests.support.notices import NOON, notice
from tests.support.scripted import Scripted, imap
from tests.support.stores import opened
from tests.support.webhook import Answer, Webhook

if TYPE_CHECKING:
    from pathlib import Path

    from agent.model import Notification
    from tests.support.command import Command

CONFIGURATION = """
[web]
listen = "127.0.0.1:0"

[alerts]
group_wait = "0s"

[[accounts]]
name = "anna"
protocol = "imap"
server = "127.0.0.1:1"
tls = "none"
username = "anna@example.com"
password = "wonderland"
interval = "1h"

[[receivers]]
name = "ops"
type = "apprise"
url = "{url}"

[[receivers]]
name = "owners"
type = "owner"
url = "mailtos://agent:wonderland@127.0.0.1"
"""
NOWHERE = "json://agent:wonderland@127.0.0.1:1/wonderland"
ANNA = notice("anna", key="aa11" * 8)  # its alert fires
LATER = notice("dora", key="aa22" * 8, severity=Severity.CRITICAL)  # waits for its next attempt
ENDED = notice("bert", key="bb33" * 8)  # its alert has ended
AGAIN = notice("carl", Reason.RESOLVED, key="cc44" * 8)  # its alert fires again
GONE = notice("emil", key="dd55" * 8, receiver="pager")  # configured no more
OWNED = notice("anna", key="ee66" * 8, receiver="owners", target="anna@example.com")
HOUR = timedelta(hours=1)


@pytest.fixture
def configured(command: Command) -> Command:
    return configure(command)


def configure(command: Command, url: str = NOWHERE) -> Command:
    file = command.folder / "config.toml"
    file.write_text(CONFIGURATION.format(url=url))
    file.chmod(0o600)
    return command


def given_up(command: Command, *notices: Notification, fires: bool = True) -> None:
    """Put dead letters into the store, with their alerts firing or not."""
    with opened(command.folder) as store, store.transaction() as connection:
        outbox.enqueue(connection, notices)
        keys = [each.key for each in notices]
        for each in notices:
            outbox.claim(connection, each.receiver, each.target, NOON + HOUR, 10)
        outbox.bury(connection, keys, "HTTP 410 Gone")
        if fires:
            alerts.apply(connection, [each.transition for each in notices])


@pytest.fixture
def several(configured: Command) -> Command:
    """Dead letters of every kind, and one that waits."""
    given_up(configured, ANNA, OWNED, GONE)
    given_up(configured, ENDED, fires=False)
    given_up(configured, notice("carl", key="x", since=NOON + HOUR))
    given_up(configured, AGAIN, fires=False)
    with opened(configured.folder) as store, store.transaction() as connection:
        outbox.forget(connection, ["x"])
        outbox.enqueue(connection, [LATER])
        outbox.claim(connection, "ops", "0", NOON, 10)
        outbox.retry(connection, [LATER.key], NOON + 24 * 365 * 100 * HOUR, "HTTP 500\x1b[31m")
    return configured


def state(command: Command) -> dict[str, tuple[bool, int]]:
    with opened(command.folder) as store, store.reading() as connection:
        found = outbox.letters(connection)
    return {each.notification.key[:4]: (each.dead, each.notification.attempts) for each in found}


DEAD = {"aa11": (True, 1), "ee66": (True, 1), "dd55": (True, 1), "bb33": (True, 1)}
ALL = {**DEAD, "cc44": (True, 1), "aa22": (False, 1)}


def test_the_list_shows_what_waits_and_what_was_given_up(several: Command) -> None:
    done = several("notify", "list")
    assert (done.returncode, done.stderr) == (0, "")
    head, _, *rows, empty, last = done.stdout.splitlines()
    assert head.split() == [
        "Reference",
        "Receiver",
        "About",
        "Alert",
        "Since",
        "Tries",
        "Next",
        "try",
        "Last",
        "error",
    ]
    assert (empty, last) == (
        "",
        (
            "5 of 6 given up. Next: mailbox-agent notify retry --all, or "
            "mailbox-agent notify drop REFERENCE."
        ),
    )
    days = r" \d+d ago 1 "
    for row, (before, after) in zip(
        rows,
        [
            ("aa11aa11aa11 ops/0 anna usage warning (first)", "given up HTTP 410 Gone"),
            ("ee66ee66ee66 owners/anna@example.com anna usage warning (first)", "given up"),
            ("dd55dd55dd55 pager/0 emil usage warning (first)", "given up HTTP 410 Gone"),
            ("bb33bb33bb33 ops/0 bert usage warning (first)", "outdated HTTP 410 Gone"),
            ("cc44cc44cc44 ops/0 carl usage warning (resolved)", "outdated HTTP 410 Gone"),
            ("aa22aa22aa22 ops/0 dora usage critical (first)", "in "),
        ],
        strict=True,
    ):
        assert re.match(f"{re.escape(before)}{days}{after}", " ".join(row.split()))
    assert rows[-1].endswith("d  HTTP 500\N{REPLACEMENT CHARACTER}[31m")


def test_on_a_narrow_terminal_a_reference_stays_whole() -> None:
    entry = Entry(
        Letter(ANNA, dead=True, error="the receiver is no longer configured"), outdated=False
    )
    table = render([entry], Screen(80), NOON)
    assert "aa11aa11aa11" in table
    assert max(map(len, table.splitlines())) <= 80


def test_the_list_is_of_the_receivers_asked_for(several: Command) -> None:
    for arguments, references in [
        (("pager", "owners"), ["ee66", "dd55"]),
        (("--dead", "ops"), ["aa11", "bb33", "cc44"]),
    ]:
        document = json.loads(several("notify", "list", "--json", *arguments).stdout)
        assert [each["key"][:4] for each in document["notifications"]] == references
    done = several("notify", "list", "pagr")
    line = 'mailbox-agent: no receiver "pagr" in the configuration; did you mean "pager"?\n'
    assert (done.returncode, done.stdout, done.stderr) == (3, "", line)


def test_a_program_reads_what_the_schema_says(several: Command) -> None:
    before = datetime.now(UTC)
    done = several("notify", "list", "--json")
    document = json.loads(done.stdout)
    schema = json.loads((ROOT / "docs/notify.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    validator.validate(document)
    assert datetime.fromisoformat(document["at"]) >= before
    assert document["notifications"][-1] == {
        "reference": "aa22aa22aa22",
        "key": LATER.key,
        "state": "waiting",
        "outdated": True,
        "receiver": "ops",
        "target": "0",
        "account": "dora",
        "rule": "usage",
        "root": "",
        "resource": "storage",
        "reason": "first",
        "severity": "critical",
        "since": "2026-03-01T12:00:00Z",
        "attempts": 1,
        "next_attempt_at": "2126-02-05T12:00:00Z",
        "last_error": "HTTP 500\N{REPLACEMENT CHARACTER}[31m",
    }
    assert [each["outdated"] for each in document["notifications"]] == [False] * 3 + [True] * 3
    assert "wonderland" not in done.stdout
    for wrong in ({"state": "late"}, {"next_attempt_at": None}, {"url": "x"}):
        broken = [document["notifications"][-1] | wrong]
        assert not validator.is_valid(document | {"notifications": broken})
    properties = schema["$defs"]["notification"]["properties"]
    assert properties["reason"]["enum"] == [*Reason, None]
    assert properties["severity"]["enum"] == list(Severity)


def test_an_empty_outbox_is_said_in_words(configured: Command) -> None:
    given_up(configured)
    done = configured("notify", "list")
    assert (done.returncode, done.stdout) == (0, "Nothing waits, and nothing was given up.\n")
    for arguments in (("retry", "--all"), ("drop", "--all", "--dead")):
        done = configured("notify", *arguments)
        assert (done.returncode, done.stdout) == (0, "nothing was given up\n")


def test_what_is_still_true_is_sent_again_and_nothing_else(several: Command) -> None:
    done = several("notify", "retry", "--all")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "aa11aa11aa11 ops/0: anna usage (first): to be sent again",
        "ee66ee66ee66 owners/anna@example.com: anna usage (first): to be sent again",
        "dd55dd55dd55 pager/0: emil usage (first): left: the receiver is no longer configured",
        "bb33bb33bb33 ops/0: bert usage (first): left: outdated, the alert has ended since",
        "cc44cc44cc44 ops/0: carl usage (resolved): left: outdated, the alert fires again",
    ]
    assert state(several) == ALL | {"aa11": (False, 0), "ee66": (False, 0)}


def test_a_reference_or_a_receiver_chooses(several: Command) -> None:
    done = several("notify", "retry", "AA11", "aa22aa22aa22", "aa11aa11aa11")
    assert done.stdout.splitlines() == [
        "aa11aa11aa11 ops/0: anna usage (first): to be sent again",
        "aa22aa22aa22 ops/0: dora usage (first): left: it waits already",
    ]
    several("notify", "retry", "--all", "--receiver", "owners")
    assert state(several) == ALL | {"aa11": (False, 0), "ee66": (False, 0)}


EITHER = "give references, as notify list shows them, or --all; not both"
UNKNOWN = 'no notification "{}" in the outbox'
REFUSED = {
    ("retry", "aa11", "ff"): UNKNOWN.format("ff"),
    ("retry", "aa"): '2 notifications begin with "aa": give more',
    ("retry", "aa11", "--receiver", "pager"): UNKNOWN.format("aa11"),
    ("retry",): EITHER,
    ("retry", "--all", "aa11"): EITHER,
    ("drop", "aa11", "ff", "--yes"): UNKNOWN.format("ff"),
    ("drop", "aa22", "--dead", "--yes"): UNKNOWN.format("aa22"),
    ("drop", "--all", "--yes"): (
        "--all needs --dead: what still waits is dropped by its reference only"
    ),
    ("drop", "aa11"): "nothing was done: there is no terminal to ask at; give --yes",
    ("drop", "--all", "--dead", "--receiver", "opps", "--yes"): (
        'no receiver "opps" in the configuration; did you mean "ops"?'
    ),
}


@pytest.mark.parametrize(("arguments", "line"), REFUSED.items())
def test_what_cannot_be_done_is_one_line_and_changes_nothing(
    several: Command, arguments: tuple[str, ...], line: str
) -> None:
    done = several("notify", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", f"mailbox-agent: {line}\n")
    assert state(several) == ALL


def test_what_is_dropped_is_gone(several: Command) -> None:
    done = several("notify", "drop", "aa22", "--yes")
    assert done.stdout == "aa22aa22aa22 ops/0: dora usage (first): dropped\n"
    done = several("notify", "drop", "--all", "--dead", "--receiver", "ops", "--yes")
    assert [line.rpartition(": ")[2] for line in done.stdout.splitlines()] == ["dropped"] * 3
    assert state(several) == {"ee66": (True, 1), "dd55": (True, 1)}


def test_what_changed_since_it_was_shown_is_not_dropped(several: Command) -> None:
    settings = load(several.folder / "config.toml")
    settings = settings.model_copy(
        update={"store": StoreSettings(url=f"sqlite:///{several.folder}/agent.db")}
    )
    shown = look(settings, ["ops"])
    several("notify", "retry", "aa11")
    several("notify", "drop", "bb33", "--yes")
    assert [line.rpartition(" ops/0: ")[2] for line in drop(settings, shown)] == [
        "anna usage (first): left: it changed meanwhile",
        "bert usage (first): left: it changed meanwhile",
        "carl usage (resolved): dropped",
        "dora usage (first): dropped",
    ]
    assert state(several) == {"aa11": (False, 0), "ee66": (True, 1), "dd55": (True, 1)}


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 3), ("", 3)])
def test_at_a_terminal_it_asks_first(several: Command, answer: str, status: int) -> None:
    hands, keyboard = os.openpty()
    with os.fdopen(keyboard) as stdin:
        process = several.start("notify", "drop", "aa11", stdin=stdin, stdout=subprocess.PIPE)
        os.write(hands, f"{answer}\n".encode())
        output, errors = process.communicate(timeout=60)
    os.close(hands)
    label = "aa11aa11aa11 ops/0: anna usage (first)"
    refused = "" if status == 0 else "mailbox-agent: nothing was done\n"
    assert errors == f"{label}\nDrop 1 for good? [y/N] {refused}"
    assert (process.returncode, output) == (status, "" if status else f"{label}: dropped\n")
    assert ("aa11" in state(several)) is bool(status)


def test_before_the_first_run_it_is_status_4(configured: Command) -> None:
    for arguments in (("list",), ("retry", "--all"), ("drop", "--all", "--dead", "--yes")):
        done = configured("notify", *arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
        assert "no agent has run with this configuration yet" in done.stderr
    assert [each.name for each in configured.folder.iterdir()] == ["config.toml"]


def quota(used: int) -> dict[bytes, bytes]:
    answer = b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE %d 100)\r\n<tag> OK done\r\n'
    return {b"GETQUOTAROOT": answer % used}


def test_a_running_agent_sends_what_was_given_up_with_the_same_reference(
    tmp_path: Path, command: Command
) -> None:
    replies = quota(10)
    with Webhook(Answer(410)) as hook, Scripted(imap(replies)) as server:
        now = datetime.now(UTC)
        told = notice("anna", since=now, at=now, key="aa11" * 8, due=now)
        configure(command, hook.url)
        with opened(tmp_path) as store, store.transaction() as connection:
            outbox.enqueue(connection, [told])
            alerts.apply(connection, [told.transition])
        text = (tmp_path / "config.toml").read_text() + account("dora", server.port, interval="1s")
        with Agent(tmp_path, text) as agent:
            assert "aa11aa11aa11" in hook.next()["message"]
            agent.until("notification.dead")
            assert "given up" in command("notify", "list", "--dead").stdout
            assert command("notify", "retry", "--all").stdout.endswith("to be sent again\n")
            replies.update(quota(90))  # what is new has the agent look into the outbox at once
            assert told.key in agent.until("notification.sent")["keys"]
            assert "anna" in hook.next()["message"]
            assert "Nothing waits" in command("notify", "list").stdout
