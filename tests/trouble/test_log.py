"""Where the running agent's log goes: a terminal, a full disk, nowhere."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.agent import account, configuration
from tests.support.command import Command
from tests.support.scripted import NEARLY_FULL, Scripted, imap
from tests.support.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator

COLOUR = re.compile(r"\x1b\[\d+m")


def arranged(folder: Path, told: str) -> tuple[str, ...]:
    """The command line of an agent with this configuration."""
    file = folder / "config.toml"
    file.write_text(told)
    file.chmod(0o600)
    return "run", "--config", str(file)


def lines(descriptor: int) -> Iterator[str]:
    """What a terminal shows, until everybody has left it."""
    with open(descriptor, encoding="utf-8", newline="\n") as terminal:
        try:
            yield from terminal
        except OSError:
            return


def test_a_terminal_gets_text_that_no_server_can_paint(tmp_path: Path) -> None:
    greeting = b"* BYE \x1b[2J\x1b]0;owned\x07 come back later\r\n"
    ours, theirs = pty.openpty()
    with Scripted(lambda line: line.say(greeting)) as server:
        arguments = arranged(tmp_path, configuration(tmp_path, account("anna", server.port)))
        process = Command(tmp_path).start(*arguments, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = []
        for line in lines(ours):
            shown.append(COLOUR.sub("", line.rstrip("\r\n")))
            if "poll.failed" in line:
                process.terminate()
        assert process.wait(timeout=10) == 0
    assert not [line for line in shown if not line.isprintable()]
    assert [line for line in shown if "poll.failed" in line and "come back later" in line]
    assert not [line for line in shown if line.startswith("{")]


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    with (
        Scripted(imap(NEARLY_FULL)) as server,
        Webhook() as hook,
        Path("/dev/full").open("w") as full,
    ):
        told = configuration(tmp_path, account("anna", server.port), receiver=hook.url)
        process = Command(tmp_path).start(
            *arranged(tmp_path, told), stdout=subprocess.DEVNULL, stderr=full
        )
        assert hook.next()["title"] == "Mailbox anna is 90 % full"
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_a_log_that_nobody_reads_any_more_stops_nothing(tmp_path: Path) -> None:
    with Scripted(imap(NEARLY_FULL)) as server, Webhook() as hook:
        told = configuration(tmp_path, account("anna", server.port), receiver=hook.url)
        process = Command(tmp_path).start(*arranged(tmp_path, told), stdout=subprocess.DEVNULL)
        assert process.stderr
        process.stderr.close()
        assert hook.next()["title"] == "Mailbox anna is 90 % full"
        process.terminate()
        assert process.wait(timeout=10) == 0
