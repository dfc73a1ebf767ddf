"""What the store knows of mailboxes: their last polls, their last figures, and what fires."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import select

from agent.model import Failure, FailureKind
from agent.store import alerts, memory, readings
from agent.store.sql import chunks
from agent.store.tables import mailbox

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from agent.memory import Refusal
    from agent.model import Alert, Reading

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Overview:
    """One mailbox: None and empty is "not known", as for one that was never polled.

    `failure` is the last poll's, None where it succeeded; `reading` is the last success's, without
    its folders. A `refusal` of no times was lifted.
    """

    polled_at: datetime | None = None
    succeeded_at: datetime | None = None
    failure: Failure | None = None
    reading: Reading | None = None
    alerts: tuple[Alert, ...] = ()
    refusal: Refusal | None = None


def overview(connection: Connection, accounts: Collection[str]) -> dict[str, Overview]:
    """Return what is known of each of these accounts, in their order."""
    known = dict.fromkeys(accounts, Overview())
    for chunk in chunks(accounts):
        for row in connection.execute(select(mailbox).where(mailbox.c.account.in_(chunk))):
            known[row.account] = _polled(row)
    for account, firing in _firing(connection, accounts).items():
        known[account] = replace(known[account], alerts=tuple(firing))
    for account, refusal in memory.refusals(connection, accounts).items():
        known[account] = replace(known[account], refusal=refusal)
    return known


def _polled(row: Row[Any]) -> Overview:
    failure = Failure(FailureKind(row.failure), row.detail or "") if row.failure else None
    return Overview(row.last_poll_at, row.last_success_at, failure, _reading(row))


def _reading(row: Row[Any]) -> Reading | None:
    try:
        return readings.parse(row.reading) if row.reading else None
    except (ValueError, KeyError, TypeError):
        log.warning("reading.damaged", account=row.account)
        return None


def _firing(connection: Connection, accounts: Collection[str]) -> dict[str, list[Alert]]:
    found: defaultdict[str, list[Alert]] = defaultdict(list)
    for key, alert in alerts.firing(connection, accounts).items():
        found[key.account].append(alert)
    return found
