"""A store on a real file, and the ways in which its disk can fail."""

from __future__ import annotations

import os
import resource
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NOBODY = 65534


def store_in(folder: Path) -> Store:
    """A store, not yet open, in its own file."""
    return Store(f"sqlite:///{folder / 'agent.db'}")


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """An open store, closed at the end."""
    store = store_in(folder)
    store.open()
    try:
        yield store
    finally:
        store.close()


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow: a disk that is full, as far as SQLite can tell."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A state directory that this process may read and not write, even where it runs as root."""
    everything = [folder, *folder.iterdir()]
    was_root = os.geteuid() == 0
    for path in everything:
        path.chmod(0o500 if path.is_dir() else 0o400)
        if was_root:
            os.chown(path, _NOBODY, _NOBODY)
    if was_root:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)
        for path in everything:
            path.chmod(0o700 if path.is_dir() else 0o600)


def schema_of(path: Path) -> list[tuple[str, ...]]:
    """Every table's columns, keys and indexes, as the database itself tells them."""
    with sqlite3.connect(path) as connection:
        found: list[tuple[str, ...]] = []
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        ).fetchall()
        for (table,) in tables:
            for pragma in ("table_xinfo", "foreign_key_list", "index_list"):
                rows = connection.execute(f"PRAGMA {pragma}({table})").fetchall()
                found += sorted((table, pragma, *map(str, row)) for row in rows)
        flags = connection.execute("PRAGMA table_list").fetchall()
        found += sorted(("table_list", *map(str, row)) for row in flags)
    connection.close()
    return found
