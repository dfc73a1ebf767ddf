"""Rejected logins, by the running agent on a real server: few tries, one alert, and the way out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.agent import Agent, account, configuration
from tests.support.command import Command
from tests.support.webhook import Webhook

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.dovecot import Dovecot, User

RIGHT, WRONG = "canary-that-is-right", "canary-that-is-wrong"
SEVERAL = 3  # intervals


@pytest.fixture
def other(dovecot: Dovecot) -> User:
    """A mailbox of another server, whose polls are the clock of the test."""
    return dovecot.add()


def clock(dovecot: Dovecot, other: User) -> str:
    return account(other.name, dovecot.ports.pop3, protocol="pop3", limit="1 GiB")


def pass_intervals(agent: Agent, other: User) -> None:
    for _ in range(SEVERAL):
        agent.until("mailbox.polled", account=other.name)


def guarded(dovecot: Dovecot, user: User, folder: Path, password: str) -> str:
    """The account of a user, with this password in a file."""
    secret(folder, user, password)
    given = f'password_file = "{folder / user.name}.secret"'
    return account(user.name, dovecot.ports.imap).replace('password = "wonderland"', given)


def secret(folder: Path, user: User, password: str) -> None:
    file = folder / f"{user.name}.secret"
    file.write_text(password)
    file.chmod(0o600)


def rejections(dovecot: Dovecot, user: User) -> int:
    """How many rejected logins of a user have reached the server."""
    lines = dovecot.log().splitlines()
    return sum("auth failed" in line and f"user=<{user.name}>" in line for line in lines)


def command(folder: Path, *arguments: str) -> str:
    """What a command prints; it must succeed and have nothing to complain of."""
    done = Command(folder)(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def status(folder: Path) -> dict[str, Any]:
    """The document of `status`, its mailboxes by their names."""
    document: dict[str, Any] = json.loads(command(folder, "status", "--json"))
    by_name = {mailbox["account"]: mailbox for mailbox in document["mailboxes"]}
    return document | {"mailboxes": by_name}


def states(folder: Path, *users: User) -> list[str]:
    mailboxes = status(folder)["mailboxes"]
    return [mailboxes[user.name]["state"] for user in users]


def series(agent: Agent, name: str, user: User) -> list[str]:
    """An account's lines of this name on the metrics page."""
    page = agent.get("/metrics")[1].splitlines()
    return [line for line in page if line.startswith(f'{name}{{account="{user.name}"')]


def test_a_rejected_login_is_tried_and_told_once_whatever_happens(
    dovecot: Dovecot, other: User, tmp_path: Path
) -> None:
    anna = dovecot.add(password=RIGHT)
    quarantined = [f'mailbox_login_quarantined{{account="{anna.name}"}} 1']
    with Webhook() as hook:
        told = configuration(
            tmp_path,
            guarded(dovecot, anna, tmp_path, WRONG),
            clock(dovecot, other),
            receiver=hook.url,
        )
        with Agent(tmp_path, told, level="debug") as agent:
            agent.until("login.rejected", account=anna.name, times=1)
            messages = [hook.next()]
            agent.until("notification.sent")
            pass_intervals(agent, other)
            assert rejections(dovecot, anna) == 1
            assert series(agent, "mailbox_login_quarantined", anna) == quarantined
            [firing] = series(agent, "mailbox_alert_firing", anna)
            assert 'rule="login"' in firing
            shown = [command(tmp_path, "status")]
        # It was killed: what is shown now is what was written down.
        mailbox = status(tmp_path)["mailboxes"][anna.name]
        assert (mailbox["state"], mailbox["quarantine"]["rejections"]) == ("quarantined", 1)
        assert [each["rule"] for each in mailbox["alerts"]] == ["login"]
        shown += [*agent.log, command(tmp_path, "status")]
        assert f"mailbox-agent reset {anna.name}" in shown[0]
        assert f"mailbox-agent reset {anna.name}" in shown[-1]
        with Agent(tmp_path, told, level="debug") as agent:
            pass_intervals(agent, other)
            assert agent.get("/-/ready")[0] == 200
            assert series(agent, "mailbox_login_quarantined", anna) == quarantined
            assert rejections(dovecot, anna) == 1

            shown.append(command(tmp_path, "reset", anna.name))
            agent.until("login.rejected", account=anna.name, times=1)
            pass_intervals(agent, other)
            assert rejections(dovecot, anna) == 2
            assert states(tmp_path, anna, other) == ["quarantined", "ok"]
            assert hook.requests.empty()

            secret(tmp_path, anna, RIGHT)
            agent.until("poll.recovered", account=anna.name, after="auth")
            messages.append(hook.next())
            pass_intervals(agent, other)
            assert series(agent, "mailbox_login_quarantined", anna) == []
            assert series(agent, "mailbox_alert_firing", anna) == []
            assert states(tmp_path, anna, other) == ["ok", "ok"]
            shown += [agent.get(page)[1] for page in ("/", "/metrics", "/-/healthy", "/-/ready")]
            assert agent.stop() == 0
            agent.ended()
        assert hook.requests.empty()
    titles = [message["title"] for message in messages]
    assert titles == [
        f"The login of mailbox {anna.name} is rejected",
        f"Mailbox {anna.name} can be read again",
    ]
    shown += [*agent.log, *map(str, messages)]
    assert not [text for text in shown if "canary" in text]
    assert not [file for file in tmp_path.glob("agent.db*") if b"canary" in file.read_bytes()]


def test_a_server_that_rejected_two_logins_is_left_alone_until_one_is_reset(
    dovecot: Dovecot, other: User, tmp_path: Path
) -> None:
    anna, bert, carl = (dovecot.add(password=RIGHT) for _ in range(3))
    server = f"127.0.0.1:{dovecot.ports.imap}"
    told = configuration(
        tmp_path,
        guarded(dovecot, anna, tmp_path, WRONG),
        guarded(dovecot, bert, tmp_path, WRONG),
        guarded(dovecot, carl, tmp_path, RIGHT),
        clock(dovecot, other),
        agent="max_connections = 1",  # so that carl's turn comes after theirs
    )
    with Agent(tmp_path, told, level="debug") as agent:
        agent.until("server.paused", server=server)
        pass_intervals(agent, other)
        assert f"user=<{carl.name}>" not in dovecot.log()
        assert agent.get("/-/ready")[0] == 200
        [pause] = status(tmp_path)["paused_servers"]
        assert (pause["server"], pause["rejected_accounts"]) == (server, [anna.name, bert.name])
        assert states(tmp_path, anna, carl) == ["quarantined", "never_polled"]
        assert f"{server}: paused until" in command(tmp_path, "status", carl.name)

        secret(tmp_path, anna, RIGHT)
        pass_intervals(agent, other)
        assert f"user=<{carl.name}>" not in dovecot.log()
        assert "paused" not in command(tmp_path, "reset", anna.name)
        agent.until("mailbox.polled", account=carl.name)
        pass_intervals(agent, other)
        assert states(tmp_path, anna, bert, carl) == ["ok", "quarantined", "ok"]
        assert not status(tmp_path)["paused_servers"]
        assert agent.stop() == 0
    assert (rejections(dovecot, anna), rejections(dovecot, bert)) == (1, 1)
