"""`mailbox-agent check` of what is no mailbox: one line with the kind, the trial, the next step."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.command import Command
from tests.support.scripted import Line, Scripted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess

    from tests.support.dovecot import Dovecot

SECRET = "wonderland"

# What is asked for, at which of Dovecot's ports, and what the line says of it.
WRONG_PORTS = [
    ("imaps", "imap", "tls", "does not speak TLS", "try imap:// with port 143"),
    ("pop3s", "pop3", "tls", "does not speak TLS", "try pop3:// with port 110"),
    ("imap", "imaps", "timeout", "during greeting", "try imaps:// with port 993"),
    ("pop3", "pop3s", "timeout", "during greeting", "try pop3s:// with port 995"),
    ("imaps", "pop3s", "protocol", "IMAP server: +OK", "that is POP3; IMAP is on 993"),
    ("pop3", "imap", "protocol", "POP3 server: * OK", "that is IMAP; POP3 is on 995"),
]


def checked(folder: Path, url: str, *options: str) -> CompletedProcess[str]:
    arguments = ("check", "--timeout", "1", *options, url)
    return Command(folder)(*arguments, MAILBOX_AGENT_PASSWORD=SECRET)


def told(folder: Path, url: str, *options: str) -> str:
    """The one line below the table; stderr must be empty, and the exit status 3."""
    done = checked(folder, url, *options)
    assert (done.returncode, done.stderr) == (3, "")
    assert SECRET not in done.stdout
    _, _, lines = done.stdout.partition("\n\n")
    assert lines.count("\n") == 1
    return lines


def trusting(dovecot: Dovecot) -> tuple[str, str]:
    return "--ca-file", str(dovecot.certificates.ca)


@pytest.mark.parametrize(("scheme", "port", "kind", "detail", "step"), WRONG_PORTS)
def test_a_port_of_the_wrong_kind_is_named(  # noqa: PLR0913, PLR0917 - a row of the table
    dovecot: Dovecot, tmp_path: Path, scheme: str, port: str, kind: str, detail: str, step: str
) -> None:
    number = getattr(dovecot.ports, port)
    line = told(tmp_path, f"{scheme}://anna@127.0.0.1:{number}", *trusting(dovecot))
    assert f"{scheme}://anna@127.0.0.1:{number}: {kind}: " in line
    assert detail in line
    assert f"(tried {scheme.upper().removesuffix('S')} at 127.0.0.1:{number}, " in line
    assert f"Next: {step}" in line or f", {step}" in line


@pytest.mark.parametrize("scheme", ["imap", "pop3"])
@pytest.mark.parametrize(
    ("banner", "service"), [(b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"), (b"220 mx ESMTP\r\n", "SMTP")]
)
def test_another_service_is_known_by_its_greeting(
    tmp_path: Path, scheme: str, banner: bytes, service: str
) -> None:
    with Scripted(lambda line: line.say(banner)) as server:
        line = told(tmp_path, f"{scheme}://anna@127.0.0.1:{server.port}")
    assert banner.decode().strip() in line
    assert f"Next: that is {service}" in line


def showing(certificate: str, dovecot: Dovecot) -> Callable[[Line], None]:
    return lambda line: line.shake_hands(getattr(dovecot.certificates, certificate)).stall()


@pytest.mark.parametrize(
    ("certificate", "step"), [("other", "that the certificate names"), ("expired", "renewed")]
)
def test_a_certificate_that_does_not_fit_is_refused_before_the_login(
    dovecot: Dovecot, tmp_path: Path, certificate: str, step: str
) -> None:
    with Scripted(showing(certificate, dovecot)) as server:
        url = f"imaps://anna@localhost:{server.port}"
        line = told(tmp_path, url, *trusting(dovecot))
    assert "tls: certificate not accepted" in line
    assert step in line
    assert server.heard == []


def test_an_authority_that_is_not_known_is_told_with_the_option(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    line = told(tmp_path, f"imap://anna@127.0.0.1:{dovecot.ports.imap}")
    assert "--ca-file" in line


def test_a_name_that_does_not_resolve_is_told_as_such(tmp_path: Path) -> None:
    assert ": dns: mail.nowhere.invalid: " in told(tmp_path, "imaps://anna@mail.nowhere.invalid")


def test_a_refused_connection_is_told_as_such(tmp_path: Path) -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        line = told(tmp_path, f"imaps://anna@127.0.0.1:{unused.getsockname()[1]}")
    assert ": connect: connection refused (tried IMAP at 127.0.0.1:" in line
    assert "Next: check host and port" in line


@pytest.mark.parametrize("scheme", ["imaps", "pop3"])
def test_a_silent_server_is_given_up_and_the_document_is_whole(tmp_path: Path, scheme: str) -> None:
    with Scripted(Line.stall) as server:
        done = checked(tmp_path, f"{scheme}://anna@127.0.0.1:{server.port}", "--json")
    [mailbox] = json.loads(done.stdout)["mailboxes"]
    assert (done.returncode, done.stderr) == (3, "")
    assert mailbox["failure"]["reason"] == "timeout"
