from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from agent.cli.screen import Screen
from agent.cli.status_document import document
from agent.cli.status_table import render
from agent.figures import age
from agent.memory import MOST_REFUSALS, RETRY_AFTER, Refusal
from agent.model import Alert, AlertKey, Failure, FailureKind, Quota, QuotaState, Reading, Severity
from agent.probe.guard import PAUSE
from agent.standing import State, survey
from agent.store import history
from agent.store.overview import Overview
from tests.support.command import ROOT
from tests.support.configured import mailbox, settings
from tests.support.mailboxes import poll
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from agent.model import Poll
    from agent.standing import Survey
    from tests.support.command import Command

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MIB = 1024**2
TIMEOUT = Failure(FailureKind.TIMEOUT, "no answer within 30 s")
REJECTED = Failure(FailureKind.AUTH, "[AUTHENTICATIONFAILED] Authentication failed.")


def read(
    at: datetime = NOON,
    *quotas: Quota,
    size_bytes: int | None = None,
    alerts: tuple[Alert, ...] = (),
) -> Overview:
    reading = Reading(QuotaState.LIMITED, quotas, size_bytes=size_bytes)
    return Overview(at, at, None, reading, alerts)


def refused(times: int, at: datetime = NOON, last_success: datetime | None = None) -> Overview:
    return Overview(at, last_success, REJECTED, refusal=Refusal("5a17", times, at))


def alert(severity: Severity, rule: str = "usage", *quota: str) -> Alert:
    return Alert(AlertKey("anna", rule, *quota), severity, NOON, NOON)


def seen(folder: Path, now: datetime, *names: str, **known: Overview) -> Survey:
    """A survey of mailboxes of one server that are polled every minute, or of those named."""
    accounts = (mailbox(name, 143, interval="1m") for name in known)
    configured = settings(folder, *accounts)
    chosen = [each for each in configured.accounts if not names or each.name in names]
    return survey(configured, chosen, known, refusals(known), now)


def refusals(known: Mapping[str, Overview]) -> dict[str, Refusal]:
    return {name: each.refusal for name, each in known.items() if each.refusal}


def state(folder: Path, now: datetime, known: Overview) -> State:
    return seen(folder, now, anna=known).standings[0].state


@pytest.mark.parametrize(
    ("word", "known", "later"),
    [
        (State.NEVER_POLLED, Overview(), 0 * MINUTE),
        (State.OK, read(), 3 * MINUTE),
        (State.STALE, read(), 3 * MINUTE + timedelta(seconds=1)),
        (State.INFO, read(alerts=(alert(Severity.INFO),)), MINUTE),
        (State.WARNING, read(alerts=(alert(Severity.WARNING), alert(Severity.INFO))), MINUTE),
        (State.CRITICAL, read(alerts=(alert(Severity.CRITICAL),)), MINUTE),
        (State.STALE, read(alerts=(alert(Severity.CRITICAL),)), HOUR),
        (State.FAILING, Overview(NOON, NOON - HOUR, TIMEOUT), MINUTE),
        (State.FAILING, Overview(NOON, None, TIMEOUT), MINUTE),
        (State.QUARANTINED, refused(1), RETRY_AFTER - MINUTE),
        (State.FAILING, refused(1), RETRY_AFTER),
        (State.QUARANTINED, refused(MOST_REFUSALS), 1000 * HOUR),
        (State.FAILING, refused(0), MINUTE),
        # The store was replaced, and only what was rejected brought back.
        (State.QUARANTINED, Overview(refusal=Refusal("5a17", 2, NOON)), MINUTE),
        # The password was changed: the agent tries again, and now the server is away.
        (State.FAILING, Overview(NOON, None, TIMEOUT, refusal=Refusal("5a17", 2, NOON)), MINUTE),
    ],
)
def test_the_word_for_a_mailbox(tmp_path: Path, word: State, known: Overview, later: Any) -> None:
    assert state(tmp_path, NOON + later, known) is word


