"""Out of the outbox: what is due for a target, and what has come of sending it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select, update

from agent.store.outbox.rows import change, read, ready_at, remove, waiting, waits
from agent.store.tables import outbox

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

    from agent.model import Notification


def claim(
    connection: Connection, receiver: str, target: str, now: datetime, limit: int
) -> list[Notification]:
    """Return what is due for a target, oldest first, each with one attempt more.

    Commit before sending: an attempt that ends with the process must have been counted.
    """
    due = ready_at() <= now
    query = select(outbox).where(waiting(receiver, target), due).order_by(outbox.c.id)
    rows = connection.execute(query.limit(limit)).all()
    change(connection, (row.key for row in rows), attempts=outbox.c.attempts + 1)
    return [read(row, attempts=row.attempts + 1) for row in rows]


def sent(connection: Connection, keys: Collection[str]) -> None:
    """Forget notifications that their target has accepted."""
    remove(connection, keys)


def retry(connection: Connection, keys: Collection[str], due: datetime, error: str) -> None:
    """Let notifications wait until `due`; `error` is one line without secrets."""
    change(connection, keys, due=due, error=error)


def bury(connection: Connection, keys: Collection[str], error: str) -> None:
    """Give notifications up, and keep them as dead letters."""
    change(connection, keys, dead=True, error=error)


def bury_unknown(
    connection: Connection, targets: Collection[tuple[str, str]], error: str
) -> dict[str, int]:
    """Give up what waits for targets that are not among `targets` (receiver, ordinal).

    Returns how many notifications each such receiver will not get.
    """
    where = outbox.c.dead.is_(False)
    query = select(outbox.c.receiver, outbox.c.target, func.count()).where(where)
    counts = connection.execute(query.group_by(outbox.c.receiver, outbox.c.target)).all()
    unknown: dict[str, int] = {}
    for receiver, target, count in counts:
        if (receiver, target) not in targets:
            given_up = update(outbox).where(waiting(receiver, target))
            connection.execute(given_up.values(dead=True, error=error))
            unknown[receiver] = unknown.get(receiver, 0) + count
    return unknown


def due_for(connection: Connection, now: datetime) -> set[str]:
    """Return the receivers that something is due for."""
    due = and_(outbox.c.dead.is_(False), outbox.c.due <= now, ready_at() <= now)
    return set(connection.execute(select(outbox.c.receiver).where(due).distinct()).scalars())


def first_due(connection: Connection, receiver: str, now: datetime) -> str | None:
    """Return the target of what is due longest for a receiver; None where nothing is."""
    query = select(outbox.c.target).where(waits(receiver), ready_at() <= now)
    return connection.execute(query.order_by(outbox.c.due, outbox.c.id).limit(1)).scalar()


def count(connection: Connection, receiver: str, target: str | None) -> int:
    """Return how many notifications wait for a target; 0 without one."""
    if target is None:
        return 0
    query = select(func.count()).select_from(outbox).where(waiting(receiver, target))
    return connection.execute(query).scalar_one()


def next_due(connection: Connection, receiver: str, target: str | None) -> datetime | None:
    """Return when something will next be due for a target, or for any without; None for never."""
    where = waiting(receiver, target) if target is not None else waits(receiver)
    ready = select(ready_at().label("at")).where(where).subquery()
    return connection.execute(select(func.min(ready.c.at))).scalar()
