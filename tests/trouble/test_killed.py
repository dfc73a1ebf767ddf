"""The running agent, ended in every way that there is: no alert is lost, none is told twice."""

from __future__ import annotations

import random
import re
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.agent import Agent, account, configuration
from tests.support.scripted import NEARLY_FULL, Line, Scripted, imap
from tests.support.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAILBOXES = [f"mailbox{number}" for number in range(24)]
KILLS = 6


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_does_not_disturb_a_clean_stop(
    tmp_path: Path, number: signal.Signals
) -> None:
    with Scripted(Line.stall) as server:
        told = configuration(tmp_path, account("anna", server.port), agent='timeout = "10m"')
        with Agent(tmp_path, told) as agent:
            agent.process.send_signal(number)
            assert agent.stop(number) == 0
            agent.ended()
            assert "agent.stopped" in agent.log[-1]


def references(request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each mailbox that a message tells of, with its reference."""
    alone = re.match(r"Mailbox (\S+) is", request["title"])
    if alone:
        yield alone[1], re.findall(r"Reference: (\w+)", request["message"])[-1]
    else:
        yield from re.findall(r"(mailbox\d+) .*\[(\w+)\]", request["message"])


def test_random_kills_lose_no_alert_and_invent_none(tmp_path: Path) -> None:
    """What is told again, because it was on its way, comes with its old reference."""
    chance = random.Random(20)
    polled, say = threading.Semaphore(0), imap(NEARLY_FULL)

    def talk(line: Line) -> None:
        say(line)
        polled.release()

    with Scripted(talk) as server, Webhook() as hook:
        mailboxes = [account(name, server.port) for name in MAILBOXES]
        told = configuration(tmp_path, *mailboxes, receiver=hook.url, agent="max_connections = 4")
        for _ in range(KILLS):
            with Agent(tmp_path, told):
                for _ in range(chance.randrange(2 * len(MAILBOXES))):
                    assert polled.acquire(timeout=30)
        heard: dict[str, set[str]] = {name: set() for name in MAILBOXES}
        with Agent(tmp_path, told) as agent:
            while not (hook.requests.empty() and all(heard.values())):
                for name, reference in references(hook.next()):
                    heard[name].add(reference)
            assert agent.stop() == 0
        while not hook.requests.empty():
            for name, reference in references(hook.next()):
                heard[name].add(reference)
    assert {name: len(each) for name, each in heard.items()} == dict.fromkeys(MAILBOXES, 1)
