"""Which folders of a mailbox count, what each is for, and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from agent.model import Folder, Role
from agent.probe.imap_replies import displayed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent.probe.imap_replies import Listed

# RFC 6154, and the names of XLIST, which came before it.
_ROLES: Mapping[bytes, Role] = {
    b"\\INBOX": Role.INBOX,
    b"\\SENT": Role.SENT,
    b"\\DRAFTS": Role.DRAFTS,
    b"\\TRASH": Role.TRASH,
    b"\\JUNK": Role.JUNK,
    b"\\SPAM": Role.JUNK,
    b"\\ARCHIVE": Role.ARCHIVE,
    b"\\ALL": Role.ALL,
    b"\\ALLMAIL": Role.ALL,
    b"\\FLAGGED": Role.FLAGGED,
    b"\\STARRED": Role.FLAGGED,
}

# RFC 6154, section 2: these two show messages that lie in other folders.
_VIEWS = frozenset({Role.ALL, Role.FLAGGED})
# Gmail's labels overlap; these three hold each of its messages exactly once.
_GMAIL = frozenset({Role.ALL, Role.JUNK, Role.TRASH})
_RECLAIMABLE = (Role.TRASH, Role.JUNK)

Wanted = Literal["all", "inbox"] | Sequence[str]  # an account's `folders`


@dataclass(frozen=True, slots=True)
class Totals:
    """What the counted folders add up to; None where one of them is not known."""

    folders: tuple[Folder, ...]
    size_bytes: int | None
    messages: int | None
    unread: int | None
    reclaimable: tuple[tuple[Role, int], ...] | None


def folder(listed: Listed, counts: Mapping[bytes, int]) -> Folder:
    """One folder from its LIST reply and its STATUS counts."""
    return Folder(
        name=displayed(listed.name),
        role=_role(listed),
        messages=counts.get(b"MESSAGES"),
        unread=counts.get(b"UNSEEN"),
        size_bytes=counts.get(b"SIZE"),
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
    return Totals(
        folders=counted,
        size_bytes=_sum(each.size_bytes for each in counted),
        messages=_sum(each.messages for each in counted),
        unread=_sum(each.unread for each in new),
        reclaimable=None if wanted == "inbox" else _reclaimable(folders),
    )


def is_needed(listed: Listed, wanted: Wanted, *, gmail: bool) -> bool:
    """Whether the folder's counts matter: it is counted, or could be emptied."""
    named = folder(listed, {})
    return named.role in _RECLAIMABLE or _counts(named, wanted, gmail=gmail)


def _counts(folder: Folder, wanted: Wanted, *, gmail: bool) -> bool:
    if wanted == "inbox":
        return folder.role is Role.INBOX
    if wanted == "all":
        return folder.role in _GMAIL if gmail else folder.role not in _VIEWS
    return any(fnmatchcase(folder.name, pattern) for pattern in wanted)


def _role(listed: Listed) -> Role | None:
    if listed.name == b"INBOX":
        return Role.INBOX
    return next((role for name, role in _ROLES.items() if name in listed.attributes), None)


def _reclaimable(folders: Iterable[Folder]) -> tuple[tuple[Role, int], ...] | None:
    sizes = {
        role: _sum(each.size_bytes for each in folders if each.role is role)
        for role in _RECLAIMABLE
    }
    known = tuple((role, size) for role, size in sizes.items() if size is not None)
    return known if len(known) == len(sizes) else None


def _sum(numbers: Iterable[int | None]) -> int | None:
    added = 0
    for number in numbers:
        if number is None:
            return None
        added += number
    return added
