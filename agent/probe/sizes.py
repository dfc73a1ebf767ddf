"""The size of folders where the server does not tell it (no STATUS=SIZE, RFC 8438).

The size of a message never changes, nor does its UID for as long as UIDVALIDITY is the same
(RFC 9051, section 2.3.1.1): what was asked for once is remembered, only new messages are asked
for, and in a folder that did not change nothing is. Folders are opened by EXAMINE only.
"""

from __future__ import annotations

import imaplib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from agent.memory import FolderSizes, Learned
from agent.model import FailureKind
from agent.probe.blocks import Row, block, count, extended, ranges, recounted, settled
from agent.probe.failures import ProbeError
from agent.probe.imap_protocol import quote_bytes
from agent.probe.imap_replies import message_sizes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.probe.blocks import Blocks
    from agent.probe.imap_client import Client
    from agent.probe.imap_replies import Counts

WINDOW = 5_000  # messages whose sizes one FETCH asks for: some 200 KB
MOST_SEARCHED = 50_000  # messages that one SEARCH asks for: a line of half the longest
LARGEST_FOLDER = 500_000  # messages; a larger folder is left without a size
OPENING = 100  # what opening a folder costs, in messages

_NUMBERS = re.compile(rb"[0-9]+")


class Opened(NamedTuple):
    """What EXAMINE says of a folder (RFC 9051, section 6.3.3).

    The last `provisional` messages have no UIDs yet that will stay: Courier gives them when a mail
    client opens the folder, and until then numbers what is new anew each time.
    """

    messages: int
    validity: str
    next_uid: int | None
    provisional: int = 0


class Sizer:
    """Asks for the sizes of messages, `patience` of them at most.

    `remembered` are the folders as earlier polls left them, `mailbox` says whose they are. The
    session can break on the way: `broken` is why, and what was learned before it stays true.
    """

    def __init__(
        self,
        client: Client,
        remembered: Mapping[bytes, FolderSizes],
        mailbox: str,
        patience: int,
    ) -> None:
        self.broken: Exception | None = None
        self._client = client
        self._remembered = remembered
        self._mailbox = mailbox
        self._patience = patience
        self._provisional: dict[bytes, int] = {}

    def measure(self, folders: Mapping[bytes, Counts]) -> tuple[dict[bytes, int], Learned]:
        """The folders' sizes in octets, of those that are known whole, and what was learned.

        Every folder's counts have MESSAGES.

        Raises:
            ProbeError: the server wants to be asked less.
        """
        found = {name: each for name in folders if (each := self._folder(name, folders[name]))}
        kept = {name: self._kept(each) for name, each in found.items()}
        changed = [each for name, each in kept.items() if each != self._remembered.get(name)]
        gone = tuple(name for name in self._remembered if name not in folders)
        sizes = {name: each.size_bytes for name, each in found.items()}
        known = {name: size for name, size in sizes.items() if size is not None}
        return known, Learned(folders=tuple(changed), gone=gone)

    def _kept(self, folder: FolderSizes) -> FolderSizes:
        """What of a folder will still hold at the next poll."""
        provisional = self._provisional.get(folder.name)
        if not provisional:
            return folder
        blocks = settled(folder.blocks, folder.messages - provisional)
        return replace(folder, next_uid=None, blocks=blocks)

    def _folder(self, name: bytes, counts: Counts) -> FolderSizes | None:
        told = self._told(counts)
        before = self._remembered.get(name)
        if told.messages == 0:
            return FolderSizes(name, told.validity, told.next_uid, 0)
        if before and _is_unchanged(before, told):
            return before
        if self.broken or self._patience <= 0 or told.messages > LARGEST_FOLDER:
            return before
        self._patience -= OPENING
        return self._look(name, told, before)

    def _told(self, counts: Counts) -> Opened:
        """The same from STATUS."""
        return Opened(
            messages=counts[b"MESSAGES"],
            validity=self._validity(counts.get(b"UIDVALIDITY")),
            next_uid=counts.get(b"UIDNEXT") or None,
        )

    def _validity(self, number: int | None) -> str:
        return f"{self._mailbox}/{number}" if number else ""

    def _look(self, name: bytes, told: Opened, before: FolderSizes | None) -> FolderSizes | None:
        opened = self._examine(name, told)
        if opened is None or opened.messages > LARGEST_FOLDER:
            return before
        self._provisional[name] = opened.provisional
        is_same = before and opened.validity and before.validity == opened.validity
        folder = _Folder(self, opened.messages, before.blocks if before and is_same else ())
        folder.catch_up()
        return FolderSizes(name, opened.validity, opened.next_uid, opened.messages, folder.blocks)

    def _examine(self, name: bytes, told: Opened) -> Opened | None:
        self._client.forget("EXISTS", "RECENT", "UIDVALIDITY", "UIDNEXT")
        if not self.ask("EXAMINE", quote_bytes(name)):
            return None
        exists, next_uid = self._number("EXISTS"), self._number("UIDNEXT")
        return Opened(
            messages=told.messages if exists is None else exists,
            validity=self._validity(self._number("UIDVALIDITY")) or told.validity,
            next_uid=next_uid or told.next_uid,
            provisional=0 if next_uid else self._number("RECENT") or 0,
        )

    def _number(self, kind: str) -> int | None:
        found = self._client.take(kind)
        return int(found[-1]) if found and found[-1][:20].isdigit() else None

    def fetch(self, messages: str, *, by_uid: bool = False) -> dict[int, Row]:
        """UIDs and sizes of a range of messages, by their sequence numbers."""
        self._client.forget("FETCH")
        command = ("UID", b"FETCH") if by_uid else ("FETCH",)
        self.ask(*command, messages.encode(), b"(UID RFC822.SIZE)")
        rows = message_sizes(self._client.take("FETCH"))
        self._patience -= len(rows)
        return rows

    def search(self, first: int, last: int) -> list[int]:
        """The UIDs between two that are still there, in order."""
        self._client.forget("SEARCH")
        self.ask("UID", b"SEARCH", b"UID", b"%d:%d" % (first, last))
        found = {int(each[:20]) for line in self._client.take("SEARCH") for each in _split(line)}
        return sorted(uid for uid in found if first <= uid <= last)

    def ask(self, name: str, *arguments: bytes) -> bool:
        """Whether the server did as it was asked; the session may break over it."""
        if self.broken:
            return False
        try:
            status, _ = self._client.command(name, *arguments)
        except (ProbeError, OSError, imaplib.IMAP4.error) as error:
            if isinstance(error, ProbeError) and error.kind is FailureKind.THROTTLED:
                raise
            self.broken = error
            return False
        return status == "OK"

    def may_go_on(self) -> bool:
        """Whether more may be asked for."""
        if self._client.take("EXPUNGE"):
            return False  # the numbers of the messages have moved
        return self.broken is None and self._patience > 0


