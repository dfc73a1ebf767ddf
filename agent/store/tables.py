"""The tables of the agent's state; `migrations/` tells how each came to be.

Times are microseconds since 1970 in UTC, so that what is read back equals what was written;
history, which has many rows, keeps whole seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970 and read back in UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return the microseconds; a naive datetime raises TypeError."""
        del dialect
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return the same instant in UTC."""
        del dialect
        return None if value is None else _EPOCH + value * _MICROSECOND


metadata = MetaData()

# Named and shaped as Alembic makes it, so that a new database needs no Alembic at all.
version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

mailbox = Table(
    "mailbox",
    metadata,
    Column("account", Text, primary_key=True),
    Column("last_poll_at", UtcTime, nullable=False),
    Column("last_success_at", UtcTime),
    Column("failure", Text),  # of the last poll; NULL where it succeeded
    Column("detail", Text),
    Column("reading", Text),  # JSON of the last reading's figures
    Column("usage_ratio", Float),  # the same reading's, so that the worst are found without it
    Column("outlooks", Text),  # JSON list of [root, resource, growth, full_at], as last forecast
    sqlite_with_rowid=False,
)

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("root", Text, nullable=False),
    Column("resource", Text, nullable=False),
    UniqueConstraint("account", "kind", "root", "resource", name="series_of_account"),
)

sample = Table(
    "sample",
    metadata,
    Column("series_id", ForeignKey("series.id", ondelete="CASCADE"), primary_key=True),
    Column("daily", Boolean, primary_key=True),  # the row stands for its day, not for its hour
    Column("at", BigInteger, primary_key=True, autoincrement=False),  # the hour's start, seconds
    Column("used", BigInteger, nullable=False),
    Column("limit", BigInteger),
    sqlite_with_rowid=False,
)

alert = Table(
    "alert",
    metadata,
    Column("account", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("root", Text, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("severity", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("told_at", UtcTime, nullable=False),
    Column("step", Integer, nullable=False),
    Column("reminders", Integer, nullable=False),
    Column("told", Text, nullable=False),  # JSON list of receivers' names
    Column("told_as", Text),  # the severity that they know, where a worse one is kept back
    sqlite_with_rowid=False,
)

flapping = Table(
    "flapping",
    metadata,
    Column("account", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("root", Text, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("episodes", Integer, nullable=False),  # of the alert, lately
    Column("well", Boolean, nullable=False),
    Column("since", UtcTime, nullable=False),  # it is well, or is not
    sqlite_with_rowid=False,
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),  # the order in which it was decided
    Column("key", Text, nullable=False, unique=True),
    Column("receiver", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("root", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("transition", Text, nullable=False),  # JSON of the facts; never a URL or a secret
    Column("created_at", UtcTime, nullable=False),
    Column("due", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("dead", Boolean, nullable=False),
    Column("error", Text),
    Index("outbox_of_target", "receiver", "target", "account"),
)

folder_sizes = Table(
    "folder_sizes",
    metadata,
    Column("account", Text, primary_key=True),
    Column("folder", LargeBinary, primary_key=True),  # its name on the wire
    Column("validity", Text, nullable=False),
    Column("next_uid", BigInteger),
    Column("messages", BigInteger, nullable=False),
    Column("blocks", Text, nullable=False),  # JSON list of [first, last, messages, size]
    sqlite_with_rowid=False,
)

# With row numbers, other than its siblings: a row can be megabytes long.
unique_ids = Table(
    "unique_ids",
    metadata,
    Column("account", Text, primary_key=True),
    Column("mailbox", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),  # see packing.py
)

refusal = Table(
    "refusal",
    metadata,
    Column("account", Text, primary_key=True),
    Column("credential", Text, nullable=False),  # a salted digest
    Column("times", Integer, nullable=False),  # 0: somebody has lifted the quarantine
    Column("at", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)

announced = Table(
    "announced",
    metadata,
    Column("labels", Text, primary_key=True),  # JSON; what an alert is to an Alertmanager
    Column("account", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("root", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("told", Text, nullable=False),  # JSON list of receivers' names
    Column("since", UtcTime, nullable=False),
    Column("ended_at", UtcTime),  # NULL while it fires
    Column("transition", Text, nullable=False),  # JSON of the facts; never a URL or a secret
    Index("announced_of_alert", "account", "rule", "root", "resource"),
)

# What the page of one mailbox shows, apart from what the page of all reads of each.
folders = Table(
    "folders",
    metadata,
    Column("account", Text, primary_key=True),
    Column("listing", Text, nullable=False),  # JSON: how many there are, and the largest
    sqlite_with_rowid=False,
)

# Failures of one kind in a row are one spell.
spell = Table(
    "spell",
    metadata,
    Column("account", Text, primary_key=True),
    Column("began_at", UtcTime, primary_key=True),
    Column("last_at", UtcTime, nullable=False),
    Column("times", Integer, nullable=False),
    Column("failure", Text, nullable=False),
    Column("detail", Text, nullable=False),  # of the last one
    sqlite_with_rowid=False,
)

# What receivers have accepted; one row for a change of an alert, however many targets it has.
told = Table(
    "told",
    metadata,
    Column("account", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("root", Text, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("since", UtcTime, primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("receiver", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)
