"""The running agent in trouble, as a real process."""

from __future__ import annotations

import http.server
import os
import resource
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.agent import Agent, account, configuration
from tests.support.command import Command
from tests.support.scripted import NEARLY_FULL, Line, Scripted, imap
from tests.support.webhook import HANG, Answer, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.dovecot import Dovecot

KIBIBYTE = 1024


def reference(request: dict[str, Any]) -> str:
    return str(request["message"]).rpartition("Reference: ")[2]


def test_it_stops_in_time_whatever_hangs(tmp_path: Path) -> None:
    arrived = threading.Semaphore(0)

    def talk(line: Line) -> None:
        arrived.release()
        line.stall()

    with Scripted(talk) as server:
        hung = [account(f"user{number}", server.port) for number in range(100)]
        many = configuration(tmp_path, *hung, agent='max_connections = 100\ntimeout = "10m"')
        with Agent(tmp_path, many) as agent:
            for _ in hung:
                assert arrived.acquire(timeout=30)
            assert agent.stop() == 0
            agent.ended()
            assert "poll.failed" not in "".join(agent.log)


def test_hanging_servers_do_not_keep_another_from_being_polled(tmp_path: Path) -> None:
    with Scripted(Line.stall) as hanging, Scripted(imap(NEARLY_FULL)) as well, Webhook() as hook:
        hung = [account(f"user{number}", hanging.port) for number in range(20)]
        told = configuration(tmp_path, *hung, account("anna", well.port), receiver=hook.url)
        with Agent(tmp_path, told) as agent:
            assert hook.next()["title"] == "Mailbox anna is 90 % full"
            assert agent.get("/-/healthy")[0] == 200
            assert agent.get("/-/ready")[0] == 503
            assert agent.stop() == 0


def test_killed_while_a_message_is_on_its_way_it_tells_again_with_the_same_reference(
    tmp_path: Path,
) -> None:
    with Scripted(imap(NEARLY_FULL)) as server, Webhook(HANG) as hook:
        told = configuration(tmp_path, account("anna", server.port), receiver=hook.url)
        with Agent(tmp_path, told):
            first = hook.next()
        with Agent(tmp_path, told) as agent:
            assert reference(hook.next()) == reference(first)
            agent.until("notification.sent")
            assert agent.stop() == 0
        assert hook.requests.empty()


def test_a_receiver_that_was_down_is_told_after_a_restart(tmp_path: Path) -> None:
    with Scripted(imap(NEARLY_FULL)) as server, Webhook(Answer(500)) as hook:
        told = configuration(tmp_path, account("anna", server.port), receiver=hook.url)
        with Agent(tmp_path, told) as agent:
            first = hook.next()
            agent.until("notification.failed")
            assert agent.stop() == 0
        with Agent(tmp_path, told):
            assert hook.next() == first


def test_a_full_disk_stops_neither_polls_nor_metrics_and_loses_no_alert(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    """The disk is full for this one process: a limit on the size of its files."""
    user = dovecot.add(storage=100 * KIBIBYTE)
    with Webhook() as hook:
        told = configuration(tmp_path, account(user.name, dovecot.ports.imap), receiver=hook.url)
        with Agent(tmp_path, told) as agent:
            assert agent.get("/-/healthy")[0] == 200
            _, hard = resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (4096, hard))
            dovecot.store(user, size=90 * KIBIBYTE)
            agent.until("store.unavailable")
            status, body = agent.get("/-/healthy")
            assert status == 503
            assert "store: " in body
            while f'mailbox_messages{{account="{user.name}"}} 1' not in agent.get("/metrics")[1]:
                pass
            assert hook.requests.empty()
            resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
            agent.until("store.recovered")
            assert hook.next()["title"] == f"Mailbox {user.name} is 90 % full"
            agent.until("notification.sent")
            assert agent.get("/-/healthy")[0] == 200
            assert agent.stop() == 0
        assert hook.requests.empty()
    assert sum("store.unavailable" in line for line in agent.log) == 1


def test_a_wrong_password_is_not_tried_over_and_over(dovecot: Dovecot, tmp_path: Path) -> None:
    user, other = dovecot.add(), dovecot.add()
    accounts = (
        account(user.name, dovecot.ports.imap, password="wrong"),
        account(other.name, dovecot.ports.imap),
    )
    with Agent(tmp_path, configuration(tmp_path, *accounts), level="debug") as agent:
        rejected = agent.until("login.rejected", account=user.name, times=1)
        assert rejected["next_step"].startswith("correct the user name or password")
        assert f"mailbox-agent reset {user.name}" in rejected["next_step"]
        for _ in range(4):
            agent.until("mailbox.polled", account=other.name)
        assert agent.stop() == 0
    failed = [line for line in dovecot.log().splitlines() if "auth failed" in line]
    assert sum(f"user=<{user.name}>" in line for line in failed) == 1


def test_no_secret_is_shown_anywhere(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.add(storage=100 * KIBIBYTE, password="canary-of-the-mailbox")
    dovecot.store(user, size=90 * KIBIBYTE)
    with Webhook(Answer(500)) as hook:
        receiver = f"{hook.url}/canary-of-the-hook?+X-Token=canary-of-the-header"
        accounts = (
            account(user.name, dovecot.ports.imap, password="canary-of-the-mailbox"),
            account("eve", dovecot.ports.imap, password="canary-that-is-wrong"),
        )
        told = configuration(tmp_path, *accounts, receiver=receiver)
        with Agent(tmp_path, told, level="debug") as agent:
            hook.next()
            agent.until("notification.failed")
            shown = [agent.get(page)[1] for page in ("/", "/metrics", "/-/healthy", "/-/ready")]
            shown.append(_command_line(agent.process.pid))
            assert agent.stop() == 0
        shown += agent.log
        stored = b"".join(file.read_bytes() for file in tmp_path.glob("agent.db*"))
    assert shown
    assert not [text for text in shown if "canary" in text]
    assert b"canary" not in stored


def _command_line(process: int) -> str:
    with open(f"/proc/{process}/cmdline", encoding="utf-8") as file:  # noqa: PTH123 - no path of ours
        return file.read()


class _Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=["http", "https"])
def web_server(request: pytest.FixtureRequest, dovecot: Dovecot) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Web) as server:
        server.daemon_threads = True
        if request.param == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            good = dovecot.certificates.good
            context.load_cert_chain(good.chain, good.key)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("scheme", ["imaps", "imap", "pop3s", "pop3"])
def test_a_web_server_is_told_in_time_and_with_the_next_step(
    web_server: int, scheme: str, dovecot: Dovecot, tmp_path: Path
) -> None:
    url = f"{scheme}://anna@127.0.0.1:{web_server}"
    checked = Command(tmp_path)(
        *("check", "--timeout", "1", "--ca-file", str(dovecot.certificates.ca), "--json", url),
        MAILBOX_AGENT_PASSWORD="wonderland",
    )
    assert checked.returncode == 3
    assert '"status": "failed"' in checked.stdout
    assert "wonderland" not in checked.stdout + checked.stderr
    assert os.linesep not in checked.stderr.strip()
