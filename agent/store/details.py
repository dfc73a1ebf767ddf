"""What one mailbox's own page shows beside its figures: its folders, and its recent failures."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import and_, bindparam, delete, select

from agent.model import Failure, FailureKind, Folder, Reading, Role
from agent.store.sql import chunks, upsert
from agent.store.tables import folders, mailbox, spell

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from agent.model import Poll

MOST_FOLDERS = 50  # of a mailbox, the largest
MOST_SPELLS = 20  # of a mailbox, the latest
KEEP_SPELLS = timedelta(days=365)
_KEEP_FOLDERS = upsert(folders)
_KEEP_SPELL = upsert(spell)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Folders:
    """The largest folders of the last reading, the largest first, and how many there are."""

    count: int
    largest: tuple[Folder, ...]


NO_FOLDERS = Folders(0, ())


@dataclass(frozen=True, slots=True)
class Spell:
    """Polls in a row that failed for one reason; `failure` has the detail of the last one."""

    began_at: datetime
    last_at: datetime
    times: int
    failure: Failure


def keep(connection: Connection, polls: Sequence[Poll]) -> None:
    """Keep what polls, in their order, tell of folders and failures.

    Call it before `history.append`: which failures go on is seen from the polls before.
    """
    read = {poll.account: poll.outcome for poll in polls if isinstance(poll.outcome, Reading)}
    if read:
        rows = [{"account": name, "listing": _dump(each)} for name, each in read.items()]
        connection.execute(_KEEP_FOLDERS, rows)
    if failing := {poll.account for poll in polls if isinstance(poll.outcome, Failure)}:
        _keep_failures(connection, [poll for poll in polls if poll.account in failing], failing)


def folders_of(connection: Connection, account: str) -> Folders:
    """Return the folders of the last reading; what is damaged counts as not known."""
    query = select(folders.c.listing).where(folders.c.account == account)
    listing = connection.execute(query).scalar()
    try:
        return listed(*_parse(listing)) if listing else NO_FOLDERS
    except (ValueError, KeyError, TypeError):
        log.warning("folders.damaged", account=account)
        return NO_FOLDERS


def listed(largest: Iterable[Folder], count: int) -> Folders:
    """The largest of these folders; those of unknown size come last, by their messages."""
    ordered = sorted(
        largest,
        key=lambda each: (-1 if each.size_bytes is None else each.size_bytes, each.messages or 0),
    )
    return Folders(count, tuple(reversed(ordered[-MOST_FOLDERS:])))


def spells(connection: Connection, account: str) -> list[Spell]:
    """Return the recent failures of an account, the latest first."""
    query = select(spell).where(spell.c.account == account).order_by(spell.c.began_at.desc())
    return [_spell(row) for row in connection.execute(query.limit(MOST_SPELLS))]


def prune(connection: Connection, now: datetime) -> None:
    """Drop failures of more than a year ago."""
    connection.execute(delete(spell).where(spell.c.last_at < now - KEEP_SPELLS))


def _largeness(folder: Folder) -> tuple[int, int]:
    return (-1 if folder.size_bytes is None else folder.size_bytes, folder.messages or 0)


def _dump(reading: Reading) -> str:
    shown = listed(reading.folders, len(reading.folders))
    rows = [
        (each.name, each.role, each.messages, each.unread, each.size_bytes)
        for each in shown.largest
    ]
    return json.dumps({"count": shown.count, "largest": rows}, ensure_ascii=False)


def _parse(listing: str) -> tuple[list[Folder], int]:
    facts = json.loads(listing)
    return [
        Folder(name, Role(role) if role else None, messages, unread, size)
        for name, role, messages, unread, size in facts["largest"]
    ], int(facts["count"])


def _keep_failures(
    connection: Connection, polls: Iterable[Poll], accounts: Collection[str]
) -> None:
    going_on = _going_on(connection, accounts)
    changed: dict[tuple[str, datetime], Spell] = {}
    begun = set()
    for poll in polls:
        before = going_on.pop(poll.account, None)
        if not isinstance(poll.outcome, Failure):
            continue
        if before and before.failure.kind is poll.outcome.kind:
            now = replace(before, last_at=poll.at, times=before.times + 1, failure=poll.outcome)
        else:
            now = Spell(poll.at, poll.at, 1, poll.outcome)
            begun.add(poll.account)
        going_on[poll.account] = changed[poll.account, now.began_at] = now
    connection.execute(_KEEP_SPELL, [_row(name, each) for (name, _), each in changed.items()])
    if begun:
        connection.execute(_FORGET_SPELLS, [{"_account": account} for account in begun])


def _going_on(connection: Connection, accounts: Collection[str]) -> dict[str, Spell]:
    """The spells that the accounts' last polls belong to."""
    found: dict[str, Spell] = {}
    is_last = and_(mailbox.c.account == spell.c.account, mailbox.c.last_poll_at == spell.c.last_at)
    for chunk in chunks(accounts):
        query = select(spell).join(mailbox, is_last).where(spell.c.account.in_(chunk))
        found |= {row.account: _spell(row) for row in connection.execute(query)}
    return found


def _spell(row: Row[Any]) -> Spell:
    failure = Failure(FailureKind(row.failure), row.detail)
    return Spell(row.began_at, row.last_at, row.times, failure)


def _row(account: str, each: Spell) -> dict[str, object]:
    return {
        "account": account,
        "began_at": each.began_at,
        "last_at": each.last_at,
        "times": each.times,
        "failure": each.failure.kind.value,
        "detail": each.failure.detail,
    }


_newer = spell.alias("newer")
_FORGET_SPELLS = delete(spell).where(
    spell.c.account == bindparam("_account"),
    spell.c.began_at
    < select(_newer.c.began_at)
    .where(_newer.c.account == bindparam("_account"))
    .order_by(_newer.c.began_at.desc())
    .offset(MOST_SPELLS - 1)
    .limit(1)
    .scalar_subquery(),
)
