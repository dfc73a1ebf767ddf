"""The Store: one SQLite file, durable transactions, every trouble told as StoreUnavailable."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import URL, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from agent.store import place, schema
from agent.store.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine

_BUSY_SECONDS = 10.0
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_WRITES = {"begin": "BEGIN IMMEDIATE"}  # One that reads first could not wait for another writer.
_READS = {"begin": "BEGIN"}  # Neither waits for a writer nor lets one wait.
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
        self._changing = RLock()

    @property
    def is_open(self) -> bool:
        """Whether `transaction` and `reading` can be expected to work."""
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

    def open_beside(self) -> None:
        """Open the database of an agent that may be running, without its lock.

        It is neither created nor migrated nor repaired; `transaction` and `reading` work.
        Raises StoreUnavailable where there is none or it cannot be read, StoreTooNew or
        StoreUrlError as `open` does, and StoreError where the agent must migrate it first.
        """
        if self._engine is not None:
            return
        with _unavailable(self.path):
            place.refuse_network(self.path)
            self.path.stat()  # its error names the cause; SQLite's would not
            self._engine = _prepared(_engine(self.path), schema.check, _READS)

    def close(self) -> None:
        """Let go of the database and of its lock."""
        with self._changing:
            engine, lock = self._engine, self._lock
            self._engine = self._lock = None
        if engine is not None:
            engine.dispose()
        if lock is not None:
            os.close(lock)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Everything in the block is written durably, or nothing of it.

        Raises StoreUnavailable where it cannot be; other exceptions of the block pass through.
        """
        with self._connected(_WRITES) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view of the database, for reading; it waits for no writer.

        Raises as `transaction` does. Keep it short: what is being read cannot be tidied up.
        """
        with self._connected(_READS) as connection:
            yield connection

    @contextmanager
    def _connected(self, mode: dict[str, str]) -> Iterator[Connection]:
        engine = self._engine
        if engine is None:
            raise StoreUnavailable(f"the store {self.path} is not open")
        try:
            with _unavailable(self.path), _begun(engine, mode) as connection:
                yield connection
        except StoreUnavailable as error:
            if _is_corrupt(error.__cause__):
                self._give_up(engine)
            raise

    def _give_up(self, engine: Engine) -> None:
        """Close a corrupt database, but not the one that has taken its place meanwhile."""
        with self._changing:
            if self._engine is engine:
                self._corrupt = True
                self.close()

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
        self._engine = _prepared(_engine(self.path, wal=True), schema.prepare, _WRITES)

    def _set_aside(self) -> None:
        corrupt = place.set_aside(self.path, datetime.now(UTC))
        self._corrupt = False
        log.error("store.corrupt", path=str(self.path), set_aside=str(corrupt))


def _engine(path: Path, *, wal: bool = False) -> Engine:
    # Every thread may use the store at once; none should wait for a connection.
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        creator=lambda: _connect(path, wal=wal),
        pool_size=2,
        max_overflow=-1,
    )
    event.listen(engine, "begin", _begin)
    return engine


def _connect(path: Path, *, wal: bool) -> sqlite3.Connection:
    """Connect to a file that exists: one that was removed is not silently made anew."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # the pool hands connections from thread to thread
    )
    if wal:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # A commit survives a power cut.
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options()["begin"])


@contextmanager
def _begun(engine: Engine, mode: dict[str, str]) -> Iterator[Connection]:
    with engine.connect().execution_options(**mode) as connection, connection.begin():
        yield connection


def _prepared(
    engine: Engine, prepare: Callable[[Connection], None], mode: dict[str, str]
) -> Engine:
    """The engine, for others to see, once the tables are there."""
    try:
        with _begun(engine, mode) as connection:
            prepare(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


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
