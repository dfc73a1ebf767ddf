"""`notify test`: real webhooks that accept, fail, hang, or are not there."""

from __future__ import annotations

import socket
import socketserver
import subprocess
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from agent.cli.notify_trial import results, trials
from agent.config.receivers import AppriseReceiver
from tests.support.webhook import DRIP, HANG, RESET, Answer, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.command import Command

# Apprise imports a module that Python 3.13 drops, through one of its own dependencies.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

OWNERS = """
[[receivers]]
name = "owners"
type = "owner"
url = "mailto://example.com:{port}?smtp=127.0.0.1&from=agent@example.com"
"""
ACCOUNT = """
[[accounts]]
name = "{name}"
protocol = "imap"
server = "mail.example.com"
username = "{name}"
password = "wonderland"
"""


def receiver(name: str, url: str) -> str:
    return f'[[receivers]]\nname = "{name}"\ntype = "apprise"\nurl = "{url}"\n'


def configure(command: Command, *tables: str) -> None:
    file = command.folder / "config.toml"
    file.write_text("\n".join((ACCOUNT.format(name="anna"), *tables)))
    file.chmod(0o600)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def outcome(name: str, hook: Webhook, seconds: float = 60.0) -> tuple[str, bool]:
    one = AppriseReceiver(name=name, type="apprise", url=hook.url)
    [result] = results(trials([one], None), seconds)
    return result.line, result.accepted


def test_every_receiver_that_accepts_is_told_that_it_is_a_test(command: Command) -> None:
    with Webhook() as one, Webhook() as two, Webhook() as other:
        tables = [receiver(f"hook{n}", hook.url) for n, hook in enumerate((one, two, other))]
        configure(command, *tables)
        done = command("notify", "test", "hook0", "hook1")
        assert (done.returncode, done.stderr) == (0, "")
        assert sorted(done.stdout.splitlines()) == ["hook0/0: accepted", "hook1/0: accepted"]
        assert other.requests.empty()
        message: dict[str, Any] = one.next()
        assert message["title"] == "Test from mailbox-agent"
        assert 'This is a test of the receiver "hook0"' in message["message"]
        assert "It is no alert" in message["message"]
        assert one.requests.empty()
    assert [each.name for each in command.folder.iterdir()] == ["config.toml"]


def test_what_was_not_accepted_is_said_in_safe_words(command: Command) -> None:
    with Webhook() as fine, Webhook(Answer(500)) as broken, Webhook(Answer(410)) as gone:
        secret = f"json://agent:wonderland@127.0.0.1:{closed_port()}/wonderland?wonder=land"
        configure(
            command,
            receiver("fine", fine.url),
            receiver("broken", broken.url),
            receiver("gone", gone.url),
            receiver("nowhere", secret),
            receiver("unknown", "wonderland://wonderland"),
            '[[receivers]]\nname = "missing"\ntype = "apprise"\nurl_file = "missing.secret"\n',
        )
        done = command("notify", "test")
    assert (done.returncode, done.stderr) == (2, "")
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert lines.pop("missing/0").startswith("not accepted: url_file ")
    assert lines == {
        "fine/0": "accepted",
        "broken/0": "not accepted: HTTP 500 Internal Server Error",
        "gone/0": "refused: HTTP 410 Gone",
        "nowhere/0": "not accepted: the connection failed or broke",
        "unknown/0": "not accepted: is no URL of a service that Apprise knows",
    }
    assert "wonderland" not in done.stdout


def test_a_wait_that_is_asked_for_is_told() -> None:
    with Webhook(Answer(429, {"Retry-After": "30"})) as hook:
        line = "not accepted: HTTP 429 Too Many Requests; asks to be left alone for 30 s"
        assert outcome("ops", hook) == (f"ops/0: {line}", False)


@pytest.mark.parametrize("trouble", [HANG, DRIP])
def test_one_that_hangs_is_given_up_in_time(trouble: Any) -> None:
    with Webhook(trouble) as hook:
        assert outcome("ops", hook, 0.3) == ("ops/0: not accepted: no answer within 0.3 s", False)


