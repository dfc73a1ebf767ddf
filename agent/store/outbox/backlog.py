"""What people see of the outbox, and what they do about what was given up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select

from agent.store.outbox.rows import change, read, ready_at, remove
from agent.store.tables import outbox

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

    from agent.model import Notification


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one receiver still has to be told: waiting, since when, and given up.

    What was never attempted waits from when it is due: quiet hours hold back, they delay nothing.
    """

    waiting: int
    oldest: datetime | None
    dead: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A notification as it lies in the outbox: waiting or given up, and why it was not accepted.

    `notification.due` is the earliest next attempt; it means nothing where the letter is dead.
    `error` is one line without secrets, None before the first attempt has failed.
    """

    notification: Notification
    dead: bool
    error: str | None


def pending(connection: Connection) -> dict[str, Backlog]:
    """Return the backlog of every receiver that has one."""
    waits = outbox.c.dead.is_(False)
    since = case((outbox.c.attempts == 0, outbox.c.due), else_=outbox.c.created_at)
    query = select(
        outbox.c.receiver,
        func.sum(case((waits, 1), else_=0)),
        func.min(case((waits, since))),
        func.sum(case((waits, 0), else_=1)),
    ).group_by(outbox.c.receiver)
    return {receiver: Backlog(*counts) for receiver, *counts in connection.execute(query)}


def letters(connection: Connection) -> list[Letter]:
    """Return all that waits or was given up, in the order in which it was decided."""
    query = select(outbox, ready_at().label("ready_at")).order_by(outbox.c.id)
    return [
        Letter(
            replace(read(row, row.attempts), due=row.ready_at or row.due),
            row.dead,
            row.error,
        )
        for row in connection.execute(query)
    ]


def revive(connection: Connection, keys: Collection[str], due: datetime) -> None:
    """Let dead letters wait again until `due`, with all their attempts ahead and the same keys."""
    change(connection, keys, dead=False, attempts=0, due=due)


def forget(connection: Connection, keys: Collection[str]) -> None:
    """Remove notifications that nobody is to be told of any more, waiting or dead."""
    remove(connection, keys)
