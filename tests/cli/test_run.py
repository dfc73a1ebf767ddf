from __future__ import annotations

import signal
import socket
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from agent.store import Store

if TYPE_CHECKING:
    from tests.support.command import Command

ACCOUNT = """
[[accounts]]
name = "anna"
protocol = "imap"
server = "127.0.0.1:1"
username = "anna"
password = "x"
"""


def configure(command: Command, listen: str = "127.0.0.1:0") -> None:
    file = command.folder / "config.toml"
    file.write_text(f'[web]\nlisten = "{listen}"\n{ACCOUNT}')
    file.chmod(0o600)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_until_it_is_told_to_stop(command: Command, number: signal.Signals) -> None:
    configure(command)
    process = command.start("run", "--log-format", "json", stdout=subprocess.PIPE)
    assert process.stderr
    while "agent.started" not in (line := process.stderr.readline()):
        assert line, "it ended before it started"
    process.send_signal(number)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (0, "")
    assert "agent.stopped" in errors


def test_a_store_that_another_agent_holds_is_status_4_and_one_line(command: Command) -> None:
    configure(command)
    store = Store(f"sqlite:///{command.folder}/agent.db")
    store.open()
    with closing(store):
        done = command("run")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
    assert "another agent" in done.stderr


def test_an_address_in_use_is_status_5_and_one_line(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        configure(command, address)
        done = command("run")
    line = f"mailbox-agent: cannot listen on {address}: Address already in use\n"
    assert (done.returncode, done.stdout, done.stderr) == (5, "", line)


def test_every_problem_of_the_configuration_is_told_and_is_status_3(command: Command) -> None:
    (command.folder / "config.toml").write_text("[agent]\ntimout = 1\n")
    done = command("run")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines() == [
        'mailbox-agent: config.toml: [agent]: unknown key "timout"; did you mean "timeout"?',
        "mailbox-agent: config.toml: has no account; write at least one [[accounts]] table",
    ]


@pytest.mark.parametrize("name", ["check", "run"])
def test_a_password_that_others_can_read_is_warned_of(command: Command, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:  # so that `run` ends at once
        configure(command, f"127.0.0.1:{taken.getsockname()[1]}")
        (command.folder / "config.toml").chmod(0o644)
        done = command(name)
    assert "config.toml" in done.stderr.splitlines()[0]
    assert "warning" in done.stderr.splitlines()[0]


def test_a_wrong_web_configuration_is_status_3_and_one_line(command: Command) -> None:
    (command.folder / "web.yml").write_text("basic_auth_users: {alice: wonderland}")
    configure(command)
    file = command.folder / "config.toml"
    file.write_text(file.read_text().replace("[web]", '[web]\nconfig_file = "web.yml"'))
    done = command("run")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f'mailbox-agent: {command.folder}/web.yml: basic_auth_users: user "alice": needs a bcrypt '
        'hash, as "htpasswd -nB" makes it\n'
    )
