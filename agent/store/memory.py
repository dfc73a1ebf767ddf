"""What polls remember of their mailboxes: sizes of folders, unique ids, and rejected logins."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, or_, select, update

from agent.memory import FolderSizes, Refusal, UniqueIds
from agent.model import LARGEST_COUNT, Reading
from agent.store.packing import pack_blocks, pack_ids
from agent.store.sql import chunks, insert_new, upsert
from agent.store.tables import folder_sizes, folders, refusal, unique_ids

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row

    from agent.model import Poll
    from agent.store.sql import Columns

_Folder = tuple[str, bytes]  # account and name
_MOMENT = timedelta(microseconds=1)


def _not_lifted_since(new: Columns) -> ColumnElement[bool]:
    """Only a reset is compared by time: polls come in their order, even if the clock goes back."""
    return or_(refusal.c.times > 0, new.at >= refusal.c.at)


_KEEP_FOLDER = upsert(folder_sizes)
_FORGET_FOLDER = delete(folder_sizes).where(
    and_(
        folder_sizes.c.account == bindparam("_account"),
        folder_sizes.c.folder == bindparam("_folder"),
    )
)
_KEEP_IDS = upsert(unique_ids)
_KEEP_REFUSAL = upsert(refusal, when=_not_lifted_since)


def keep(
    connection: Connection, polls: Sequence[Poll], refused: Mapping[str, Refusal]
) -> Mapping[str, Refusal]:
    """Write what polls learned, in the order given; return the rejected logins as they are now.

    `refused` has those before: a mailbox without one, and with nothing learned, costs nothing.
    """
    _keep_folders(connection, polls)
    _keep_ids(connection, polls)
    return _keep_refusals(connection, polls, refused)


def refusals(connection: Connection, accounts: Collection[str] | None = None) -> dict[str, Refusal]:
    """Return the rejected logins of some accounts, or of all; lifted ones included."""
    found: dict[str, Refusal] = {}
    if accounts is None:
        return {row.account: as_refusal(row) for row in connection.execute(select(refusal))}
    for chunk in chunks(accounts):
        rows = connection.execute(select(refusal).where(refusal.c.account.in_(chunk)))
        found |= {row.account: as_refusal(row) for row in rows}
    return found


def as_refusal(row: Row[Any]) -> Refusal:
    """Return what a row of the table says."""
    return Refusal(credential=row.credential, times=row.times, at=row.at)


def bring_back(connection: Connection, refused: Mapping[str, Refusal]) -> None:
    """Write rejected logins that the database has lost; those that it has stay as they are."""
    if refused:
        connection.execute(insert_new(refusal), _refusal_rows(refused))


def lift(connection: Connection, account: str, now: datetime) -> bool:
    """Let an account's rejected login be tried again; False where there is none to lift.

    It outlasts polls that ended before `now` and are not written yet, and the rejection itself,
    even where that carries a later time.
    """
    stored = refusals(connection, [account]).get(account)
    if stored is None or not stored.times:
        return False
    lifted = update(refusal).where(refusal.c.account == account)
    connection.execute(lifted.values(times=0, at=max(now, stored.at + _MOMENT)))
    return True


def forget_unconfigured(connection: Connection, accounts: Collection[str]) -> None:
    """Forget folders and unique ids of all but these accounts.

    Rejected logins stay: an account that comes back must not risk its credential again.
    """
    for table in (folder_sizes, folders, unique_ids):
        stored = connection.execute(select(table.c.account).distinct()).scalars()
        for chunk in chunks(set(stored).difference(accounts)):
            connection.execute(delete(table).where(table.c.account.in_(chunk)))


def _keep_folders(connection: Connection, polls: Iterable[Poll]) -> None:
    last: dict[_Folder, FolderSizes | None] = {}
    for poll in polls:
        if poll.learned is not None:
            last |= {(poll.account, name): None for name in poll.learned.gone}
            last |= {(poll.account, each.name): _storable(each) for each in poll.learned.folders}
    gone = [{"_account": key[0], "_folder": key[1]} for key, sizes in last.items() if not sizes]
    kept = [_folder_row(account, sizes) for (account, _), sizes in last.items() if sizes]
    if gone:
        connection.execute(_FORGET_FOLDER, gone)
    if kept:
        connection.execute(_KEEP_FOLDER, kept)


def _storable(folder: FolderSizes) -> FolderSizes | None:
    """The folder, unless its server counts beyond any column."""
    return folder if max(folder.next_uid or 0, folder.messages) <= LARGEST_COUNT else None


def _folder_row(account: str, folder: FolderSizes) -> dict[str, object]:
    return {
        "account": account,
        "folder": folder.name,
        "validity": folder.validity,
        "next_uid": folder.next_uid,
        "messages": folder.messages,
        "blocks": pack_blocks(folder.blocks),
    }


def _keep_ids(connection: Connection, polls: Iterable[Poll]) -> None:
    last: dict[str, UniqueIds] = {
        poll.account: poll.learned.unique_ids
        for poll in polls
        if poll.learned is not None and poll.learned.unique_ids is not None
    }
    if last:
        connection.execute(_KEEP_IDS, [_ids_row(account, ids) for account, ids in last.items()])


def _ids_row(account: str, ids: UniqueIds) -> dict[str, object]:
    return {"account": account, "mailbox": ids.mailbox, "data": pack_ids(ids.first_seen)}


def _keep_refusals(
    connection: Connection, polls: Iterable[Poll], refused: Mapping[str, Refusal]
) -> Mapping[str, Refusal]:
    last: dict[str, Refusal | None] = {}
    for poll in polls:
        if poll.refusal is not None:
            last[poll.account] = poll.refusal
        elif isinstance(poll.outcome, Reading) and (
            poll.account in refused or poll.account in last
        ):
            last[poll.account] = None
    if not last:
        return refused
    for chunk in chunks(account for account, each in last.items() if each is None):
        connection.execute(delete(refusal).where(refusal.c.account.in_(chunk)))
    if rows := _refusal_rows({account: each for account, each in last.items() if each}):
        connection.execute(_KEEP_REFUSAL, rows)
    others = {account: each for account, each in refused.items() if account not in last}
    return others | refusals(connection, last)


def _refusal_rows(refused: Mapping[str, Refusal]) -> list[dict[str, object]]:
    return [
        {"account": account, "credential": each.credential, "times": each.times, "at": each.at}
        for account, each in refused.items()
    ]
