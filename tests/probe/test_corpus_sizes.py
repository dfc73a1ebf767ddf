"""Recorded answers to EXAMINE and FETCH, by which sizes are summed where no server tells them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from agent.model import Reading
from agent.probe.imap_protocol import quote_bytes
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.corpus import Row, assert_agrees, rows_of
from tests.support.scripted import Line, Scripted

# SELECT is never sent; its answer is that of EXAMINE, and hints without a count are elsewhere.
EXAMINED = [row for row in rows_of("SELECT", "EXAMINE") if row.expect["messages"] is not None]
FETCHED = rows_of("FETCH")
REPLAYED = EXAMINED + FETCHED

UNREAD = 3
OCTETS = 100  # of every message, where the row does not say
MESSAGES = re.compile(rb"\* +(\d+) EXISTS")
NEXT_UID = re.compile(rb"\[UIDNEXT (\d+)\]")
VALIDITY = re.compile(rb"\[UIDVALIDITY (\d+)\]")
FETCHED_SIZE = re.compile(rb"FETCH \(RFC822\.SIZE (\d+)\)")
RANGE = re.compile(rb"(UID )?(FETCH|SEARCH)(?: UID)? (\d+)(?::(\d+|\*))?")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An IMAP4rev1 server's one folder; `sizes` are its messages in the order of their UIDs."""

    name: bytes
    examined: bytes
    sizes: tuple[int, ...]

    def talk(self, line: Line) -> None:
        line.say(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        while command := line.hear():
            tag, _, rest = command.partition(b" ")
            line.say(self.answer(rest).replace(b"<tag>", tag))
            if rest == b"LOGOUT":
                return

    def answer(self, command: bytes) -> bytes:
        if asked := RANGE.match(command):
            return self.messages(asked) + b"<tag> OK done\r\n"
        replies = {
            b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n<tag> OK done\r\n",
            b"LIST": b'* LIST () "/" %b\r\n<tag> OK done\r\n' % quote_bytes(self.name),
            b"STATUS": self.status(),
            b"EXAMINE": self.examined,
        }
        return replies.get(command.split()[0], b"<tag> OK done\r\n")

    def status(self) -> bytes:
        counts = (len(self.sizes), UNREAD, self.next_uid, told(VALIDITY, self.examined) or 1)
        items = b"MESSAGES %d UNSEEN %d UIDNEXT %d UIDVALIDITY %d" % counts
        return b"* STATUS %b (%b)\r\n<tag> OK done\r\n" % (quote_bytes(self.name), items)

    @property
    def next_uid(self) -> int:
        return told(NEXT_UID, self.examined) or len(self.sizes) + 1

    def messages(self, asked: re.Match[bytes]) -> bytes:
        by_uid, word, first, last = asked.groups()
        uids = range(self.next_uid - len(self.sizes), self.next_uid)
        highest = self.next_uid - 1 if by_uid else len(self.sizes)
        ends = sorted((int(first), highest if last == b"*" else int(last or first)))
        chosen = [
            (number, uid, size)
            for number, (uid, size) in enumerate(zip(uids, self.sizes, strict=True), 1)
            if ends[0] <= (uid if by_uid else number) <= ends[1]
        ]
        if word == b"SEARCH":
            return b"* SEARCH%b\r\n" % b"".join(b" %d" % uid for _, uid, _ in chosen)
        return b"".join(b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % message for message in chosen)


def told(what: re.Pattern[bytes], reply: bytes) -> int | None:
    found = what.search(reply)
    return int(found[1]) if found else None


def seen_of(mailbox: Mailbox) -> dict[str, object]:
    """What a poll says of the mailbox, and whether the size is right."""
    with Scripted(mailbox.talk) as server:
        outcome = poll(account(server.port), 5).outcome
    assert isinstance(outcome, Reading), outcome
    assert any(b" EXAMINE " in line for line in server.heard)
    assert outcome.size_bytes == sum(mailbox.sizes)
    assert outcome.unread == UNREAD
    return {"messages": outcome.messages, "quota_state": outcome.quota_state}


@pytest.mark.parametrize("row", EXAMINED, ids=str)
def test_an_answer_to_examine_is_read_as_it_was_meant(row: Row) -> None:
    messages = told(MESSAGES, row.answer) or 0
    assert_agrees(row, seen_of(Mailbox(row.argument, row.answer, (OCTETS,) * messages)))


@pytest.mark.parametrize("row", FETCHED, ids=str)
def test_an_answer_to_fetch_is_read_as_it_was_meant(row: Row) -> None:
    sizes = tuple(map(int, FETCHED_SIZE.findall(row.answer)))
    examined = b"* %d EXISTS\r\n<tag> OK [READ-ONLY] done\r\n" % len(sizes)
    seen = seen_of(Mailbox(b"INBOX", examined, sizes))
    assert_agrees(row, seen | {"usage_bytes": sum(sizes)})  # which is what was read, as well
