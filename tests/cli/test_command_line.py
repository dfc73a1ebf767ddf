from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.command import ROOT

if TYPE_CHECKING:
    from tests.support.command import Command

HEAVY = {"alembic", "apprise", "apscheduler", "pydantic_settings", "sqlalchemy", "starlette"}

WRONG = {
    (): "mailbox-agent: Missing command. (see mailbox-agent --help)",
    ("check", "--bogus"): "mailbox-agent check: No such option: --bogus "
    "(see mailbox-agent check --help)",
    ("check",): "mailbox-agent: no configuration: give --config FILE, set MAILBOX_AGENT_CONFIG, "
    "or write ./config.toml",
    ("check", "anna"): "mailbox-agent: no configuration: give --config FILE, set "
    "MAILBOX_AGENT_CONFIG, or write ./config.toml",
    ("check", "imaps://anna@127.0.0.1"): "mailbox-agent: no password for "
    "imaps://anna@127.0.0.1:993: give --password-file FILE or set MAILBOX_AGENT_PASSWORD",
    ("check", "--password-file", "x", "--config", "y"): "mailbox-agent: --password-file is for "
    "URLs, and none is given",
    ("healthcheck", "--url", "ftp://x"): "mailbox-agent: --url needs a form such as "
    "http://127.0.0.1:9143",
}


@pytest.mark.parametrize(("arguments", "line"), WRONG.items())
def test_a_wrong_command_line_is_one_line_and_nothing_on_stdout(
    command: Command, arguments: tuple[str, ...], line: str
) -> None:
    done = command(*arguments)
    status = 1 if "healthcheck" in arguments else 3
    assert (done.returncode, done.stdout, done.stderr) == (status, "", line + "\n")


@pytest.mark.parametrize(
    "arguments",
    [("check", "--timeout", "0", "x"), ("run", "--log-level", "loud"), ("chek",)],
)
def test_a_wrong_value_is_one_line_with_the_way_to_help(
    command: Command, arguments: tuple[str, ...]
) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "--help)" in done.stderr


def test_a_password_in_a_url_is_refused_and_not_repeated(command: Command) -> None:
    done = command("check", "imaps://anna:hunter2@127.0.0.1")
    assert (done.returncode, done.stdout) == (3, "")
    assert "process list" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    "name", ["", "check", "run", "validate", "schema", "healthcheck", "status", "reset"]
)
def test_help_loads_nothing_heavy(name: str) -> None:
    script = (
        "import sys; from agent.cli.main import answer; "
        "answer([*sys.argv[1:], '--help']); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *name.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Usage: mailbox-agent" in done.stdout
    assert not HEAVY & {module.split(".")[0] for module in done.stderr.split()}
