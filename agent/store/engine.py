"""The Store: one SQLite file, durable transactions, every trouble told as StoreUnavailable."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import URL, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from agent.store import place, schema
from agent.store.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine

_BUSY_SECONDS = 10.0
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PRIMARY_CODE = 0xFF  # SQLite's extended result codes keep the primary one in the low byte.

log = structlog.get_logger()


class Store:
    """The agent's database; safe to use from several threads.

    `Store(url)` raises StoreUrlError where the URL can never work; nothing is touched on disk.
    """

    def __init__(self, url: str) -> None:
        self.path = place.path_of(url)
        self._engine: Engine | None = None
        self._lock: int | None = None
        self._corrupt = False

    @property
    def is_open(self) -> bool:
        """Whether `transaction` can be expected to work."""
        return self._engine is not None

    def open(self) -> None:
        """Lock the file, and create, repair or migrate the database.

        A corrupt file is set aside with its side files, and a new one begun.
        Raises StoreLocked, StoreTooNew, StoreUrlError, or StoreUnavailable, which may pass.
        """
        if self._engine is not None:
            return
        try:
            with _unavailable(self.path):
                self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the database and of its lock."""
        if self._engine is not None:
            self._engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
        self._engine = self._lock = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Everything in the block is written durably, or nothing of it.

        Raises StoreUnavailable where it cannot be; other exceptions of the block pass through.
        """
        if self._engine is None:
            raise StoreUnavailable(f"the store {self.path} is not open")
        try:
            with _unavailable(self.path), self._engine.begin() as connection:
                yield connection
        except StoreUnavailable as error:
            if _is_corrupt(error.__cause__):
                self._corrupt = True
                self.close()
            raise

    def _open(self) -> None:
        place.refuse_network(self.path)
        self._lock = place.lock(self.path)
        try:
            self._connect()
        except SQLAlchemyError as error:
            if not _is_corrupt(error):
                raise
            self._corrupt = True
            self._connect()

    def _connect(self) -> None:
        if self._corrupt:
            self._set_aside()
        place.create(self.path)
        self._engine = _engine(self.path)
        with self._engine.begin() as connection:
            schema.prepare(connection)

    def _set_aside(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
        corrupt = place.set_aside(self.path, datetime.now(UTC))
        self._corrupt = False
        log.error("store.corrupt", path=str(self.path), set_aside=str(corrupt))


def _engine(path: Path) -> Engine:
    # Every delivery thread may write at once; none should wait for a connection.
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None},
        pool_size=2,
        max_overflow=-1,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # A commit survives a power cut.
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later could not wait for another writer.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _unavailable(path: Path) -> Iterator[None]:
    try:
        yield
    except StoreError:
        raise
    except (SQLAlchemyError, OSError) as error:
        raise StoreUnavailable(f"store {path}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    match error:
        case DBAPIError(orig=BaseException() as cause):
            text = str(cause)  # SQLAlchemy's own text repeats the statement and its values.
        case OSError(strerror=str() as text):
            pass
        case _:
            text = type(error).__name__
    return " ".join(text.split())


def _is_corrupt(error: BaseException | None) -> bool:
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY_CODE in _CORRUPT
