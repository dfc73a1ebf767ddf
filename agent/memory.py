"""What is remembered of a mailbox from one poll to the next, beside its history.

A probe reads it through `Memory` and hands back what changed in `Poll.learned`; only the recorder
writes it. All of it can be lost without harm to the truth, but for the refused logins.
"""

# ruff: noqa: ARG002 - a memory without content answers without looking

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ELSEWHERE = "grant$"  # marks the digest of what OAuth2's token endpoint has refused
MOST_REFUSALS = 2  # of one credential; servers lock accounts and ban addresses after a few more
RETRY_AFTER = timedelta(hours=1)  # for the second try: the first may have been the server's fault


class Block(NamedTuple):
    """Messages of a folder that follow each other: their first and last UID, number and octets.

    A UID is never given twice and a message never changes (RFC 9051, section 2.3.1.1), so that as
    many messages in the same range are the same ones. `size` None is not known.
    """

    first: int
    last: int
    messages: int
    size: int | None


@dataclass(frozen=True, slots=True)
class FolderSizes:
    """The sizes of a folder's messages, as far as they were asked for, in the order of their UIDs.

    `validity` says for which mailbox and UIDVALIDITY the UIDs hold; `next_uid` and `messages` are
    what the server said of the folder when it was last looked at.
    """

    name: bytes
    validity: str
    next_uid: int | None
    messages: int
    blocks: tuple[Block, ...] = ()

    @property
    def size_bytes(self) -> int | None:
        """The size of all messages; None while some are not known."""
        known = [block.size for block in self.blocks if block.size is not None]
        if len(known) < len(self.blocks) or self.counted != self.messages:
            return None
        return sum(known)

    @property
    def counted(self) -> int:
        """How many messages the blocks hold: the folder's first ones."""
        return sum(block.messages for block in self.blocks)


@dataclass(frozen=True, slots=True)
class UniqueIds:
    """The messages of a POP3 maildrop, and when each was first seen, in seconds since 1970.

    `mailbox` says whose they are; the keys are digests of the unique ids (RFC 1939, section 7).
    """

    mailbox: str
    first_seen: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Refusal:
    """How often a credential was rejected, and when last; it is kept as a salted digest only.

    No times at all: somebody has lifted the quarantine.
    """

    credential: str
    times: int
    at: datetime

    @property
    def elsewhere(self) -> bool:
        """Whether it was no mail server that refused: servers do not ban anybody for that."""
        return self.credential.startswith(ELSEWHERE)

    @property
    def retry_at(self) -> datetime | None:
        """When it is tried once more; None where it is not, until it changes."""
        return self.at + RETRY_AFTER if self.times < MOST_REFUSALS else None


@dataclass(frozen=True, slots=True)
class Learned:
    """What a poll found changed: folders to remember, names of those to forget, and unique ids."""

    folders: tuple[FolderSizes, ...] = ()
    gone: tuple[bytes, ...] = ()
    unique_ids: UniqueIds | None = None


class Memory:
    """What earlier polls learned; this one remembers nothing, as is right for a single poll.

    Every answer may be None: it cannot be had at the moment.
    """

    def folders(self, account: str) -> Mapping[bytes, FolderSizes] | None:
        """The remembered folders by their names on the wire."""
        return {}

    def unique_ids(self, account: str) -> UniqueIds | None:
        """The remembered messages of a maildrop; where there are none, an empty set."""
        return None

    def refusals(self) -> Mapping[str, Refusal] | None:
        """Every rejected login by account."""
        return {}

    def refusal(self, account: str) -> Refusal | None:
        """The rejected login of one account, as it is now; None where there is none, too."""
        return None
