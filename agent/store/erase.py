"""Forgets mailboxes: whatever any table holds of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, union

from agent.store.sql import chunks
from agent.store.tables import alert, metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection

# A table about mailboxes has this column; whatever hangs on such a row goes with it (CASCADE).
_ABOUT_MAILBOXES = [table for table in metadata.sorted_tables if "account" in table.c]


def known(connection: Connection) -> set[str]:
    """Return every account that anything is stored about."""
    names = union(*(select(table.c.account) for table in _ABOUT_MAILBOXES))
    return set(connection.execute(names).scalars()) - {""}  # "": servers, and the agent itself


def firing(connection: Connection, accounts: Collection[str]) -> Mapping[str, int]:
    """Return how many alerts of each of these accounts fire."""
    found: dict[str, int] = {}
    for chunk in chunks(accounts):
        query = select(alert.c.account, func.count().label("count")).where(
            alert.c.account.in_(chunk)
        )
        rows = connection.execute(query.group_by(alert.c.account)).all()
        found |= {row.account: row.count for row in rows}
    return found


def erase(connection: Connection, accounts: Collection[str]) -> None:
    """Delete all that is stored about these accounts; on SQLite what was there is overwritten."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    for table in reversed(_ABOUT_MAILBOXES):
        for chunk in chunks(accounts):
            connection.execute(delete(table).where(table.c.account.in_(chunk)))
