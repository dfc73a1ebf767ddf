"""How alerts come and go: kept while one fires, and for a day after its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, select

from agent.model import AlertKey, Flapping
from agent.store.sql import upsert
from agent.store.tables import flapping

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection

_SUBJECT = ("account", "rule", "root", "resource")
_DELETE = delete(flapping).where(
    and_(*(flapping.c[name] == bindparam(f"_{name}") for name in _SUBJECT))
)


def known(connection: Connection) -> dict[AlertKey, Flapping]:
    """Return all that is known."""
    return {
        AlertKey(row.account, row.rule, row.root, row.resource): Flapping(
            row.episodes, row.well, row.since
        )
        for row in connection.execute(select(flapping))
    }


def keep(connection: Connection, changed: Mapping[AlertKey, Flapping]) -> None:
    """Keep what has changed."""
    rows = [
        {
            "account": key.account,
            "rule": key.rule,
            "root": key.root,
            "resource": key.resource,
            "episodes": each.episodes,
            "well": each.well,
            "since": each.since,
        }
        for key, each in changed.items()
    ]
    if rows:
        connection.execute(upsert(flapping), rows)


def forget(connection: Connection, keys: Collection[AlertKey]) -> None:
    """Forget these."""
    rows = [{f"_{name}": getattr(key, name) for name in _SUBJECT} for key in keys]
    if rows:
        connection.execute(_DELETE, rows)
