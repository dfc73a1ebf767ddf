"""What receivers have been told of mailboxes, kept for a while after it has left the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy import bindparam, delete, select

from agent.model import AlertKey, Reason, Severity
from agent.store import facts
from agent.store.sql import chunks, insert_new
from agent.store.tables import outbox, told

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

MOST = 20  # of a mailbox, the latest
KEEP = timedelta(days=365)
_KEEP_TOLD = insert_new(told)


@dataclass(frozen=True, slots=True)
class Notice:
    """A change of an alert, as one receiver is or was told of it.

    `at` is when the first of its targets accepted it, else when it was decided.
    """

    at: datetime
    receiver: str
    key: AlertKey
    severity: Severity
    reason: Reason | None
    state: Literal["sent", "waiting", "given_up"]


def record(connection: Connection, keys: Collection[str], now: datetime) -> None:
    """Keep notifications that are about to leave the outbox as accepted, by their keys."""
    rows = [
        {
            "account": row.account,
            "rule": row.rule,
            "root": row.root,
            "resource": row.resource,
            "receiver": row.receiver,
            "at": now,
            **_change(row.transition),
        }
        for chunk in chunks(keys)
        for row in connection.execute(select(outbox).where(outbox.c.key.in_(chunk)))
    ]
    if not rows:
        return
    connection.execute(_KEEP_TOLD, rows)
    if accounts := {str(row["account"]) for row in rows} - {""}:
        connection.execute(_FORGET, [{"_account": account} for account in accounts])


def notices(connection: Connection, account: str) -> list[Notice]:
    """Return what was told of a mailbox, what waits to be and what was given up, latest first."""
    query = select(told).where(told.c.account == account).order_by(told.c.at.desc())
    sent = [
        Notice(
            row.at,
            row.receiver,
            AlertKey(row.account, row.rule, row.root, row.resource),
            Severity(row.severity),
            Reason(row.reason) if row.reason else None,
            "sent",
        )
        for row in connection.execute(query.limit(MOST))
    ]
    return sorted([*_unsent(connection, account), *sent], key=lambda each: each.at, reverse=True)


def prune(connection: Connection, now: datetime) -> None:
    """Drop what was told more than a year ago."""
    connection.execute(delete(told).where(told.c.at < now - KEEP))


def _unsent(connection: Connection, account: str) -> set[Notice]:
    """What lies in the outbox; one for a change, however many targets the receiver has."""
    found = set()
    query = select(outbox).where(outbox.c.account == account).order_by(outbox.c.id.desc())
    for row in connection.execute(query.limit(MOST)):
        change = facts.parse(row.transition)
        state: Literal["waiting", "given_up"] = "given_up" if row.dead else "waiting"
        key, severity = change.alert.key, change.alert.severity
        found.add(Notice(change.at, row.receiver, key, severity, change.reason, state))
    return found


def _change(transition: str) -> dict[str, object]:
    change = facts.parse(transition)
    return {
        "since": change.alert.since,
        "step": change.alert.step,
        "reason": change.reason.value if change.reason else "",
        "severity": change.alert.severity.value,
    }


_newer = told.alias("newer")
_FORGET = delete(told).where(
    told.c.account == bindparam("_account"),
    told.c.at
    < select(_newer.c.at)
    .where(_newer.c.account == bindparam("_account"))
    .order_by(_newer.c.at.desc())
    .offset(MOST - 1)
    .limit(1)
    .scalar_subquery(),
)