@pytest.fixture
def found(tmp_path: Path) -> Survey:
    """Every state but never polled, which is the last one's."""
    now = NOON + 150 * timedelta(seconds=1)
    nearly_full = (Quota("User quota", "storage", 19 * MIB, 20 * MIB), Quota("", "message", 1, 9))
    return seen(
        tmp_path,
        now,
        anna=read(
            NOON,
            *nearly_full,
            size_bytes=18 * MIB,
            alerts=(
                alert(Severity.WARNING, "login"),
                alert(Severity.CRITICAL, "usage", "User quota", "storage"),
            ),
        ),
        bert=Overview(
            NOON, NOON - 27 * HOUR, TIMEOUT, Reading(QuotaState.UNSUPPORTED, size_bytes=5)
        ),
        carl=refused(1),
        dora=read(now - HOUR, Quota("", "message", 5, 10)),
        emil=read(NOON, Quota("", "storage", 5, None), size_bytes=2048),
        fritz=refused(2, NOON - MINUTE, NOON - HOUR),
        **{"gerd the last": Overview()},
    )


TABLE = """\
Mailbox        State                      Usage         Used of limit      Size  Last read
──────────────────────────────────────────────────────────────────────────────────────────
anna           critical      ▕█████████▌▏  95 %  19.0 MiB of 20.0 MiB  18.0 MiB     2m ago
bert           failing                        -                     -       5 B     1d ago
carl           quarantined                    -                     -         -      never
dora           stale         ▕█████     ▏  50 %      5 of 10 messages         -     1h ago
emil           ok                             -                     -   2.0 KiB     2m ago
fritz          quarantined                    -                     -         -     1h ago
gerd the last  never polled                   -                     -         -      never
"""
NOTES = """
anna: warning since 2026-03-01 12:00 UTC: login
anna: critical since 2026-03-01 12:00 UTC: usage of storage in User quota
bert: timeout: no answer within 30 s; last success 2026-02-28 09:00 UTC. \
Next: mailbox-agent check bert.
carl: login rejected once at 2026-03-01 12:00 UTC: \
[AUTHENTICATIONFAILED] Authentication failed; tried once more at 2026-03-01 13:00 UTC, \
or when it changes. Next: correct the user name or password; to try it as it is: \
mailbox-agent reset carl.
fritz: login rejected 2 times, last at 2026-03-01 11:59 UTC: \
[AUTHENTICATIONFAILED] Authentication failed; tried again only when it changes. \
Next: correct the user name or password; to try it as it is: mailbox-agent reset fritz.
127.0.0.1:143: paused until 2026-03-01 12:15 UTC (until 2026-03-01 12:30 UTC for mailboxes \
not read since the agent started), since the logins of carl and fritz were rejected, and servers \
ban addresses for that. Next: correct them, then mailbox-agent reset carl fritz.
1 of 7 stale: no poll for longer than figures hold. \
Next: see whether the agent runs: mailbox-agent healthcheck."""


def test_a_pipe_gets_a_line_a_mailbox_and_a_line_a_trouble(found: Survey) -> None:
    assert render(found, Screen(None)) == TABLE + NOTES


def test_eighty_columns_hold_the_table_without_bars(found: Survey) -> None:
    text = render(found, Screen(80))
    assert max(map(len, text.splitlines())) <= 80
    assert "█" not in text
    assert "never polled" in text
    assert " ".join(NOTES.split()) in " ".join(text.split())


def test_colour_only_repeats_the_word(found: Survey) -> None:
    assert "\x1b[31mcritical" in render(found, Screen(None, colour=True))
    assert "\x1b" not in render(found, Screen(None))
    assert render(found, Screen(None, unicode=False)).isascii()


def test_what_a_server_said_is_neither_markup_nor_an_escape(tmp_path: Path) -> None:
    hostile = Quota("[red]\x1b[2J\u202e", "storage", 1, 2)
    firing = alert(Severity.WARNING, "usage", hostile.root, "storage")
    failed = Failure(FailureKind.PROTOCOL, "[red]\x1b[2J\u202e")
    known = Overview(NOON, NOON, failed, Reading(QuotaState.LIMITED, (hostile,)), (firing,))
    text = render(seen(tmp_path, NOON, anna=known), Screen(None))
    assert text.count("[red]\ufffd[2J\ufffd") == 2
    assert "\x1b" not in text


def test_a_name_with_spaces_is_quoted_where_it_is_to_be_typed(tmp_path: Path) -> None:
    text = render(seen(tmp_path, NOON, **{"anna & bert": refused(2)}), Screen(None))
    assert "mailbox-agent reset 'anna & bert'." in text


