"""Nothing is lost when the process dies, and what is sent again can be recognised."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent.store import Store, outbox
from tests.support import delivering
from tests.support.notices import notice
from tests.support.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUMBER = 1200  # twelve digests
REFERENCE = re.compile(r"(?:Reference: |\[)([0-9a-f]{12})\b")


def fill(store_url: str, number: int) -> set[str]:
    """Put notifications into the outbox; return their references."""
    notices = [notice(f"box{n:04}", key=f"{n:016x}"[::-1]) for n in range(number)]
    store = Store(store_url)
    store.open()
    with store.transaction() as connection:
        outbox.enqueue(connection, notices)
    store.close()
    return {one.key[:12] for one in notices}


def left(store_url: str) -> int:
    store = Store(store_url)
    store.open()
    with store.transaction() as connection:
        backlog = outbox.pending(connection).get("ops")
    store.close()
    return backlog.waiting + backlog.dead if backlog else 0


@contextmanager
def process(store_url: str, hook_url: str, when: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", delivering.__name__, store_url, hook_url, when]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def test_a_crash_between_sending_and_marking_repeats_the_same_reference(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/agent.db"
    references = fill(url, 1)
    with Webhook() as hook:
        with process(url, hook.url, "between") as first:
            assert first.wait(30) == -9
        assert left(url) == 1
        with process(url, hook.url, "never"):
            messages = [hook.next(), hook.next()]
    assert messages[0] == messages[1]
    assert REFERENCE.findall(messages[0]["message"]) == [*references]


def test_killed_at_random_nothing_is_lost(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/agent.db"
    references = fill(url, NUMBER)
    chance = random.Random(1)
    told: set[str] = set()
    kills = 0
    with Webhook() as hook:
        while told != references:
            with process(url, hook.url, "never") as running:
                for _ in range(chance.randint(1, 4)):
                    if told == references:
                        break
                    told.update(REFERENCE.findall(hook.next()["message"]))
                running.kill()
                running.wait()
            kills += 1
            assert len(references - told) <= left(url)
    assert kills >= 3
