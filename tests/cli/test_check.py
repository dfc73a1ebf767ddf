from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest

from tests.support.scripted import Line, Scripted, imap

if TYPE_CHECKING:
    from tests.support.command import Command


def full_to(used: int) -> Scripted:
    """A mail server whose mailbox uses so many of 100 KiB."""
    quota = b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE %d 100)\r\n<tag> OK done\r\n' % used
    return Scripted(imap({b"GETQUOTAROOT": quota}))


def url(server: Scripted) -> str:
    return f"imap://anna@127.0.0.1:{server.port}?tls=none"


@pytest.mark.parametrize(("used", "status"), [(10, 0), (80, 1), (95, 2), (100, 2)])
def test_the_exit_status_tells_how_full_it_is(command: Command, used: int, status: int) -> None:
    with full_to(used) as server:
        done = command("check", url(server), MAILBOX_AGENT_PASSWORD="x")
    assert (done.returncode, done.stderr) == (status, "")
    assert f"{used} %" in done.stdout


def test_the_document_lists_mailboxes_in_the_order_asked_for(command: Command) -> None:
    with full_to(10) as first, full_to(20) as second:
        urls = [url(second), url(first), url(second)]
        done = command("check", "--json", *urls, MAILBOX_AGENT_PASSWORD="x")
    mailboxes = json.loads(done.stdout)["mailboxes"]
    assert [mailbox["usage_ratio"] for mailbox in mailboxes] == [0.2, 0.1, 0.2]
    assert [mailbox["account"] for mailbox in mailboxes] == [each.split("?")[0] for each in urls]
    assert done.stdout.isascii()


def test_a_broken_mailbox_stops_no_other(command: Command) -> None:
    with full_to(10) as good, Scripted(lambda line: line.say(b"HTTP/1.1 400 No\r\n\r\n")) as bad:
        port = bad.port
        done = command("check", url(bad), url(good), MAILBOX_AGENT_PASSWORD="x")
    assert (done.returncode, done.stderr) == (3, "")
    assert "10 %" in done.stdout
    assert f"imap://anna@127.0.0.1:{port}: protocol: " in done.stdout


def test_a_silent_server_is_given_up_at_the_timeout(command: Command) -> None:
    with Scripted(Line.stall) as server:
        done = command(
            "check", "--json", "--timeout", "0.3", url(server), MAILBOX_AGENT_PASSWORD="x"
        )
    (mailbox,) = json.loads(done.stdout)["mailboxes"]
    assert (done.returncode, mailbox["failure"]["reason"]) == (3, "timeout")


def test_the_password_of_a_url_comes_from_a_file(command: Command, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("opensesame\n")
    with full_to(10) as server:
        done = command("check", "--password-file", "secret", url(server))
        heard = b"\n".join(server.heard)
    assert done.returncode == 0
    assert b"opensesame" in heard


def test_a_configuration_is_polled_by_name_or_whole(command: Command, tmp_path: Path) -> None:
    with full_to(10) as server:
        accounts = "".join(
            f'[[accounts]]\nname = "{name}"\nprotocol = "imap"\ntls = "none"\n'
            f'server = "127.0.0.1:{server.port}"\nusername = "{name}"\npassword = "x"\n'
            for name in ("anna", "bob")
        )
        (tmp_path / "config.toml").write_text(accounts)
        (tmp_path / "config.toml").chmod(0o600)
        whole = command("check", "--json")
        named = command("check", "--json", "--config", "config.toml", "bob")
        wrong = command("check", "bobb")
    names = [each["account"] for each in json.loads(whole.stdout)["mailboxes"]]
    assert names == ["anna", "bob"]
    assert [each["account"] for each in json.loads(named.stdout)["mailboxes"]] == ["bob"]
    line = 'mailbox-agent: no account "bobb" in the configuration; did you mean "bob"?\n'
    assert (wrong.returncode, wrong.stdout, wrong.stderr) == (3, "", line)


def test_ctrl_c_ends_at_once_with_one_line(command: Command) -> None:
    greeted = Event()

    def talk(line: Line) -> None:
        greeted.set()
        line.stall()

    with Scripted(talk) as server:
        process = command.start(
            "check", url(server), stdout=subprocess.PIPE, MAILBOX_AGENT_PASSWORD="x"
        )
        assert greeted.wait(30)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (130, "", "mailbox-agent: interrupted\n")


def test_a_reader_that_leaves_early_changes_neither_status_nor_stderr(command: Command) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with full_to(80) as server, os.fdopen(writer, "w") as pipe:
        process = command.start("check", url(server), stdout=pipe, MAILBOX_AGENT_PASSWORD="x")
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "")


def test_output_that_cannot_be_written_is_one_line(command: Command) -> None:
    with full_to(10) as server, Path("/dev/full").open("w") as full:
        process = command.start("check", url(server), stdout=full, MAILBOX_AGENT_PASSWORD="x")
        _, errors = process.communicate(timeout=60)
    line = "mailbox-agent: cannot write the output: No space left on device\n"
    assert (process.returncode, errors) == (3, line)


def test_at_a_terminal_the_password_is_asked_for_and_not_echoed(command: Command) -> None:
    hands, keyboard = os.openpty()
    with full_to(10) as server, os.fdopen(keyboard) as stdin:
        prompt = f"Password for imap://anna@127.0.0.1:{server.port}: "
        process = command.start("check", url(server), stdin=stdin, stdout=subprocess.PIPE)
        assert process.stderr
        assert process.stderr.read(len(prompt)) == prompt
        os.write(hands, b"opensesame\n")
        output, errors = process.communicate(timeout=60)
        heard = b"\n".join(server.heard)
    os.close(hands)
    assert (process.returncode, errors) == (0, "\n")
    assert b"opensesame" in heard
    assert "opensesame" not in output
