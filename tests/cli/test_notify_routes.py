"""`notify routes`: the command as a process, and what it prints at a certain time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.cli.notify_table import render
from agent.config.load import load
from agent.notify.prospects import prospects

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Command

CONFIGURATION = """
[agent]
timezone = "Europe/Berlin"

[alerts]
quiet_hours = "22:00-07:00"
forecast = "off"

[[accounts]]
name = "anna"
protocol = "imap"
server = "mail.example.com"
username = "anna@example.com"
password = "wonderland"
limit = "1 GiB"
owner_second = "anna@example.net"

[[accounts]]
name = "bert"
protocol = "imap"
server = "mail.example.com"
username = "bert"
password = "wonderland"

[[receivers]]
name = "ops"
type = "apprise"
url = "json://agent:wonderland@127.0.0.1/wonderland?token=wonderland"

[[receivers]]
name = "pager"
type = "apprise"
quiet_hours = []
min_severity = "critical"
send_resolved = false
[receivers.target]
schema = "json"
host = "127.0.0.1"
password = "wonderland"

[[receivers]]
name = "owners"
type = "owner"
url = "mailtos://agent:wonderland@smtp.example.com"

[[routes]]
receivers = ["owners", "pager"]
match = { rule = "usage" }

[[routes]]
receivers = ["ops"]
match = { account = "anna", min_severity = "warning" }

[[silences]]
match = { rule = "poll" }
until = 2126-01-01T00:00:00
comment = "moving"
"""
TABLE = """\
If it began now, Thu 2026-01-08 00:00 Europe/Berlin:

Alert        Severity  Route  Told                                                      When
usage        warning   1      owners (anna@example.com, from 95 % on anna@example.net)  Thu \
2026-01-08 07:00 (quiet hours)
usage        critical  1      pager                                                     at once, \
but not of its end
usage        critical  1      owners (anna@example.com, from 95 % on anna@example.net)  at once
poll         warning   2      ops                                                       Tue \
2126-01-01 07:00 (silence 1: moving, quiet hours)
login        warning   2      ops                                                       Thu \
2026-01-08 07:00 (quiet hours)
stale        warning   2      ops                                                       Thu \
2026-01-08 07:00 (quiet hours)
certificate  warning   2      ops                                                       Thu \
2026-01-08 07:00 (quiet hours)
certificate  critical  2      ops                                                       at once
server       critical  2      ops                                                       at once
agent        critical  2      ops                                                       at once"""


def test_the_table_says_who_is_told_what_and_when(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(CONFIGURATION)
    settings = load(file)
    now = datetime(2026, 1, 7, 23, tzinfo=UTC)
    anna, bert = settings.accounts
    assert render(prospects(settings, anna, now), settings, now) == TABLE
    lines = render(prospects(settings, bert, now), settings, now).splitlines()
    assert any("owners (no address is known)" in line for line in lines)
    assert ["server", "critical", "-", "nobody"] in [line.split() for line in lines]


def test_a_program_reads_the_same_without_any_secret(tmp_path: Path, command: Command) -> None:
    (tmp_path / "config.toml").write_text(CONFIGURATION)
    (tmp_path / "config.toml").chmod(0o600)
    whole = command("notify", "routes", "anna", "--json")
    poll = command("notify", "routes", "anna", "--rule", "poll", "--json")
    assert (poll.returncode, poll.stderr) == (0, "")
    document = json.loads(poll.stdout)
    assert document.pop("at") <= datetime.now(UTC).isoformat()
    assert document == {
        "version": 1,
        "account": "anna",
        "alerts": [
            {
                "rule": "poll",
                "severity": "warning",
                "route": 2,
                "silence": 1,
                "comment": "moving",
                "silenced_until": "2125-12-31T23:00:00+00:00",
                "told": [
                    {
                        "receiver": "ops",
                        "at": "2126-01-01T06:00:00+00:00",
                        "quiet_hours": True,
                        "send_resolved": True,
                        "addresses": None,
                        "second_address": None,
                    }
                ],
            }
        ],
    }
    critical = command("notify", "routes", "anna", "--severity", "critical", "--json")
    expected = [
        each for each in json.loads(whole.stdout)["alerts"] if each["severity"] == "critical"
    ]
    assert [each["rule"] for each in json.loads(critical.stdout)["alerts"]] == [
        each["rule"] for each in expected
    ]
    assert "wonderland" not in whole.stdout + command("notify", "routes", "anna").stdout


def test_what_is_not_there_is_told_in_one_line(tmp_path: Path, command: Command) -> None:
    (tmp_path / "config.toml").write_text(CONFIGURATION)
    for arguments, line in [
        (("routes", "ana"), 'no account "ana" in the configuration; did you mean "anna"?'),
        (("routes", "anna", "--rule", "pol"), None),
        ((), None),
    ]:
        result = command("notify", *arguments)
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (3, "", 1)
        if line:
            assert result.stderr == f"mailbox-agent: {line}\n"
        else:
            assert "must be one of" in result.stderr or "Missing command" in result.stderr
