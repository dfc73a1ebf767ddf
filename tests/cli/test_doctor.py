from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from agent.cli.hints import next_step
from agent.config.load import account_from_url
from agent.config.secrets import Secret
from agent.model import Failure, FailureKind
from tests.support.command import ROOT
from tests.support.scripted import Line, Scripted, imap

if TYPE_CHECKING:
    from tests.support.command import Command
    from tests.support.dovecot import Dovecot

SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/doctor.schema.json").read_text()))
WAY = ["Name resolution", "Connection", "TLS", "Greeting", "Login methods", "Login"]
BY_STARTTLS = ["Name resolution", "Connection", "Greeting", "STARTTLS", "TLS", *WAY[4:]]
FIGURES = ["Quota", "Folders", "Size"]


def examined(command: Command, *asked: str, password: str = "wonderland") -> dict[str, Any]:
    """The document about one mailbox."""
    done = command("doctor", "--json", *asked, MAILBOX_AGENT_PASSWORD=password)
    document = json.loads(done.stdout)
    SCHEMA.validate(document)
    (mailbox,) = document["mailboxes"]
    assert done.returncode == (0 if mailbox["readable"] else 3)
    found: dict[str, Any] = mailbox
    return found


def steps(mailbox: dict[str, Any]) -> list[str]:
    return [step["step"] for step in mailbox["steps"]]


def detail(mailbox: dict[str, Any], step: str) -> str:
    (found,) = (each["detail"] for each in mailbox["steps"] if each["step"] == step)
    return str(found)


@pytest.mark.parametrize(
    ("scheme", "service", "way"), [("imaps", "imaps", WAY), ("imap", "imap", BY_STARTTLS)]
)
def test_every_step_up_to_the_sizes_is_told_in_its_order(
    command: Command, dovecot: Dovecot, scheme: str, service: str, way: list[str]
) -> None:
    user = dovecot.add(storage=1024 * 1024)
    dovecot.store(user, messages=2, size=100_000)
    url = f"{scheme}://{user.name}@127.0.0.1:{getattr(dovecot.ports, service)}"
    mailbox = examined(command, "--ca-file", str(dovecot.certificates.ca), url)
    assert steps(mailbox) == [*way, *FIGURES]
    assert {step["state"] for step in mailbox["steps"]} == {"ok"}
    assert detail(mailbox, "TLS").startswith("TLSv1.3; certificate for localhost, ")
    assert detail(mailbox, "Quota") == '"User quota": 196.0 KiB of 1.0 MiB (19 %)'
    assert detail(mailbox, "Size") == "195.3 KiB, told by the server"
    assert mailbox["not_measured"] == []
    assert "QUOTA" in mailbox["capabilities"]


def test_sizes_that_are_added_up_are_said_to_be(command: Command, dovecot: Dovecot) -> None:
    user = dovecot.add(storage=1024 * 1024)
    dovecot.store(user, messages=2, size=100_000)
    url = f"imap://{user.name}@{dovecot.poor}:{dovecot.ports.imap}?tls=none"
    mailbox = examined(command, url)
    assert detail(mailbox, "Size").startswith("195.3 KiB, added up from the messages")
    assert detail(mailbox, "TLS") == "none: the password crosses the network in the clear"


def test_what_pop3_cannot_tell_is_said_with_the_way_out(command: Command, dovecot: Dovecot) -> None:
    user = dovecot.add(storage=1024 * 1024)
    url = f"pop3s://{user.name}@127.0.0.1:{dovecot.ports.pop3s}"
    mailbox = examined(command, "--ca-file", str(dovecot.certificates.ca), url)
    assert steps(mailbox) == [*WAY, "Quota", "Size"]
    assert mailbox["measured"] == ["size", "messages"]
    assert mailbox["not_measured"] == ["usage", "forecast (after two days)"]
    assert mailbox["next_step"].startswith('set limit = "2 GiB"')


def test_a_rejected_login_is_the_last_step_and_is_tried_once(command: Command) -> None:
    refusal = {b"LOGIN": b"<tag> NO [AUTHENTICATIONFAILED] no\r\n"}
    with Scripted(imap(refusal)) as server:
        mailbox = examined(command, f"imap://anna@127.0.0.1:{server.port}?tls=none")
        assert sum(b"LOGIN" in line for line in server.heard) == 1
    assert steps(mailbox)[-1] == "Login"
    assert mailbox["steps"][-1]["state"] == "failed"
    assert "check user name and password" in mailbox["next_step"]


@pytest.mark.parametrize(
    ("url", "last", "next_step"),
    [
        ("imaps://anna@nosuch.invalid", "Name resolution", "check the spelling"),
        ("imaps://anna@127.0.0.1:9", "Connection", "check host and port"),
        ("imap://anna@127.0.0.1:9?password_file=none", "Secret", "correct the account"),
    ],
)
def test_what_fails_before_anything_is_said_is_the_last_step(
    command: Command, url: str, last: str, next_step: str
) -> None:
    mailbox = examined(command, url)
    assert steps(mailbox)[-1] == last
    assert mailbox["next_step"].startswith(next_step)


def test_a_certificate_that_is_not_trusted_ends_before_the_greeting(
    command: Command, dovecot: Dovecot
) -> None:
    mailbox = examined(command, f"imaps://anna@127.0.0.1:{dovecot.ports.imaps}")
    assert steps(mailbox) == ["Name resolution", "Connection", "TLS"]
    assert "certificate authority of your own" in mailbox["next_step"]


def test_a_server_that_says_nothing_is_left_at_its_greeting(command: Command) -> None:
    with Scripted(Line.stall) as server:
        url = f"imap://anna@127.0.0.1:{server.port}?tls=none"
        mailbox = examined(command, "--timeout", "0.5", url)
    assert steps(mailbox)[-1] == "Greeting"


def test_people_read_a_line_a_step_and_what_to_do_next(command: Command) -> None:
    with Scripted(imap({b"LOGIN": b"<tag> NO [AUTHENTICATIONFAILED] \x1b[31mno\r\n"})) as server:
        url = f"imap://anna@127.0.0.1:{server.port}?tls=none"
        done = command("doctor", url, MAILBOX_AGENT_PASSWORD="wonderland", PYTHONIOENCODING="utf-8")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == url.removesuffix("?tls=none")
    assert any(line.startswith("Connection ✓ ok") for line in lines)
    assert any(line.startswith("Login ") and "failed" in line for line in lines)
    assert lines[-1].startswith("Next: check user name and password")
    assert "\x1b" not in done.stdout


def test_the_advice_is_that_of_the_provider_whose_server_it_is() -> None:
    account = account_from_url("imaps://anna@outlook.office365.com", Secret(value="x"))
    advice = next_step(account, Failure(FailureKind.AUTH, "login refused"))
    assert advice.startswith("Microsoft takes no passwords, app passwords included: use OAuth2")
