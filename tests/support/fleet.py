"""A fleet of mailboxes in every state, with a history that looks like one, in a real store."""

from __future__ import annotations

import math
import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from agent.config.endpoint import Endpoint
from agent.config.settings import Settings
from agent.ledger import Ledger
from agent.memory import Refusal
from agent.metrics import Exposition
from agent.model import Failure, FailureKind, Folder, Poll, Quota, QuotaState, Reading, Role
from agent.notify.routing import Routing
from agent.recorder import Recorder
from agent.store import Store, history, outbox, told
from agent.web import Fleet, Guard, Keeper, Server, Site, build
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
GIB = 1024**3
MIB = 1024**2

ODD = '<b onclick="x()">Ünicode</b>/ 100 % & more?#'  # a name is only a name
_SHARES = (
    ("INBOX", Role.INBOX, 0.38), ("Archive/2025", Role.ARCHIVE, 0.27), ("Sent", Role.SENT, 0.16),
    ("Trash", Role.TRASH, 0.09), ("Projekte/Brücke Süd", None, 0.06), ("Junk", Role.JUNK, 0.03),
    ("Drafts", Role.DRAFTS, 0.01),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Life:
    """A mailbox: its share of the limit now, its growth a day in shares, and what is odd of it."""

    name: str
    share: float
    growth: float = 0.0
    limit: int | None = GIB
    messages: int | None = None  # the limit of their number
    failure: Failure | None = None
    refused: int = 0
    ago: timedelta = timedelta(minutes=4)
    polled: bool = True
    keys: dict[str, Any] = field(default_factory=dict)


TIMEOUT = Failure(FailureKind.TIMEOUT, "no answer within 30 s (tried IMAP at 192.0.2.7:993)")
REJECTED = Failure(FailureKind.AUTH, "[AUTHENTICATIONFAILED] Authentication failed.")
LIVES = (
    Life("invoices", 1.0, 0.021, keys={"tags": ["staff", "finance"]}),
    Life("anna", 0.968, 0.019, keys={"tags": ["customers", "vip"]}),
    Life("press", 0.885, 0.011, messages=50_000, keys={"tags": ["staff"]}),
    Life("orders", 0.83, 0.034, keys={"tags": ["customers"]}),
    Life("support", 0.61, 0.058, limit=4 * GIB, keys={"tags": ["staff"]}),
    Life("legacy-import", 0.44, failure=TIMEOUT, ago=7 * HOUR),
    Life("scanner", 0.22, failure=REJECTED, refused=2, ago=26 * HOUR),
    Life("field-office", 0.35, 0.001, ago=5 * HOUR),
    Life("new-colleague", 0.0, polled=False),
    Life("fax", 0.12, keys={"protocol": "pop3", "server": "pop.example.net"}),
    Life("director", 0.07, 0.0004, limit=20 * GIB, keys={"tags": ["vip"]}),
    Life("backup", 0.3, 0.002, limit=None),
    Life(ODD, 0.51, 0.002),
    *(Life(f"team-{number:02}", 0.7 - number * 0.009, 0.0013) for number in range(40)),
)


def table(life: Life) -> dict[str, Any]:
    """The account's table in the configuration."""
    keys = {"protocol": "imap", "server": "mail.example.com", "username": "x", "password": "-"}
    return {"name": life.name, **keys, **life.keys}


def settings_of(folder: Path, lives: Sequence[Life], **sections: Any) -> Settings:
    """The configuration of such mailboxes."""
    return Settings.model_validate(
        {
            "store": {"url": f"sqlite:///{folder}/agent.db"},
            "alerts": {"unread": 900},
            "accounts": [table(life) for life in lives],
            "receivers": [
                {"name": "ops", "type": "apprise", "url": "json://127.0.0.1:9/hook"},
                {"name": "on-call", "type": "apprise", "url": "json://127.0.0.1:9/call"},
            ],
            "routes": [{"receivers": ["ops", "on-call"]}],
            **sections,
        }
    )


def reading_of(life: Life) -> Reading:
    """What the mailbox holds now."""
    return reading(life, timedelta(), random.Random(life.name))


def reading(life: Life, ago: timedelta, luck: random.Random) -> Reading:
    """What the mailbox held so long ago."""
    limit = life.limit or GIB
    daily = 0.004 * math.sin(2 * math.pi * (ago / DAY))
    share = max(life.share - life.growth * (ago / DAY) + (daily if ago else 0), 0.001)
    used = int(limit * share * (1 + (luck.random() - 0.5) * 0.002 * bool(ago)))
    messages = used // 42_000
    quotas = [Quota("User quota", "storage", used, life.limit)]
    if life.messages:
        quotas.append(Quota("User quota", "message", messages, life.messages))
    folders = tuple(
        Folder(name, role, int(messages * part), int(messages * part * 0.02), int(used * part))
        for name, role, part in _SHARES
    )
    return Reading(
        QuotaState.LIMITED if life.limit else QuotaState.UNLIMITED,
        quotas=tuple(quotas),
        folders=() if life.keys.get("protocol") == "pop3" else folders,
        size_bytes=used,
        messages=messages,
        unread=messages // 50,
        reclaimable=(("trash", int(used * 0.09)), ("junk", int(used * 0.03))),
    )


def polls(life: Life, days: int, apart: int) -> list[Poll]:
    """Polls of so many days, some hours apart, but for the last one."""
    luck = random.Random(life.name)
    hours = range(days * 24, 0, -apart)
    return [
        Poll(life.name, NOW - hour * HOUR, 0.1, reading(life, hour * HOUR, luck))
        for hour in hours
        if hour * HOUR > life.ago
    ]


def last_polls(life: Life) -> list[Poll]:
    """The last ones, which say how the mailbox stands."""
    if not life.polled:
        return []
    luck = random.Random(life.name)
    last = Poll(life.name, NOW - life.ago, 0.1, reading(life, timedelta(), luck))
    if not life.failure:
        return [last]
    refusal = Refusal("5a17$00", life.refused, NOW - 3 * HOUR) if life.refused else None
    failed = [
        Poll(life.name, NOW - minutes * timedelta(minutes=1), 30.0, life.failure, refusal=refusal)
        for minutes in (180, 120, 60, 3)
    ]
    return [last, *failed]


def fill(
    store: Store, settings: Settings, lives: Sequence[Life], days: int = 8, apart: int = 4
) -> None:
    """Write what such mailboxes leave behind; the last polls go the way that every poll goes."""
    with store.transaction() as connection:
        for life in lives:
            if life.polled:
                history.append(connection, polls(life, days, apart))
    ledger = Ledger(settings, store, Routing(settings), lambda: None, lambda: NOW)
    ledger.open()
    for life in lives:
        for poll in last_polls(life):
            ledger.write([poll])
    ledger.review()
    with store.transaction() as connection:
        letters = outbox.letters(connection)
        keys = [each.notification.key for each in letters if each.notification.receiver == "ops"]
        told.record(connection, keys, NOW - timedelta(minutes=2))
        outbox.sent(connection, keys)


@contextmanager
def shown(
    settings: Settings, store: Store, *, recorder: Recorder | None = None
) -> Iterator[Server]:
    """A server that shows what the store has at noon, and what the recorder could not write."""
    idle = Recorder(settings, store, Exposition(), Routing(settings), lambda: None, lambda: NOW)
    fleet = Fleet(lambda: settings, store, recorder or idle, lambda: NOW)
    pages = Site(fleet, lambda: settings).routes()
    app, keeper = build(lambda _: (), dict, lambda: True, pages), Keeper(None)
    server = Server(Guard(app, "127.0.0.1", keeper), Endpoint("127.0.0.1", 0), keeper)
    server.start()
    try:
        yield server
    finally:
        server.stop(10)


@contextmanager
def served(folder: Path, lives: Sequence[Life], **sections: Any) -> Iterator[str]:
    """The address of a server that shows such mailboxes."""
    settings = settings_of(folder, lives, **sections)
    with opened(folder) as store:
        fill(store, settings, lives)
        with shown(settings, store) as server:
            yield f"http://127.0.0.1:{server.port}"