def test_after_a_reset_it_is_told_that_the_login_is_tried_again_until_it_was(
    tmp_path: Path,
) -> None:
    text = render(seen(tmp_path, NOON, anna=refused(0)), Screen(None))
    assert text.endswith(
        "anna: auth: [AUTHENTICATIONFAILED] Authentication failed; no success yet. "
        "Reset: tried again at its next poll."
    )
    since = Overview(NOON, None, TIMEOUT, refusal=Refusal("5a17", 0, NOON))
    text = render(seen(tmp_path, NOON, anna=since), Screen(None))
    assert text.endswith("no success yet. Next: mailbox-agent check anna.")


def test_a_pause_ends_later_for_mailboxes_that_were_not_read(tmp_path: Path) -> None:
    def shown(after: timedelta) -> str:
        known = {name: refused(2, NOON - n * MINUTE) for n, name in enumerate(("anna", "bert"))}
        return render(seen(tmp_path, NOON + after, **known), Screen(None))

    assert "143: paused until 2026-03-01 12:15 UTC (until" in shown(PAUSE - MINUTE)
    assert "143: paused until 2026-03-01 12:30 UTC for mailboxes not read" in shown(PAUSE)
    assert "paused" not in shown(2 * PAUSE)


def test_those_that_were_rejected_long_before_a_pause_are_no_part_of_it(tmp_path: Path) -> None:
    known = {"anna": refused(2, NOON - HOUR), "bert": refused(1), "carl": refused(1)}
    [pause] = seen(tmp_path, NOON, **known).pauses
    assert pause.accounts == ("bert", "carl")


def test_a_pause_is_shown_to_the_mailboxes_of_its_server_whoever_caused_it(tmp_path: Path) -> None:
    known = {"anna": refused(1), "bert": refused(1), "carl": read(), "dora": read()}
    ports = {"dora": 993}
    accounts = [mailbox(name, ports.get(name, 143)) for name in known]
    configured = settings(tmp_path, *accounts)
    *_, carl, dora = configured.accounts
    assert survey(configured, [carl], known, refusals(known), NOON).pauses
    assert not survey(configured, [dora], known, refusals(known), NOON).pauses


DOCUMENT = """\
{"version": 1, "at": "2026-03-01T12:02:30Z", "mailboxes": [\
{"account": "anna", "protocol": "imap", "server": "127.0.0.1:143", "state": "critical", \
"last_poll_at": "2026-03-01T12:00:00Z", "last_success_at": "2026-03-01T12:00:00Z", \
"failure": null, "quarantine": null, "quotas": [\
{"root": "User quota", "resource": "storage", "used": 19922944, "limit": 20971520}, \
{"root": "", "resource": "message", "used": 1, "limit": 9}], \
"usage_ratio": 0.95, "size_bytes": 18874368, "alerts": [\
{"rule": "login", "severity": "warning", "root": "", "resource": "", \
"since": "2026-03-01T12:00:00Z"}, \
{"rule": "usage", "severity": "critical", "root": "User quota", "resource": "storage", \
"since": "2026-03-01T12:00:00Z"}]}, \
{"account": "carl", "protocol": "imap", "server": "127.0.0.1:143", "state": "quarantined", \
"last_poll_at": "2026-03-01T12:00:00Z", "last_success_at": null, \
"failure": {"reason": "auth", "detail": "[AUTHENTICATIONFAILED] Authentication failed."}, \
"quarantine": {"rejections": 1, "last_rejection_at": "2026-03-01T12:00:00Z", \
"retry_at": "2026-03-01T13:00:00Z"}, "quotas": [], "usage_ratio": null, "size_bytes": null, \
"alerts": []}], "paused_servers": [\
{"server": "127.0.0.1:143", "until": "2026-03-01T12:15:00Z", \
"others_until": "2026-03-01T12:30:00Z", "rejected_accounts": ["carl", "fritz"]}]}"""


def test_the_document_has_every_key_in_its_order(found: Survey) -> None:
    two = tuple(one for one in found.standings if one.account.name in {"anna", "carl"})
    assert json.dumps(document(replace(found, standings=two))) == DOCUMENT


