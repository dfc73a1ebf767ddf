"""Killed at every step between a reading and its delivery, and at random: nothing is lost.

A trigger in the database keeps a witness of each notification that was ever committed, and of
how it left the outbox. KILLS says how many lives end at random.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import lives
from tests.support.stores import opened
from tests.support.webhook import HANG, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("KILLS", "150"))
MAILBOXES = [f"mailbox{number}" for number in range(6)]
REFERENCE = re.compile(r"(?:Reference: |\[)([0-9a-f]{12})\b")
WITNESS = """
CREATE TABLE witness (key TEXT PRIMARY KEY, transition TEXT, attempts INTEGER DEFAULT -1);
CREATE TRIGGER born AFTER INSERT ON outbox BEGIN
  INSERT INTO witness (key, transition) VALUES (new.key, new.transition); END;
CREATE TRIGGER gone AFTER DELETE ON outbox BEGIN
  UPDATE witness SET attempts = old.attempts WHERE key = old.key; END;
"""


@dataclass
class World:
    """One agent's state, its lives, and what the receiver has heard in each."""

    folder: Path
    hook: Webhook
    chance: random.Random
    process: subprocess.Popen[str]
    used: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MAILBOXES, 10))
    heard: list[str] = field(default_factory=list)
    died: int = 0

    def live(self, step: str, seconds: float | None = None, *, hang: bool = False) -> None:
        """One life; it dies at the step, after so many seconds, or while a message hangs."""
        off = {key for key, _, attempts in self.witness() if attempts >= 0}
        self._write(json.dumps({"at": step, "used": self.used}))
        child, before = self._read(), len(self.heard)
        if hang:
            self._hear(self.hook.next())
        elif seconds is not None:
            time.sleep(seconds)
        if hang or seconds is not None:
            os.kill(child, signal.SIGKILL)
        status = self._read()
        assert status in {0, -signal.SIGKILL}
        self.died += status != 0
        while not self.hook.requests.empty():
            self._hear(self.hook.next())
        now = self.heard[before:]
        assert not {key for key in off if key[:12] in now}, "told again what was taken off"

    def change(self) -> None:
        """Mail comes and goes."""
        for name in self.chance.sample(MAILBOXES, 3):
            self.used[name] = self.chance.choice([10, 85, 97])

    def witness(self) -> list[tuple[str, dict[str, Any], int]]:
        """Each notification ever committed: its attempts when it left the outbox, else -1."""
        with closing(sqlite3.connect(self.folder / "agent.db")) as database:
            rows = database.execute("SELECT key, transition, attempts FROM witness ORDER BY rowid")
            return [(key, json.loads(text), attempts) for key, text, attempts in rows]

    def check(self) -> None:
        """At the end, after a life of full length."""
        witness = self.witness()
        assert all(attempts >= 0 for _, _, attempts in witness), "something still waits"
        told = [(key[:12], facts) for key, facts, attempts in witness if attempts > 0]
        assert set(self.heard) <= {key for key, _ in told}, "told without having been committed"
        for key, _, attempts in witness:
            assert self.heard.count(key[:12]) <= max(attempts, 0), "told without a counted attempt"
        last = {facts["alert"]["key"]["account"]: facts for _, facts in told}
        for name in last:
            keys = [key for key, facts in told if facts["alert"]["key"]["account"] == name]
            assert keys[-1] in self.heard, "lost"  # one message tells the last of each alert
        for name, used in self.used.items():
            known = last.get(name, {"reason": "resolved"})
            severity = None if known["reason"] == "resolved" else known["alert"]["severity"]
            assert severity in _severities(used), (name, used, known)

    def _write(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def _read(self) -> int:
        assert self.process.stdout
        return int(self.process.stdout.readline())

    def _hear(self, request: dict[str, Any]) -> None:
        self.heard += REFERENCE.findall(request["message"])


def _severities(used: int) -> set[str | None]:
    """What the receiver may know of a mailbox; that critical has eased is told to nobody."""
    known: dict[int, set[str | None]] = {10: {None}, 85: {"warning", "critical"}, 97: {"critical"}}
    return known[used]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "agent.db")) as database:
        database.executescript(WITNESS)
    url = f"sqlite:///{tmp_path}/agent.db"
    with Webhook() as hook:
        command = [sys.executable, "-m", lives.__name__, url, hook.url]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as process:
            yield World(tmp_path, hook, random.Random(7), process)
            process.communicate()


@pytest.mark.parametrize("step", lives.STEPS)
def test_death_at_any_step_loses_nothing_and_repeats_only_what_was_under_way(
    world: World, step: str
) -> None:
    world.live("never")
    for _ in range(3):
        world.used = dict(zip(MAILBOXES, world.chance.sample([10, 85, 97] * 2, 6), strict=True))
        world.live(step)
    assert world.died
    world.live("never")
    world.check()


def test_what_hangs_when_it_dies_is_told_again_with_the_same_key(world: World) -> None:
    world.used["mailbox0"] = 85
    world.hook.script.put(HANG)
    world.live("never", hang=True)
    world.live("never")
    assert len(world.heard) == 2
    assert len(set(world.heard)) == 1
    world.check()


def test_killed_at_random_nothing_is_lost_and_nothing_repeated_that_was_not_under_way(
    world: World,
) -> None:
    for _ in range(KILLS):
        world.change()
        if world.chance.random() < 1 / 3:
            world.live(world.chance.choice(lives.STEPS))
        else:
            world.live("never", world.chance.uniform(0.0, 0.12))
    world.live("never")
    world.check()
    assert world.died > KILLS / 2
