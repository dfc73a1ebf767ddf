"""An IMAP server without any extension, whose folders a test fills and empties."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.memory import FolderSizes, Memory

if TYPE_CHECKING:
    from agent.model import Poll
    from tests.support.scripted import Line

_RANGE = re.compile(rb"(\d+):(\d+)")


@dataclass(slots=True)
class Box:
    """One folder: its messages as pairs of UID and octets, in order."""

    messages: list[tuple[int, int]] = field(default_factory=list)
    validity: int = 1
    next_uid: int = 1
    tells_next_uid: bool = True

    @property
    def size(self) -> int:
        """What all messages add up to."""
        return sum(size for _, size in self.messages)

    def deliver(self, *sizes: int) -> None:
        """Append messages."""
        for size in sizes:
            self.messages.append((self.next_uid, size))
            self.next_uid += 1

    def delete(self, *places: int) -> None:
        """Remove messages by their places from 0 on, as far as there are that many."""
        gone = {place % len(self.messages) for place in places} if self.messages else set()
        self.messages = [each for place, each in enumerate(self.messages) if place not in gone]

    def rebuild(self) -> None:
        """Number all messages anew, as servers do after a repair."""
        self.validity += 1
        sizes = [size for _, size in self.messages]
        self.messages, self.next_uid = [], 1
        self.deliver(*sizes)


@dataclass(slots=True)
class Poor:
    """The script for `Scripted`; `heard` are the commands of the last session."""

    boxes: dict[bytes, Box]
    heard: list[bytes] = field(default_factory=list)

    def __call__(self, line: Line) -> None:
        """Talk to one client."""
        self.heard.clear()
        opened = Box()
        line.say(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        while command := line.hear():
            tag, _, rest = command.partition(b" ")
            self.heard.append(rest)
            named = self.boxes.get(rest.split(b'"')[1]) if rest.count(b'"') == 2 else None
            if rest.startswith(b"EXAMINE") and named:
                opened = named
            line.say(self._answer(rest, named or opened) + tag + b" OK done\r\n")
            if rest == b"LOGOUT":
                return

    def asked(self, word: bytes) -> list[bytes]:
        """The commands of the last session that hold this word."""
        return [command for command in self.heard if word in command]

    def _answer(self, command: bytes, box: Box) -> bytes:
        words = command.split()
        match words[:2]:
            case [b"LIST", _]:
                return b"".join(b'* LIST () "/" "%b"\r\n' % name for name in self.boxes)
            case [b"STATUS", name]:
                return _status(name, box)
            case [b"EXAMINE", _]:
                return _examined(box)
            case [b"FETCH", wanted]:
                return _fetched(box, _places(box, wanted))
            case [b"UID", word]:
                return _by_uid(box, word, words)
            case _:
                return b""


class Kept(Memory):
    """What polls learn, kept as the store keeps it."""

    def __init__(self) -> None:
        self.sizes: dict[bytes, FolderSizes] = {}

    def folders(self, account: str) -> dict[bytes, FolderSizes]:
        """The folders of the one account of the test."""
        del account
        return dict(self.sizes)

    def keep(self, poll: Poll) -> Poll:
        """Remember what a poll learned."""
        if poll.learned:
            self.sizes |= {each.name: each for each in poll.learned.folders}
            for name in poll.learned.gone:
                self.sizes.pop(name, None)
        return poll


def _status(name: bytes, box: Box) -> bytes:
    told = b" UIDNEXT %d" % box.next_uid if box.tells_next_uid else b""
    counts = b"MESSAGES %d UNSEEN 0 UIDVALIDITY %d" % (len(box.messages), box.validity)
    return b"* STATUS %b (%b%b)\r\n" % (name, counts, told)


def _examined(box: Box) -> bytes:
    told = b"* OK [UIDNEXT %d] next\r\n" % box.next_uid if box.tells_next_uid else b""
    number, validity = len(box.messages), box.validity
    return b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] valid\r\n%b" % (number, validity, told)


def _by_uid(box: Box, word: bytes, words: list[bytes]) -> bytes:
    if word == b"FETCH":
        return _fetched(box, _of_uids(box, words[2]))
    found = (b"%d" % box.messages[place][0] for place in _of_uids(box, words[3]))
    return b"* SEARCH %b\r\n" % b" ".join(found)


def _fetched(box: Box, places: list[int]) -> bytes:
    rows = ((place + 1, *box.messages[place]) for place in places)
    return b"".join(b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % row for row in rows)


def _places(box: Box, wanted: bytes) -> list[int]:
    first, last = _ends(wanted)
    return [place for place in range(len(box.messages)) if first <= place + 1 <= last]


def _of_uids(box: Box, wanted: bytes) -> list[int]:
    first, last = _ends(wanted)
    return [place for place, (uid, _) in enumerate(box.messages) if first <= uid <= last]


def _ends(wanted: bytes) -> tuple[int, int]:
    found = _RANGE.fullmatch(wanted)
    if found is None:
        raise ValueError(f"not a range: {wanted!r}")
    return int(found[1]), int(found[2])
