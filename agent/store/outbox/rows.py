"""The rows of the outbox: which of them wait, when they may go, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, select, tuple_, update

from agent.model import Notification
from agent.store import facts
from agent.store.sql import chunks
from agent.store.tables import outbox

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect

SUBJECT = ("receiver", "target", "account", "rule", "root", "resource")


def waits(receiver: str) -> ColumnElement[bool]:
    """Whether a row waits for any target of a receiver."""
    return and_(outbox.c.receiver == receiver, outbox.c.dead.is_(False))


def waiting(receiver: str, target: str) -> ColumnElement[bool]:
    """Whether a row waits for this target."""
    return and_(waits(receiver), outbox.c.target == target)


def ready_at() -> ScalarSelect[datetime | None]:
    """When a row may go: not before those decided earlier for the same alert and target."""
    earlier = outbox.alias("earlier")
    same = tuple_(*(earlier.c[name] for name in SUBJECT))
    return (
        select(func.max(earlier.c.due))
        .where(
            same == tuple_(*(outbox.c[name] for name in SUBJECT)),
            earlier.c.id <= outbox.c.id,
            earlier.c.dead.is_(False),
        )
        .correlate(outbox)
        .scalar_subquery()
    )


def remove(connection: Connection, keys: Iterable[str]) -> None:
    """Delete the rows with these keys."""
    for chunk in chunks(keys):
        connection.execute(delete(outbox).where(outbox.c.key.in_(chunk)))


def change(connection: Connection, keys: Iterable[str], **values: Any) -> None:
    """Give the rows with these keys other values."""
    for chunk in chunks(keys):
        connection.execute(update(outbox).where(outbox.c.key.in_(chunk)).values(**values))


def read(row: Row[Any], attempts: int) -> Notification:
    """Return the notification of a row, with this number of attempts."""
    return Notification(
        key=row.key,
        receiver=row.receiver,
        target=row.target,
        transition=facts.parse(row.transition),
        due=row.due,
        attempts=attempts,
    )
