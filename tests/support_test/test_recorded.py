"""What an agent must not send fails the tests, from wherever it is heard."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.recorded import Dialogue, shown
from tests.support.scripted import NEARLY_FULL, Scripted, imap

ROOT = Path(__file__).parents[2]

READING = {
    "imap": [
        b"A0 CAPABILITY",
        b'A1 LOGIN "anna" "wonder{3}"',
        b'A2 ID ("name" "mailbox-agent")',
        b'A3 LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UNSEEN SIZE))',
        b'A4 XLIST "" "*"',
        b'A5 EXAMINE "Sent"',
        b"A6 FETCH 1:* (UID RFC822.SIZE)",
        b"A7 UID FETCH 7:9,12 (UID RFC822.SIZE)",
        b"A8 UID SEARCH UID 1:500",
        b"A9 NOOP",
        b"A10 LOGOUT",
    ],
    "pop3": [b"CAPA", b"USER anna", b"PASS a b{3}", b"STAT", b"UIDL", b"UIDL 7", b"QUIT"],
}
CHANGING = {
    "imap": [
        b"A1 SELECT INBOX",
        b"A1 STORE 1 +FLAGS (\\Deleted)",
        b"A1 EXPUNGE",
        b"A1 CLOSE",
        b"A1 FETCH 1:* (UID RFC822.SIZE BODY[])",
        b"A1 FETCH 1:* BODY[]",
        b"A1 UID SEARCH UNSEEN",
        b"A1 UID STORE 1 FLAGS ()",
        b"A1 EXAMINE {5}",
        b"A1 LIST {3+}",
        b"A1 login a b",
        b"A1 NOOP \0",
        b"A1 NOOP\nA2 DELETE INBOX",
        b"DELETE INBOX",
        b"QUJD",
        b"",
    ],
    "pop3": [b"RETR 1", b"DELE 1", b"TOP 1 0", b"RSET", b"LIST", b"stat", b"QUJDREVG", b""],
}
FIRST = {"imap": b"A0 NOOP", "pop3": b"CAPA"}


def reported(*lines: bytes) -> list[str]:
    """What is reported of one connection's lines."""
    reports: list[str] = []
    dialogue = Dialogue("here", reports.append)
    for line in lines:
        dialogue.hear(line + b"\r\n")
    return reports


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_reading_commands_are_not_reported(protocol: str) -> None:
    assert reported(*READING[protocol]) == []


@pytest.mark.parametrize(
    ("protocol", "line"), [(name, line) for name, lines in CHANGING.items() for line in lines]
)
def test_every_other_line_is_reported(protocol: str, line: bytes) -> None:
    assert len(reported(line)) == 1
    assert len(reported(FIRST[protocol], line, FIRST[protocol])) == 1


def test_a_connection_keeps_to_the_protocol_that_it_began_with() -> None:
    assert len(reported(b"A1 NOOP", b"STAT")) == 1
    assert len(reported(b"CAPA", b"A1 NOOP")) == 1


def test_base64_is_a_login_only_after_its_question() -> None:
    assert reported(b"A1 AUTHENTICATE PLAIN", b"AGEAYg==", b"A2 LOGOUT") == []
    assert reported(b"A1 AUTHENTICATE LOGIN", b"QUJD", b"", b"*", b"A2 LOGOUT") == []
    assert len(reported(b"A1 AUTHENTICATE PLAIN", b"AGEAYg==", b"A2 NOOP", b"AGEAYg==")) == 1
    assert reported(b"AUTH PLAIN", b"AGEAYg==", b"STAT") == []
    assert len(reported(b"AUTH PLAIN", b"AGEAYg==", b"RSET")) == 1


def test_lines_are_judged_however_they_arrive() -> None:
    reports: list[str] = []
    dialogue = Dialogue("here", reports.append)
    for byte in b"A1 NOOP\r\nA2 EXPUNGE\r\nA3 NOO":
        dialogue.hear(bytes([byte]))
    assert reports == ["here: 'A2 EXPUNGE'"]


def test_what_is_encrypted_is_not_judged() -> None:
    assert reported(b"A1 STARTTLS", b"\x16\x03\x01 a handshake", b"and more") == []


@pytest.mark.parametrize(
    "line",
    [
        b"A1 login anna wonderland",
        b"A1 X-LOGIN anna wonderland",
        b"LOGIN anna wonderland",
        b"d29uZGVybGFuZA==",
        b"wonderland",
        b"pass wonderland",
        b"A1  AUTHENTICATE PLAIN d29uZGVybGFuZA==",
    ],
)
def test_a_report_shows_no_password(line: bytes) -> None:
    (report,) = reported(line)
    assert "wonderland" not in report
    assert "d29u" not in report


def test_a_report_shows_what_would_be_done_to_the_mailbox() -> None:
    assert shown(b"A3 STORE 1 +FLAGS (\\Deleted)") == r"'A3 STORE 1 +FLAGS (\\Deleted)'"
    assert shown(b"DELE 1") == "'DELE 1'"
    assert shown(b"A3 DELETE \x1b[2J") == r"'A3 DELETE \x1b[2J'"


CULPRITS = '''
import socket, subprocess, sys
from tests.support.scripted import Line, Scripted, imap

class Open:
    """A gate that lets everything pass."""
    def check(self, data): pass

AGENT = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as wire:
    wire.recv(1024)
    wire.sendall(b"A1 EXPUNGE\\\\r\\\\n")
    wire.recv(1024)
"""

def test_in_this_process():
    from agent.config.endpoint import Endpoint
    from agent.probe.deadline import Deadline
    from agent.probe.wire import Wire
    with Scripted(Line.stall) as server:
        wire = Wire(Endpoint("127.0.0.1", server.port), Deadline(5), Open())
        wire.connect()
        wire.write(b"A1 STORE 1 +FLAGS (\\\\Deleted)\\r\\n")
        wire.flush()
        wire.close()

def test_in_another_process():
    with Scripted(imap({})) as server:
        subprocess.run([sys.executable, "-c", AGENT, str(server.port)], check=True)

def test_at_dovecot(dovecot):
    import imaplib
    user = dovecot.add()
    for address in (dovecot.host, dovecot.unrecorded):
        with imaplib.IMAP4(address, dovecot.ports.imap) as client:
            client.login(user.name, user.password)
            client.create("by-" + address)

def test_of_nothing():
    pass
'''


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_an_agent_must_not_send_fails_the_tests(tmp_path: Path, workers: str) -> None:
    """Takes 3 s, since pytest runs in pytest."""
    (tmp_path / "test_culprits.py").write_text(CULPRITS)
    options = ("-n", workers, "-p", "tests.conftest", "-p", "no:cacheprovider", "-c", "/dev/null")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert "4 passed, 3 errors" in done.stdout, done.stdout
    for report in (
        r"an agent in the tests' process: 'A1 STORE 1 +FLAGS (\\Deleted)'",
        "an agent at a scripted server: 'A1 EXPUNGE'",
        " CREATE by-127.0.0.1'",
    ):
        assert report in done.stdout
    assert "by-127.0.0.7" not in done.stdout


def test_a_poll_is_heard_in_the_tests_process_and_at_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: dict[str, list[bytes]] = {}
    monkeypatch.setattr(
        Dialogue, "hear", lambda self, data: heard.setdefault(self._where, []).append(data)
    )
    with Scripted(imap(NEARLY_FULL)) as server:
        poll(account(server.port), 10)
    lines = {where: b"".join(data).splitlines() for where, data in heard.items()}
    assert set(lines) == {"an agent in the tests' process", "an agent at a scripted server"}
    assert all(each == server.heard for each in lines.values())
