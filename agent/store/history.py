"""What mailboxes held, hour by hour for 14 days and day by day for a year.

Only what a poll learned is kept: a failed poll, or a figure that is not known, adds nothing.
A row stands for the last value of its hour (or day), and carries the hour's start.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy import and_, delete, exists, select, update

from agent.model import LARGEST_COUNT, Failure, FailureKind, Poll, QuotaState, Reading
from agent.store import readings
from agent.store.sql import chunks, insert_new, upsert
from agent.store.tables import mailbox, outbox, sample, series

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection

_HOUR = 3600
_DAY = 24 * _HOUR
KEEP_HOURLY = timedelta(days=14)
KEEP_DAILY = timedelta(days=365)
_BELIEVED = (QuotaState.LIMITED, QuotaState.UNLIMITED)
_KEEP_POLL = upsert(mailbox, unless_null=("last_success_at", "reading", "usage_ratio", "outlooks"))
_KEEP_SAMPLE = upsert(sample)


@dataclass(frozen=True, slots=True)
class Series:
    """What is recorded of an account: its size, its messages, or one resource of a quota root."""

    kind: Literal["size", "messages", "quota"]
    root: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """The last value of the hour that begins at `at`; bytes or a count, limit None for no limit."""

    at: datetime
    used: int
    limit: int | None


def append(connection: Connection, polls: Sequence[Poll]) -> None:
    """Record polls in the order given; of several in one hour the last one stays."""
    if not polls:
        return
    connection.execute(_KEEP_POLL, _mailboxes(polls))
    values = [
        (poll.account, of, poll.at, used, limit)
        for poll in polls
        if isinstance(poll.outcome, Reading)
        for of, used, limit in _values(poll.outcome)
    ]
    if not values:
        return
    ids = _series_ids(connection, {(account, of) for account, of, *_ in values})
    rows = [
        {
            "series_id": ids[account, of],
            "daily": False,
            "at": int(at.timestamp()) // _HOUR * _HOUR,
            "used": used,
            "limit": limit,
        }
        for account, of, at, used, limit in values
    ]
    connection.execute(_KEEP_SAMPLE, rows)


@dataclass(frozen=True, slots=True)
class LastPoll:
    """When an account was last polled and last read, and why the last poll failed, if it did."""

    polled_at: datetime
    succeeded_at: datetime | None
    failure: Failure | None


def last_polls(connection: Connection) -> dict[str, LastPoll]:
    """Return the last poll of every account that ever was polled."""
    columns = mailbox.c
    query = select(
        columns.account, columns.last_poll_at, columns.last_success_at, columns.failure,
        columns.detail,
    )  # fmt: skip
    return {
        row.account: LastPoll(
            row.last_poll_at,
            row.last_success_at,
            Failure(FailureKind(row.failure), row.detail or "") if row.failure else None,
        )
        for row in connection.execute(query)
    }


def usage(
    connection: Connection, account: str, since: datetime
) -> dict[Series, tuple[Sample, ...]]:
    """Return an account's history from `since` on, oldest first."""
    query = (
        select(series.c.kind, series.c.root, series.c.resource, sample)
        .join(sample, sample.c.series_id == series.c.id)
        .where(series.c.account == account, sample.c.at >= int(since.timestamp()))
        .order_by(sample.c.at)
    )
    found: dict[Series, list[Sample]] = {}
    for row in connection.execute(query):
        point = Sample(datetime.fromtimestamp(row.at, UTC), row.used, row.limit)
        found.setdefault(Series(row.kind, row.root, row.resource), []).append(point)
    return {of: tuple(points) for of, points in found.items()}


def prune(connection: Connection, now: datetime) -> None:
    """Keep one row a day of what is older than 14 days, and nothing older than a year.

    Dead letters go after a year, too. Every statement seeks by series, so that the cost follows
    what there is to do, not what is kept.
    """
    whole_days = int((now - KEEP_HOURLY).timestamp()) // _DAY * _DAY
    hourly = and_(_every_series(), sample.c.daily.is_(False), sample.c.at < whole_days)
    connection.execute(delete(sample).where(hourly, _has_later_hour()))
    connection.execute(update(sample).where(hourly).values(daily=True))
    year_ago = now - KEEP_DAILY
    connection.execute(
        delete(sample).where(
            _every_series(), sample.c.daily.is_(True), sample.c.at < int(year_ago.timestamp())
        )
    )
    connection.execute(delete(series).where(~exists().where(sample.c.series_id == series.c.id)))
    connection.execute(
        delete(outbox).where(outbox.c.dead.is_(True), outbox.c.created_at < year_ago)
    )


def _mailboxes(polls: Sequence[Poll]) -> list[dict[str, object]]:
    rows = []
    for poll in polls:
        reading = poll.outcome if isinstance(poll.outcome, Reading) else None
        failure = poll.outcome if isinstance(poll.outcome, Failure) else None
        rows.append(
            {
                "account": poll.account,
                "last_poll_at": poll.at,
                "last_success_at": None if failure else poll.at,
                "failure": failure.kind.value if failure else None,
                "detail": failure.detail if failure else None,
                "reading": readings.dump(reading) if reading else None,
            }
        )
    return rows


def _values(reading: Reading) -> Iterator[tuple[Series, int, int | None]]:
    """What is worth keeping; a sum over folders can exceed any column, and is then left out."""
    if reading.size_bytes is not None and reading.size_bytes <= LARGEST_COUNT:
        yield Series("size"), reading.size_bytes, None
    if reading.messages is not None and reading.messages <= LARGEST_COUNT:
        yield Series("messages"), reading.messages, None
    if reading.quota_state in _BELIEVED:
        for quota in reading.quotas:
            if quota.used <= LARGEST_COUNT:
                yield Series("quota", quota.root, quota.resource), quota.used, quota.limit


def _series_ids(
    connection: Connection, wanted: set[tuple[str, Series]]
) -> dict[tuple[str, Series], int]:
    """Return the number of each series, new ones included."""
    accounts = {account for account, _ in wanted}
    ids = _known_ids(connection, accounts)
    if new := [{"account": account, **asdict(of)} for account, of in wanted - ids.keys()]:
        connection.execute(insert_new(series), new)
        ids = _known_ids(connection, accounts)
    return ids


def _known_ids(connection: Connection, accounts: Collection[str]) -> dict[tuple[str, Series], int]:
    found: dict[tuple[str, Series], int] = {}
    for chunk in chunks(accounts):
        rows = connection.execute(select(series).where(series.c.account.in_(chunk)))
        found |= {(row.account, Series(row.kind, row.root, row.resource)): row.id for row in rows}
    return found


def _every_series() -> ColumnElement[bool]:
    return sample.c.series_id.in_(select(series.c.id))


def _has_later_hour() -> ColumnElement[bool]:
    later = sample.alias("later")
    return exists().where(
        later.c.series_id == sample.c.series_id,
        later.c.daily.is_(False),
        later.c.at > sample.c.at,
        later.c.at < (sample.c.at // _DAY + 1) * _DAY,
    )
