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
from tests.support.webhook import HANG, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAILBOXES = [f"mailbox{number}" for number in range(24)]
HANGING = 4  # messages that reach the receiver and are not accepted


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
    """Each life ends while its first message hangs, or before; it comes again as it was."""
    chance = random.Random(20)
    polled, say = threading.Semaphore(0), imap(NEARLY_FULL)
    heard: dict[str, list[str]] = {name: [] for name in MAILBOXES}

    def talk(line: Line) -> None:
        say(line)
        polled.release()

    def hear() -> list[str]:
        told_of = dict(references(hook.next()))
        for name, reference in told_of.items():
            heard[name].append(reference)
        return list(told_of)

    with Scripted(talk) as server, Webhook(*[HANG] * HANGING) as hook:
        mailboxes = [account(name, server.port) for name in MAILBOXES]
        told = configuration(tmp_path, *mailboxes, receiver=hook.url)
        hanging = HANGING
        while not hook.script.empty():
            with Agent(tmp_path, told):
                if chance.random() < 1 / 2:
                    hear()
                    hanging -= 1
                    continue
                for _ in range(chance.randrange(len(MAILBOXES))):
                    assert polled.acquire(timeout=30)
        for _ in range(hanging):
            hear()
        untold = set(MAILBOXES)
        with Agent(tmp_path, told) as agent:
            while untold:
                untold.difference_update(hear())
            assert agent.stop() == 0
        assert hook.requests.empty()
    assert {name: len(set(each)) for name, each in heard.items()} == dict.fromkeys(MAILBOXES, 1)
