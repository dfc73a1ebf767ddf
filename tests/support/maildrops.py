"""POP3 maildrops whose messages are tracked, and a memory of what polls learned about them."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from agent.memory import Memory, UniqueIds
from agent.model import Reading
from agent.probe.read import Prober
from tests.support.accounts import account
from tests.support.scripted import Scripted, pop3

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.config.accounts import Account
    from agent.model import Poll
    from tests.support.scripted import Line

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EMPTY = UniqueIds("", MappingProxyType({}))


class Kept(Memory):
    """Remembers what polls learned about unique ids; with None, it cannot be asked."""

    def __init__(self, ids: UniqueIds | None = EMPTY) -> None:
        self.ids = ids

    def unique_ids(self, account: str) -> UniqueIds | None:
        assert account == "anna"
        return self.ids

    def keep(self, done: Poll) -> None:
        if done.learned and done.learned.unique_ids:
            self.ids = done.learned.unique_ids


def polled(ours: Account, memory: Kept, now: datetime) -> Poll:
    done = Prober(10, clock=lambda: now, memory=memory).poll(ours)
    memory.keep(done)
    return done


def uncollected(done: Poll) -> tuple[int | None, datetime | None]:
    assert isinstance(done.outcome, Reading), done.outcome
    return done.outcome.uncollected, done.outcome.oldest_uncollected


def listing(*ids: bytes) -> bytes:
    lines = (b"%d %b" % (number, each) for number, each in enumerate(ids, 1))
    return b"".join(line + b"\r\n" for line in (b"+OK", *lines, b"."))


def holding(*ids: bytes) -> Callable[[Line], None]:
    stat = b"+OK %d 1000\r\n" % len(ids)
    return pop3({b"STAT": stat, b"UIDL": listing(*ids)})


def at(server: Scripted, **keys: Any) -> Account:
    """A tracked maildrop; its port is part of its identity."""
    return account(server.port, "pop3", track_messages=True, **keys)


def tracked(talk: Callable[[Line], None], memory: Kept) -> Poll:
    with Scripted(talk) as server:
        return polled(at(server), memory, NOON)


def before_list(line: Line, messages: int) -> None:
    """Answer until UIDL is asked."""
    line.say(b"+OK ready\r\n")
    while line.hear() != b"UIDL":
        line.say(b"-ERR\r\n" if line.heard[-1] == b"CAPA" else b"+OK %d 1000\r\n" % messages)


class Drop:
    """A maildrop on one port whose content changes between polls."""

    def __init__(self, *ids: bytes) -> None:
        self.talk = holding(*ids)

    def __call__(self, line: Line) -> None:
        self.talk(line)

    def hold(self, *ids: bytes) -> None:
        self.talk = holding(*ids)
