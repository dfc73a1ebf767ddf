"""Logins by OAuth2, by the running agent on a real server: tokens rotate, end, and stay secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.agent import Agent, account, configuration
from tests.support.command import Command
from tests.support.provider import Provider
from tests.support.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.dovecot import Dovecot, User

PAGES = ("/", "/metrics", "/-/healthy", "/-/ready")
LOGIN = """oauth2 = {{ client_id = "agent", client_secret = "canary-of-the-client", \
token_url = "{address}/token", device_url = "{address}/device"{more} }}"""


@pytest.fixture
def anna(dovecot: Dovecot) -> User:
    return dovecot.add()


@pytest.fixture
def provider(anna: User) -> Iterator[Provider]:
    """One that takes each refresh token once only, and whose access tokens end at once."""
    with Provider(anna.name, lifetime=1, rotates=True) as served:
        yield served


def by_token(
    user: User, port: int, provider: Provider, name: str = "", protocol: str = "imap", **keys: str
) -> str:
    """The table of an account that logs in by OAuth2."""
    more = "".join(f', {key} = "{value}"' for key, value in keys.items())
    login = LOGIN.format(address=provider.address, more=more)
    table = account(name or user.name, port, protocol=protocol, username=user.name)
    return table.replace('password = "wonderland"', login)


def command(folder: Path, *arguments: str) -> str:
    done = Command(folder)(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_tokens_that_rotate_are_never_lost_and_never_shown(
    dovecot: Dovecot, anna: User, provider: Provider, tmp_path: Path
) -> None:
    """Not by an agent that runs, nor by one that is killed, nor by `check` beside it."""
    gone = {"refresh_token": "canary-that-was-revoked"}
    told = configuration(
        tmp_path,
        by_token(anna, dovecot.ports.imap, provider, refresh_token=provider.consent()),
        by_token(anna, dovecot.ports.pop3, provider, "gone", protocol="pop3", **gone),
    )
    shown = []
    for _ in range(2):
        with Agent(tmp_path, told, level="debug") as agent:
            for _ in range(2):
                agent.until("mailbox.polled", account=anna.name)
            shown.append(command(tmp_path, "check", anna.name))
            for _ in range(2):
                agent.until("mailbox.polled", account=anna.name)
            shown += [agent.get(page)[1] for page in PAGES]
            with open(f"/proc/{agent.process.pid}/cmdline") as line:  # noqa: PTH123  no file of ours
                shown.append(line.read())
        shown += agent.log
        assert not [line for line in agent.log if "rejected" in line and anna.name in line]
    used = [form["refresh_token"] for form in provider.requests("refresh_token")]
    used.remove(gone["refresh_token"])
    assert len(used) == len(set(used)) >= 6
    assert "invalid_grant" in "".join(shown)
    assert not [text for text in shown if "canary" in text]
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("agent.db*") if file.is_file())
    assert stored
    assert b"canary" not in stored


def test_a_consent_that_ends_is_told_once_and_a_new_one_is_enough(
    dovecot: Dovecot, anna: User, provider: Provider, tmp_path: Path
) -> None:
    bert = dovecot.add()
    provider.consented_by = None
    with Webhook() as hook:
        told = configuration(
            tmp_path,
            by_token(anna, dovecot.ports.imap, provider),
            account(bert.name, dovecot.ports.imap),
            receiver=hook.url,
        )
        (tmp_path / "config.toml").write_text(told)
        assert "consented" in command(tmp_path, "login", anna.name)
        with Agent(tmp_path, told, level="debug") as agent:
            agent.until("mailbox.polled", account=anna.name)
            provider.revoke(consents=True)
            rejected = agent.until("login.rejected", account=anna.name)
            assert "invalid_grant" in rejected["detail"]
            assert f"mailbox-agent login {anna.name}" in rejected["next_step"]
            assert hook.next()["title"] == f"The login of mailbox {anna.name} is rejected"
            asked = len(provider.requests())
            for _ in range(3):  # the same server goes on, and the provider is left alone
                agent.until("mailbox.polled", account=bert.name)
            assert len(provider.requests()) == asked
            document = json.loads(command(tmp_path, "status", "--json"))
            assert states(document) == {anna.name: "quarantined", bert.name: "ok"}
            assert document["paused_servers"] == []

            command(tmp_path, "login", anna.name)
            agent.until("poll.recovered", account=anna.name)
            assert hook.next()["title"] == f"Mailbox {anna.name} can be read again"
            assert agent.stop() == 0
        assert hook.requests.empty()


def states(document: dict[str, Any]) -> dict[str, str]:
    return {mailbox["account"]: mailbox["state"] for mailbox in document["mailboxes"]}
