"""The firing alerts as they were last decided: what the next reading is judged against."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, select

from agent.model import Alert, AlertKey, Reason, Severity, Transition
from agent.store.sql import chunks, upsert
from agent.store.tables import alert

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from sqlalchemy import Connection, Row

_DELETE = delete(alert).where(
    and_(*(column == bindparam(f"_{column.name}") for column in alert.primary_key.columns))
)


def firing(
    connection: Connection, accounts: Collection[str] | None = None
) -> dict[AlertKey, Alert]:
    """Return the firing alerts of some accounts, or of all."""
    return {found.key: found for found in map(_alert, _rows(connection, accounts))}


def worst(connection: Connection) -> dict[str, Severity]:
    """Return the severity of each account's worst alert."""
    found: dict[str, Severity] = {}
    query = select(alert.c.account, alert.c.severity).distinct()
    for account, severity in connection.execute(query):
        each = Severity(severity)
        if account not in found or each.rank > found[account].rank:
            found[account] = each
    return found


def apply(connection: Connection, transitions: Iterable[Transition]) -> None:
    """Keep the alerts as the transitions, in their order, leave them; RESOLVED ends one."""
    last = {transition.alert.key: transition for transition in transitions}
    ended = [_key(key) for key, change in last.items() if change.reason is Reason.RESOLVED]
    kept = [_row(x.alert) for x in last.values() if x.reason is not Reason.RESOLVED]
    if ended:
        connection.execute(_DELETE, ended)
    if kept:
        connection.execute(upsert(alert), kept)


def _rows(connection: Connection, accounts: Collection[str] | None) -> Iterator[Row[Any]]:
    if accounts is None:
        yield from connection.execute(select(alert))
        return
    for chunk in chunks(accounts):
        yield from connection.execute(select(alert).where(alert.c.account.in_(chunk)))


def _key(key: AlertKey) -> dict[str, str]:
    return {f"_{column.name}": getattr(key, column.name) for column in alert.primary_key.columns}


def _row(firing: Alert) -> dict[str, object]:
    return {
        "account": firing.key.account,
        "rule": firing.key.rule,
        "root": firing.key.root,
        "resource": firing.key.resource,
        "severity": firing.severity.value,
        "since": firing.since,
        "told_at": firing.told_at,
        "step": firing.step,
        "reminders": firing.reminders,
        "told": json.dumps(firing.told, ensure_ascii=False),
        "told_as": firing.told_as.value if firing.told_as else None,
    }


def _alert(row: Row[Any]) -> Alert:
    return Alert(
        key=AlertKey(row.account, row.rule, row.root, row.resource),
        severity=Severity(row.severity),
        since=row.since,
        told_at=row.told_at,
        step=row.step,
        reminders=row.reminders,
        told=tuple(json.loads(row.told)),
        told_as=Severity(row.told_as) if row.told_as else None,
    )