def test_the_published_schema_describes_the_document(found: Survey) -> None:
    schema = json.loads((ROOT / "docs/status.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    printed = json.loads(json.dumps(document(found)))
    validator.validate(printed)
    for wrong in ({"state": "fine"}, {"state": "failing"}, {"quarantine": None}, {"usage": 1}):
        mailboxes = [each | wrong for each in printed["mailboxes"] if each["account"] == "carl"]
        assert not validator.is_valid(printed | {"mailboxes": mailboxes})


def test_the_published_schema_knows_every_word_and_no_other() -> None:
    definitions = json.loads((ROOT / "docs/status.schema.json").read_text())["$defs"]
    assert definitions["mailbox"]["properties"]["state"]["enum"] == list(State)
    assert definitions["failure"]["properties"]["reason"]["enum"] == list(FailureKind)
    severities = definitions["alert"]["properties"]["severity"]["enum"]
    assert severities == [each.value for each in sorted(Severity, key=lambda each: each.rank)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s ago"),
        (59.9, "59s ago"),
        (60, "1m ago"),
        (3599, "59m ago"),
        (3600, "1h ago"),
        (86399, "23h ago"),
        (86400, "1d ago"),
        (10**8, "1157d ago"),
    ],
)
def test_ages_are_in_the_unit_that_reads_best(seconds: float, text: str) -> None:
    assert age(timedelta(seconds=seconds)) == text


CONFIGURATION = """
[agent]
poll_interval = "1h"

[[accounts]]
name = "anna"
protocol = "imap"
server = "mail.example.com"
username = "anna@example.com"
password_command = ["/bin/touch", "asked"]

[[accounts]]
name = "bert"
protocol = "pop3"
server = "mail.example.com"
username = "bert@example.com"
password_command = ["/bin/touch", "asked"]
"""


@pytest.fixture
def configured(command: Command) -> Command:
    (command.folder / "config.toml").write_text(CONFIGURATION)
    return command


def polled(folder: Path, *polls: Poll) -> None:
    with opened(folder) as store, store.transaction() as connection:
        history.append(connection, polls)


def test_it_reads_the_store_and_asks_nobody(configured: Command) -> None:
    polled(configured.folder, replace(poll("anna", 90), at=datetime.now(UTC)))
    done = configured("status")
    assert (done.returncode, done.stderr) == (0, "")
    _, _, anna, bert = done.stdout.splitlines()
    assert anna.startswith("anna     ok ")
    assert "90 %  90 B of 100 B" in anna
    assert bert.startswith("bert     never polled")
    assert not (configured.folder / "asked").exists()


def test_it_reads_beside_an_agent_that_is_writing(configured: Command) -> None:
    with opened(configured.folder) as store, store.transaction() as connection:
        history.append(connection, [poll("anna", 90)])
        done = configured("status", "--json")
    states = [each["state"] for each in json.loads(done.stdout)["mailboxes"]]
    assert (done.returncode, done.stderr, states) == (0, "", ["never_polled"] * 2)


def test_mailboxes_can_be_named_and_come_in_the_order_of_the_configuration(
    configured: Command,
) -> None:
    polled(configured.folder)
    both = json.loads(configured("status", "--json", "bert", "anna").stdout)["mailboxes"]
    assert [each["account"] for each in both] == ["anna", "bert"]
    [one] = json.loads(configured("status", "--json", "bert").stdout)["mailboxes"]
    assert one["account"] == "bert"


def test_a_name_that_no_account_has_is_status_3(configured: Command) -> None:
    polled(configured.folder)
    done = configured("status", "--json", "anne")
    line = 'mailbox-agent: no account "anne" in the configuration; did you mean "anna"?\n'
    assert (done.returncode, done.stdout, done.stderr) == (3, "", line)


def test_before_the_first_run_it_says_so_and_makes_no_store(configured: Command) -> None:
    done = configured("status")
    line = (
        "mailbox-agent: no agent has run with this configuration yet: there is no store "
        f"{configured.folder}/agent.db (its url is relative to where the agent runs)\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (4, "", line)
    assert [each.name for each in configured.folder.iterdir()] == ["config.toml"]


def test_a_store_of_a_newer_agent_is_status_4_and_one_line(configured: Command) -> None:
    polled(configured.folder)
    with sqlite3.connect(configured.folder / "agent.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    done = configured("status", "--json")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
    assert "9999" in done.stderr


def test_a_file_that_is_no_store_is_status_4_and_stays_as_it_is(configured: Command) -> None:
    file = configured.folder / "agent.db"
    file.write_bytes(b"not a database at all " * 500)
    done = configured("status")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
    assert file.read_bytes().startswith(b"not a database")
    assert len(list(configured.folder.iterdir())) == 2