def test_a_connection_that_breaks_is_not_accepted() -> None:
    with Webhook(RESET) as hook:
        assert outcome("ops", hook) == (
            "ops/0: not accepted: the connection failed or broke",
            False,
        )


def test_one_that_hangs_holds_up_no_other(command: Command) -> None:
    with Webhook(HANG) as slow, Webhook() as fast:
        configure(command, receiver("slow", slow.url), receiver("fast", fast.url))
        process = command.start("notify", "test", stdout=subprocess.PIPE)
        assert process.stdout
        assert process.stdout.readline() == "fast/0: accepted\n"
        slow.next()
        slow.release.set()
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, "slow/0: accepted\n", "")


def test_every_target_of_a_receiver_is_tested_on_its_own(command: Command) -> None:
    target = 'target = { schema = "mailtos", host = "127.0.0.1", port = %d, targets = %s }'
    to = '["anna@example.com", "bert@example.com"]'
    table = '[[receivers]]\nname = "mail"\ntype = "apprise"\n' + target % (closed_port(), to)
    configure(command, table)
    done = command("notify", "test")
    assert done.returncode == 2
    assert sorted(line.partition(":")[0] for line in done.stdout.splitlines()) == [
        "mail/0",
        "mail/1",
    ]


class Smtp(socketserver.StreamRequestHandler):
    """Accepts every mail; the server's `heard` has all lines."""

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        in_data = False
        for line in self.rfile:
            self.server.heard.append(line.strip().decode())  # type: ignore[attr-defined]  # below
            begins = not in_data and line.lower() == b"data\r\n"
            in_data = begins or (in_data and line != b".\r\n")
            if begins:
                self.wfile.write(b"354 go on\r\n")
            elif not in_data:
                self.wfile.write(b"250 fine\r\n")


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    heard: list[str] = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp) as server:
        vars(server)["heard"] = heard
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1], heard
        server.shutdown()


def test_the_owner_of_the_mailbox_that_is_named_is_told_at_every_address(command: Command) -> None:
    second = 'owner_second = "anna@example.net"'
    account = f"{ACCOUNT.format(name='anna@example.com')}{second}"
    with mail_server() as (port, heard):
        configure(command, account, OWNERS.format(port=port))
        done = command("notify", "test", "--account", "anna@example.com")
    assert (done.returncode, done.stderr) == (0, "")
    addresses = ["anna@example.com", "anna@example.net"]
    assert sorted(done.stdout.splitlines()) == [f"owners/{each}: accepted" for each in addresses]
    recipients = [line.lower() for line in heard if line.lower().startswith("rcpt to:")]
    assert sorted(recipients) == [f"rcpt to:<{each}>" for each in addresses]
    assert heard.count("Auto-Submitted: auto-generated") == 2


def test_without_a_mailbox_or_its_address_no_owner_is_told(command: Command) -> None:
    with mail_server() as (port, heard):
        configure(command, OWNERS.format(port=port))
        for arguments, line in [
            ((), "owners: not tested: it tells owners; give --account NAME to tell one of them"),
            (("--account", "anna"), "owners: not tested: no address of the owner of anna is known"),
        ]:
            done = command("notify", "test", *arguments)
            assert (done.returncode, done.stdout, done.stderr) == (2, f"{line}\n", "")
    assert heard == []


def test_what_is_not_configured_is_status_3(command: Command) -> None:
    configure(command, receiver("ops", "json://127.0.0.1:1"))
    for arguments, line in [
        (("opps",), 'no receiver "opps" in the configuration; did you mean "ops"?'),
        (("--account", "ana"), 'no account "ana" in the configuration; did you mean "anna"?'),
    ]:
        done = command("notify", "test", *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (3, "", f"mailbox-agent: {line}\n")
    configure(command)
    done = command("notify", "test")
    line = "mailbox-agent: there is no receiver in the configuration\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", line)
