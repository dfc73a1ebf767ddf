"""Reads the stored history, account by account, and writes it to stdout as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from agent.cli.beside import store_of
from agent.cli.terminal import show
from agent.store import history

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from agent.config.accounts import Account
    from agent.config.settings import Settings

HEADER = ("account", "series", "root", "resource", "time", "used", "limit")
# A spreadsheet would take what begins so for a formula, and names come from mail servers.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(settings: Settings, accounts: Sequence[Account], days: int) -> None:
    """Write the header, then all rows of each account in turn.

    Raises:
        CommandError: the store cannot be used, status 4; or stdout cannot be written.
    """
    since = datetime.now(UTC) - timedelta(days=days)
    show(_csv([HEADER]))
    with store_of(settings.store) as store:
        for account in accounts:
            with store.reading() as connection:  # short ones, which hold up no tidying
                rows = list(_rows(connection, account.name, since))
            if rows:
                show(_csv(rows))


def _rows(
    connection: Connection, account: str, since: datetime
) -> Iterator[tuple[str | int | None, ...]]:
    for of, samples in history.usage(connection, account, since).items():
        names = (account, of.kind, of.root, of.resource)
        for each in samples:
            yield (*map(_harmless, names), f"{each.at:%Y-%m-%dT%H:%M:%SZ}", each.used, each.limit)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(rows: Sequence[Sequence[str | int | None]]) -> str:
    """The rows without the last line's end, which `show` adds."""
    paper = io.StringIO()
    csv.writer(paper, lineterminator="\n").writerows(rows)
    return paper.getvalue().removesuffix("\n")
