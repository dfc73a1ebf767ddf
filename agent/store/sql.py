"""What databases spell differently, and what they limit, in one place; all else is portable SQL."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sqlalchemy import func

# PostgreSQL's `insert` has the same methods: a second database adds one `match` here.
from sqlalchemy.dialects.sqlite import insert

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.dialects.sqlite import Insert
    from sqlalchemy.sql.base import ReadOnlyColumnCollection
    from sqlalchemy.sql.elements import KeyedColumnElement

    Columns: TypeAlias = ReadOnlyColumnCollection[str, KeyedColumnElement[Any]]

_CHUNK = 500  # SQLite before 3.32 takes 999 variables in one statement.

Item = TypeVar("Item")


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Cut `items` into lists short enough for one IN (...)."""
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def insert_new(table: Table) -> Insert:
    """Insert rows; those that exist already are left as they are."""
    return insert(table).on_conflict_do_nothing()


def upsert(
    table: Table,
    *,
    unless_null: Collection[str] = (),
    when: Callable[[Columns], ColumnElement[bool]] | None = None,
) -> Insert:
    """Insert rows, or overwrite those with the same primary key.

    Columns in `unless_null` keep what they have where the new row says nothing; a row stays as it
    is unless `when` holds, which is given the columns of the new one.
    """
    statement = insert(table)
    new: dict[str, ColumnElement[Any]] = {
        column.name: func.coalesce(statement.excluded[column.name], column)
        if column.name in unless_null
        else statement.excluded[column.name]
        for column in table.columns
        if not column.primary_key
    }
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_=new,
        where=when(statement.excluded) if when else None,
    )
