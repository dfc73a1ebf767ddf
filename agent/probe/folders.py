"""Which folders of a mailbox count, what each is for, and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from agent.model import Folder, Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.probe.imap_replies import Counts

# RFC 6154, section 2: these two show messages that lie in other folders.
_VIEWS = frozenset({Role.ALL, Role.FLAGGED})
# Gmail's labels overlap; these three hold each of its messages exactly once.
_GMAIL = frozenset({Role.ALL, Role.JUNK, Role.TRASH})
_RECLAIMABLE = (Role.TRASH, Role.JUNK)
DELETED = "deleted"  # stands beside the roles, for mail that is marked and not yet removed

Wanted = Literal["all", "inbox"] | Sequence[str]  # an account's `folders`


@dataclass(frozen=True, slots=True)
class Totals:
    """What the counted folders add up to; None where one of them is not known."""

    folders: tuple[Folder, ...]
    size_bytes: int | None
    messages: int | None
    unread: int | None
    reclaimable: tuple[tuple[str, int], ...] | None


def with_counts(folder: Folder, counts: Counts) -> Folder:
    """The folder with what STATUS says of it (RFC 9051, 7.3.4; RFC 8438; RFC 9208, 4.1.4)."""
    deleted = counts.get(b"DELETED-STORAGE")
    if deleted is None and counts.get(b"DELETED") == 0:
        deleted = 0
    return Folder(
        folder.name,
        folder.role,
        messages=counts.get(b"MESSAGES"),
        unread=counts.get(b"UNSEEN"),
        size_bytes=counts.get(b"SIZE"),
        deleted_bytes=deleted,
    )


def totals(folders: Sequence[Folder], wanted: Wanted, *, gmail: bool) -> Totals:
    """The folders that the account counts, INBOX first, and their sums."""
    counted = tuple(
        sorted(
            (each for each in folders if _counts(each, wanted, gmail=gmail)),
            key=lambda each: (each.role is not Role.INBOX, each.name),
        )
    )
    new = [each for each in counted if each.role not in _RECLAIMABLE]
    # Patterns that fit no folder, or labels of which none holds all: a sum would be too small.
    whole = any(each.role is Role.ALL for each in counted) or not (gmail and wanted == "all")
    if not counted or not whole:
        return Totals(counted, None, None, None, _reclaimable(folders, new))
    return Totals(
        folders=counted,
        size_bytes=_sum(each.size_bytes for each in counted),
        messages=_sum(each.messages for each in counted),
        unread=_sum(each.unread for each in new),
        reclaimable=None if wanted == "inbox" else _reclaimable(folders, new),
    )


def is_needed(folder: Folder, wanted: Wanted, *, gmail: bool) -> bool:
    """Whether the folder's counts matter: it is counted, or could be emptied."""
    return folder.role in _RECLAIMABLE or _counts(folder, wanted, gmail=gmail)


def _counts(folder: Folder, wanted: Wanted, *, gmail: bool) -> bool:
    if wanted == "inbox":
        return folder.role is Role.INBOX
    if wanted == "all":
        return folder.role in _GMAIL if gmail else folder.role not in _VIEWS
    return any(fnmatchcase(folder.name, pattern) for pattern in wanted)


def _reclaimable(
    folders: Sequence[Folder], counted: Iterable[Folder]
) -> tuple[tuple[str, int], ...] | None:
    """By role, what emptying those folders would free, and what is marked as deleted in others.

    None where the size of trash or junk is not known.
    """
    found: list[tuple[str, int]] = []
    for role in _RECLAIMABLE:
        size = _sum(each.size_bytes for each in folders if each.role is role)
        if size is None:
            return None
        found.append((role.value, size))
    deleted = _sum(each.deleted_bytes for each in counted)
    return (*found, (DELETED, deleted)) if deleted is not None else tuple(found)


def _sum(numbers: Iterable[int | None]) -> int | None:
    added = 0
    for number in numbers:
        if number is None:
            return None
        added += number
    return added
