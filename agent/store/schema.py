"""Brings a database to the tables of this version; Alembic is imported only for an old one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import insert, inspect, select

from agent.store.errors import StoreTooNew, StoreUrlError
from agent.store.tables import metadata, version

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0001"  # Revisions are numbered, so that the text itself says which one is newer.


def prepare(connection: Connection) -> None:
    """Create or migrate the tables, within the caller's transaction.

    Raises StoreTooNew for a database of a later version, StoreUrlError for someone else's.
    """
    tables = set(inspect(connection).get_table_names())
    if version.name not in tables:
        _create(connection, tables)
        return
    stored = connection.execute(select(version.c.version_num)).scalar()
    if stored is None or stored < HEAD:
        migrate(connection)
    elif stored > HEAD:
        raise StoreTooNew(f"the store has revision {stored}, this version knows {HEAD}: upgrade")


def migrate(connection: Connection) -> None:
    """Apply the migrations that are missing."""
    from alembic import command  # noqa: PLC0415 - heavy, and needed once in a version's life
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _create(connection: Connection, tables: set[str]) -> None:
    if tables:
        raise StoreUrlError("the store's file is a database of another program")
    metadata.create_all(connection)
    connection.execute(insert(version).values(version_num=HEAD))
