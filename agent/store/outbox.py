"""Notifications on their way: written with the alert they tell of, deleted once sent.

A sent row is not kept: its key cannot be enqueued again, because the alert's step moved on in
the same transaction. What could not be sent in time stays as a dead letter.

Notifications of one alert to one target keep their order: a recovery never overtakes the alarm
it ends, even while the alarm waits for its next attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, delete, func, select, tuple_, update

from agent.model import Notification
from agent.store import facts
from agent.store.sql import chunks, insert_new
from agent.store.tables import outbox

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect

_SUBJECT = ("receiver", "target", "account", "rule", "root", "resource")


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one receiver still has to be told: waiting, since when, and given up."""

    waiting: int
    oldest: datetime | None
    dead: int


def enqueue(connection: Connection, notifications: Collection[Notification]) -> None:
    """Add notifications in the order given; one whose key is there already is ignored.

    One that comes while others wait for their first attempt goes with them: an alert waits for
    its group once, and none waits longer than it was told to.
    """
    if not notifications:
        return
    groups = _groups(connection)
    rows = [_row(each, groups.get((each.receiver, each.target))) for each in notifications]
    connection.execute(insert_new(outbox), rows)


def claim(
    connection: Connection, receiver: str, target: str, now: datetime, limit: int
) -> list[Notification]:
    """Return what is due for a target, oldest first, each with one attempt more.

    Commit before sending: an attempt that ends with the process must have been counted.
    """
    due = _ready_at() <= now
    query = select(outbox).where(_waiting(receiver, target), due).order_by(outbox.c.id)
    rows = connection.execute(query.limit(limit)).all()
    _update(connection, (row.key for row in rows), attempts=outbox.c.attempts + 1)
    return [_notification(row, attempts=row.attempts + 1) for row in rows]


def sent(connection: Connection, keys: Collection[str]) -> None:
    """Forget notifications that their target has accepted."""
    for chunk in chunks(keys):
        connection.execute(delete(outbox).where(outbox.c.key.in_(chunk)))


def retry(connection: Connection, keys: Collection[str], due: datetime, error: str) -> None:
    """Let notifications wait until `due`; `error` is one line without secrets."""
    _update(connection, keys, due=due, error=error)


def bury(connection: Connection, keys: Collection[str], error: str) -> None:
    """Give notifications up, and keep them as dead letters."""
    _update(connection, keys, dead=True, error=error)


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
            given_up = update(outbox).where(_waiting(receiver, target))
            connection.execute(given_up.values(dead=True, error=error))
            unknown[receiver] = unknown.get(receiver, 0) + count
    return unknown


def next_due(connection: Connection, receiver: str, target: str) -> datetime | None:
    """Return when `claim` will next have something for a target; None when nothing waits."""
    ready = select(_ready_at().label("at")).where(_waiting(receiver, target)).subquery()
    return connection.execute(select(func.min(ready.c.at))).scalar()


def pending(connection: Connection) -> dict[str, Backlog]:
    """Return the backlog of every receiver that has one."""
    waits = outbox.c.dead.is_(False)
    query = select(
        outbox.c.receiver,
        func.sum(case((waits, 1), else_=0)),
        func.min(case((waits, outbox.c.created_at))),
        func.sum(case((waits, 0), else_=1)),
    ).group_by(outbox.c.receiver)
    return {receiver: Backlog(*counts) for receiver, *counts in connection.execute(query)}


def _waiting(receiver: str, target: str) -> ColumnElement[bool]:
    return and_(outbox.c.receiver == receiver, outbox.c.target == target, outbox.c.dead.is_(False))


def _ready_at() -> ScalarSelect[datetime | None]:
    """When a row may go: not before those decided earlier for the same alert and target."""
    earlier = outbox.alias("earlier")
    same = tuple_(*(earlier.c[name] for name in _SUBJECT))
    return (
        select(func.max(earlier.c.due))
        .where(
            same == tuple_(*(outbox.c[name] for name in _SUBJECT)),
            earlier.c.id <= outbox.c.id,
            earlier.c.dead.is_(False),
        )
        .correlate(outbox)
        .scalar_subquery()
    )


def _groups(connection: Connection) -> dict[tuple[str, str], datetime]:
    """When each target's first attempt is due, for targets that have one before them."""
    fresh = and_(outbox.c.attempts == 0, outbox.c.dead.is_(False))
    query = select(outbox.c.receiver, outbox.c.target, func.min(outbox.c.due)).where(fresh)
    rows = connection.execute(query.group_by(outbox.c.receiver, outbox.c.target))
    return {(receiver, target): due for receiver, target, due in rows}


def _update(connection: Connection, keys: Iterable[str], **values: Any) -> None:
    for chunk in chunks(keys):
        connection.execute(update(outbox).where(outbox.c.key.in_(chunk)).values(**values))


def _row(notification: Notification, group_due: datetime | None) -> dict[str, object]:
    transition = notification.transition
    alert = transition.alert.key
    return {
        "key": notification.key,
        "receiver": notification.receiver,
        "target": notification.target,
        "account": alert.account,
        "rule": alert.rule,
        "root": alert.root,
        "resource": alert.resource,
        "transition": facts.dump(transition),
        "created_at": transition.at,
        "due": min(notification.due, group_due or notification.due),
        "attempts": notification.attempts,
        "dead": False,
    }


def _notification(row: Row[Any], attempts: int) -> Notification:
    return Notification(
        key=row.key,
        receiver=row.receiver,
        target=row.target,
        transition=facts.parse(row.transition),
        due=row.due,
        attempts=attempts,
    )
