"""What the store knows of mailboxes: last polls, last figures, what is foreseen, what fires."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import BigInteger, bindparam, select, type_coerce, update

from agent.model import Failure, FailureKind, Outlook, Reading
from agent.store import alerts, memory, readings
from agent.store.sql import chunks
from agent.store.tables import mailbox

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection, Row

    from agent.memory import Refusal
    from agent.model import Alert, Poll, Severity

    Outlooks = Mapping[tuple[str, str], Outlook]  # by quota root and resource
    # An account, its last success in seconds since the epoch, its last poll's failure, its usage.
    Glance = tuple[str, float | None, str | None, float | None]

_OF = update(mailbox).where(mailbox.c.account == bindparam("_account"))
_SUM_UP = _OF.values(usage_ratio=bindparam("_ratio"))
_FORESEE = _OF.values(outlooks=bindparam("_outlooks"))

_SECOND = 1_000_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Overview:
    """One mailbox: None and empty is "not known", as for one that was never polled.

    `failure` is the last poll's, None where it succeeded; `reading` is the last success's, without
    its folders. A `refusal` of no times was lifted. `outlooks` are as last worked out.
    """

    polled_at: datetime | None = None
    succeeded_at: datetime | None = None
    failure: Failure | None = None
    reading: Reading | None = None
    alerts: tuple[Alert, ...] = ()
    refusal: Refusal | None = None
    outlooks: Outlooks = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Glances:
    """What tells the worst of many mailboxes: by account, and nothing where all is well."""

    polled: Mapping[str, Glance]
    worst: Mapping[str, Severity]  # of its alerts
    refusals: Mapping[str, Refusal]


def sum_up(connection: Connection, polls: Sequence[Poll], foreseen: Mapping[str, Outlooks]) -> None:
    """Keep what `glances` shows of polls that `history.append` has written, and new outlooks."""
    read = {poll.account: poll.outcome for poll in polls if isinstance(poll.outcome, Reading)}
    if read:
        ratios = [{"_account": name, "_ratio": each.usage_ratio} for name, each in read.items()]
        connection.execute(_SUM_UP, ratios)
    if foreseen:
        rows = [{"_account": name, "_outlooks": _dump(each)} for name, each in foreseen.items()]
        connection.execute(_FORESEE, rows)


def glances(connection: Connection) -> Glances:
    """Return what is known at a glance of every account that ever was polled.

    It takes a few microseconds an account, which `overview` does not.
    """
    columns = mailbox.c
    succeeded_at = type_coerce(columns.last_success_at, BigInteger) // _SECOND
    query = select(columns.account, succeeded_at, columns.failure, columns.usage_ratio)
    rows = connection.execute(query).all()
    return Glances(
        {row[0]: row for row in rows},
        alerts.worst(connection),
        memory.refusals(connection),
    )


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
    return Overview(
        row.last_poll_at, row.last_success_at, failure, _reading(row), outlooks=_outlooks(row)
    )


def _reading(row: Row[Any]) -> Reading | None:
    try:
        return readings.parse(row.reading) if row.reading else None
    except (ValueError, KeyError, TypeError):
        log.warning("reading.damaged", account=row.account)
        return None


def _dump(outlooks: Outlooks) -> str:
    rows = [(*of, each.growth, each.full_at) for of, each in outlooks.items()]
    return json.dumps(rows, default=datetime.isoformat, ensure_ascii=False)


def _outlooks(row: Row[Any]) -> Outlooks:
    try:
        return {
            (root, resource): Outlook(growth, datetime.fromisoformat(full_at) if full_at else None)
            for root, resource, growth, full_at in json.loads(row.outlooks or "[]")
        }
    except (ValueError, TypeError):
        log.warning("outlook.damaged", account=row.account)
        return {}


def _firing(connection: Connection, accounts: Collection[str]) -> dict[str, list[Alert]]:
    found: defaultdict[str, list[Alert]] = defaultdict(list)
    for key, alert in alerts.firing(connection, accounts).items():
        found[key.account].append(alert)
    return found
