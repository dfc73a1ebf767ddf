"""An agent without mail servers, lived again and again: its recorder, its store, its delivery.

Forks a process for each line of JSON on stdin (`at`: the step at which it dies, `used`: what each
mailbox holds), and prints the process' id when it begins and its exit status when it has ended.
Arguments: the store's URL, the receiver's URL.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import apprise  # noqa: F401  loaded once, before the forks
import structlog
from sqlalchemy import event

from agent import delivery, inbox, ledger
from agent.delivery import Delivery
from agent.metrics.exposition import Exposition
from agent.metrics.own import OwnMetrics
from agent.model import Poll
from agent.notify.apprise import AppriseSink
from agent.notify.routing import Routing
from agent.recorder import Recorder
from agent.store import Store, alerts, announced, history, memory, outbox
from tests.support.mailboxes import reading, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.config.settings import Settings

TABLES = {
    "history": (history, "append"),
    "alerts": (alerts, "apply"),
    "outbox": (outbox, "enqueue"),
    "announced": (announced, "announce"),
    "memory": (memory, "keep"),
    "claim": (outbox, "claim"),
    "sent": (outbox, "sent"),
    "inbox": (inbox.Inbox, "batch"),
    "send": (AppriseSink, "send"),
    "settle": (delivery._Lane, "_settle"),
    "write": (ledger.Ledger, "write"),
}
STEPS = (
    "poll",
    "put",
    "after inbox",
    "before write",
    *(f"{when} {what}" for what in ("history", "alerts", "outbox", "announced", "memory")
      for when in ("before", "after")),
    "commit",
    "wake",
    "after write",
    "before claim",
    "after claim",
    "before send",
    "after send",
    "before sent",
    "after sent",
)  # fmt: skip


def die(*_: object) -> None:
    """End as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def _deadly(function: Callable[..., Any], when: str) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **named: Any) -> Any:
        if when == "before":
            die()
        result = function(*arguments, **named)
        if result or function.__name__ not in {"batch", "claim"}:
            die()
        return result

    return wrapped


def _doom(step: str, store: Store) -> None:
    """Let the process die at a step."""
    when, _, what = step.partition(" ")
    if what:
        holder, name = TABLES[what]
        setattr(holder, name, _deadly(getattr(holder, name), when))
    elif step == "commit":
        event.listen(store._engine, "commit", die)


def live(store_url: str, hook_url: str, step: str, used: dict[str, int]) -> None:
    """Poll every mailbox once, tell what there is to tell, and end; or die on the way."""
    told = _settings(store_url, hook_url, *used)
    store = Store(store_url)
    store.open()
    sender = Delivery(told, store, OwnMetrics(_now))
    wake = die if step == "wake" else sender.wake
    recorder = Recorder(told, store, Exposition(), Routing(told), wake)
    if step == "after inbox":  # the thread waits for polls from its start on
        _doom(step, store)
    recorder.start()
    sender.start()
    if step != "after inbox":  # to open the store is not yet to write polls
        _doom(step, store)
    for number, (name, each) in enumerate(used.items()):
        poll = Poll(name, _now(), 0.1, reading(each))
        if step == "poll" and number == 1:
            die()
        recorder.put(poll)
        if step == "put" and number == 1:
            die()
    recorder.stop(30.0)
    while _waiting(store):
        time.sleep(0.005)
    sender.stop(30.0)
    store.close()


def _settings(store_url: str, hook_url: str, *names: str) -> Settings:
    told = settings(*names, url=store_url)
    hook = told.receivers[0].model_copy(update={"url": None, "url_command": None})
    table = {"name": "ops", "type": "apprise", "url": hook_url}
    return told.model_copy(update={"receivers": (type(hook).model_validate(table),)})


def _waiting(store: Store) -> bool:
    with store.reading() as connection:
        return bool(outbox.pending(connection))


def _now() -> datetime:
    return datetime.now(UTC)


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main(store_url: str, hook_url: str) -> None:
    """Live as often as asked."""
    warnings.simplefilter("ignore")
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            live(store_url, hook_url, asked["at"], asked["used"])
            os._exit(0)
        _say(child)
        _say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
