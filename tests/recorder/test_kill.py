from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from agent.store import alerts, history, outbox
from tests.support.mailboxes import NOON
from tests.support.stores import opened

ROOT = Path(__file__).parents[2]

# Records ten crossings, one a batch, and dies by SIGKILL at the named step of the fifth.
PROGRAM = """
import os, signal, sys
from sqlalchemy import event
from agent.metrics.exposition import Exposition
from agent.recorder import Recorder
from agent.store import Store, alerts, history, outbox
from tests.support.audience import Everybody
from tests.support.mailboxes import NOON, poll, settings

step, folder = sys.argv[1:]
store = Store(f"sqlite:///{folder}/agent.db")
names = [f"mailbox {number}" for number in range(10)]
recorder = Recorder(settings(*names), store, Exposition(), Everybody("ops"), lambda: None)
ledger = recorder._ledger
ledger.open()

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def deadly(function):
    def wrapped(*arguments):
        function(*arguments)
        die()
    return wrapped

for number, name in enumerate(names):
    if number == 4:
        match step:
            case "history": history.append = deadly(history.append)
            case "alerts": alerts.apply = deadly(alerts.apply)
            case "outbox": outbox.enqueue = deadly(outbox.enqueue)
            case "commit": event.listen(store._engine, "commit", die)
            case "told": ledger._wake = die
    ledger.write([poll(name, 90)])
"""


@pytest.mark.parametrize(
    ("step", "kept"), [("history", 4), ("alerts", 4), ("outbox", 4), ("commit", 4), ("told", 5)]
)
def test_death_at_any_step_loses_nothing_and_leaves_nothing_half(
    tmp_path: Path, step: str, kept: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, step, str(tmp_path)], cwd=ROOT, check=False
    )
    assert done.returncode == -signal.SIGKILL
    names = {f"mailbox {number}" for number in range(kept)}
    with opened(tmp_path) as store, store.transaction() as connection:
        waiting = outbox.claim(connection, "ops", "0", NOON + timedelta(days=999), 100)
        assert {each.transition.alert.key.account for each in waiting} == names
        assert {key.account for key in alerts.firing(connection)} == names
        assert set(history.last_polls(connection)) == names
