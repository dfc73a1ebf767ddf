"""The recent history of many mailboxes at once, one series of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, func, select

from agent.store.history import Series
from agent.store.sql import chunks
from agent.store.tables import sample, series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select


STEP = 6 * 3600  # seconds from one point to the next; as fine as a small line can show


class Point(NamedTuple):
    """What an hour ended with; `at` is the hour's start in seconds since the epoch."""

    at: int
    used: int
    limit: int | None


def trends(
    connection: Connection, wanted: Mapping[str, Series], since: datetime
) -> dict[str, list[Point]]:
    """Return one series of each account from `since` on, oldest first, a point in six hours.

    Only hours are read, which are kept for 14 days. An account without history is left out.
    """
    accounts = {}
    for chunk in chunks(wanted):
        for row in connection.execute(select(series).where(series.c.account.in_(chunk))):
            if wanted[row.account] == Series(row.kind, row.root, row.resource):
                accounts[row.id] = row.account
    found: dict[str, list[Point]] = {}
    begin = int(since.timestamp())
    for ids in chunks(accounts):
        for number, at, used, limit in connection.execute(_query(ids, begin)).all():
            found.setdefault(accounts[number], []).append(Point(at, used, limit))
    return found


def _query(ids: Sequence[int], begin: int) -> Select[Any]:
    columns = sample.c
    hours = and_(columns.series_id.in_(ids), columns.daily.is_(False), columns.at >= begin)
    last = (
        select(columns.series_id, func.max(columns.at).label("at"))
        .where(hours)
        .group_by(columns.series_id, columns.at // STEP)
        .subquery()
    )
    is_last = and_(
        columns.series_id == last.c.series_id, columns.daily.is_(False), columns.at == last.c.at
    )
    query = select(columns.series_id, columns.at, columns.used, columns.limit).join(last, is_last)
    return query.order_by(columns.series_id, columns.at)