class _Folder:
    """An opened folder with `exists` messages, of which the blocks hold the first ones."""

    def __init__(self, sizer: Sizer, exists: int, blocks: Blocks) -> None:
        self.blocks = blocks
        self._sizer = sizer
        self._exists = exists

    def catch_up(self) -> None:
        """Ask for what is new, or has changed since the blocks were made."""
        if count(self.blocks) > self._exists:
            self._recount()
        # A second time, where something was removed from what the blocks hold.
        for _ in range(2):
            self._refill()
            if self._append():
                return
            self._recount()

    def _append(self) -> bool:
        """Take what follows the last block; False where messages before it have gone."""
        known = count(self.blocks)
        while known <= self._exists and self._sizer.may_go_on():
            # The last one that is known once more: it shows whether the numbers still hold.
            start, end = max(known, 1), min(known + WINDOW, self._exists)
            rows = _in_a_row(self._sizer.fetch(f"{start}:{end}"), start)
            if known and rows and rows[0].uid != self.blocks[-1].last:
                return False
            self.blocks = extended(self.blocks, rows[1:] if known else rows)
            before, known = known, count(self.blocks)
            if known in {before, self._exists}:
                break
        return True

    def _recount(self) -> None:
        uids: list[int] = []
        for first, last in ranges(self.blocks, MOST_SEARCHED):
            if not self._sizer.may_go_on():
                return
            uids += self._sizer.search(first, last)
        if self._sizer.broken is None:
            self.blocks = recounted(self.blocks, uids)

    def _refill(self) -> None:
        """Ask again for the sizes of blocks that have lost messages."""
        for place, each in enumerate(self.blocks):
            if each.size is None and self._sizer.may_go_on():
                rows = self._sizer.fetch(f"{each.first}:{each.last}", by_uid=True)
                found = sorted(row for row in rows.values() if each.first <= row.uid <= each.last)
                if len(found) == each.messages:
                    self.blocks = (*self.blocks[:place], block(found), *self.blocks[place + 1 :])


def _is_unchanged(before: FolderSizes, told: Opened) -> bool:
    """Nothing came, since UIDNEXT is the same, and so nothing has gone (RFC 9051, 2.3.1.1)."""
    return (
        before.size_bytes is not None
        and before.validity == told.validity != ""
        and before.next_uid == told.next_uid is not None
        and before.messages == told.messages
    )


def _in_a_row(rows: Mapping[int, Row], start: int) -> list[Row]:
    """The messages from `start` on without a gap, for as long as their UIDs go up."""
    found: list[Row] = []
    while (row := rows.get(start + len(found))) and (not found or row.uid > found[-1].uid):
        found.append(row)
    return found


def _split(line: bytes) -> Sequence[bytes]:
    return _NUMBERS.findall(line)
