"""Brings a database to the tables of this version; Alembic is imported only for an old one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import insert, inspect, select

from agent.store.errors import StoreError, StoreTooNew, StoreUrlError
from agent.store.tables import metadata, version

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0005"  # Revisions are numbered, so that the text itself says which one is newer.


def prepare(connection: Connection) -> None:
    """Create or migrate the tables, within the caller's transaction.

    Raises StoreTooNew for a database of a later version, StoreUrlError for someone else's.
    """
    tables = set(inspect(connection).get_table_names())
    if version.name not in tables:
        _create(connection, tables)
        return
    if _revision(connection) < HEAD:
        migrate(connection)


def check(connection: Connection) -> None:
    """Only look whether the tables are those of this version.

    Raises StoreTooNew for a database of a later version, StoreUrlError for someone else's,
    StoreError for one that the agent has yet to create or migrate.
    """
    tables = set(inspect(connection).get_table_names())
    if version.name not in tables:
        _refuse_foreign(tables)
        raise StoreError("the store has no tables yet: start the agent first")
    if (stored := _revision(connection)) < HEAD:
        raise StoreError(
            f"the store has revision {stored or 'none'}, this version needs {HEAD}: "
            "restart the agent, which migrates it"
        )


def migrate(connection: Connection) -> None:
    """Apply the migrations that are missing."""
    from alembic import command  # noqa: PLC0415 - heavy, and needed once in a version's life
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _create(connection: Connection, tables: set[str]) -> None:
    _refuse_foreign(tables)
    metadata.create_all(connection)
    connection.execute(insert(version).values(version_num=HEAD))


def _revision(connection: Connection) -> str:
    """The revision of the tables, "" where there is none; StoreTooNew for one after ours."""
    stored = connection.execute(select(version.c.version_num)).scalar() or ""
    if stored > HEAD:
        raise StoreTooNew(f"the store has revision {stored}, this version knows {HEAD}: upgrade")
    return stored


def _refuse_foreign(tables: set[str]) -> None:
    if tables:
        raise StoreUrlError("the store's file is a database of another program")
