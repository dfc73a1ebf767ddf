"""Recorded replies where they do not belong, or where less comes than should."""

from __future__ import annotations

import pytest

from agent.model import Failure, FailureKind, Reading
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.corpus import ROWS, Row
from tests.support.scripted import Scripted, imap

BY_NUMBER = {row.number: row for row in ROWS}
INBOX = b'* LIST () "/" INBOX\r\n<tag> OK done\r\n'
OURS = b"* STATUS INBOX (MESSAGES 5 UNSEEN 2)\r\n<tag> OK done\r\n"


def outcome_of(replies: dict[bytes, bytes], capabilities: bytes) -> Reading | Failure:
    with Scripted(imap(replies, capabilities)) as server:
        return poll(account(server.port), 5).outcome


def read(replies: dict[bytes, bytes], capabilities: bytes) -> Reading:
    outcome = outcome_of(replies, capabilities)
    assert isinstance(outcome, Reading), outcome
    return outcome


@pytest.mark.parametrize("row", [BY_NUMBER[69], BY_NUMBER[70]], ids=str)
def test_counts_before_ours_do_not_keep_us_from_asking(row: Row) -> None:
    replies = {b"LIST": row.untagged + INBOX, b"STATUS": OURS}
    reading = read(replies, b"IMAP4rev1")
    assert (reading.messages, reading.unread) == (5, 2)


def test_a_mailbox_in_which_no_folder_was_listed_is_not_empty() -> None:
    reading = read({b"LIST": BY_NUMBER[77].answer}, b"IMAP4rev1 LIST-STATUS STATUS=SIZE")
    assert reading.messages in {None, 774}
    assert reading.size_bytes is None


def test_a_gmail_mailbox_whose_folders_have_no_attributes_is_not_empty() -> None:
    capabilities = b"IMAP4rev1 LIST-STATUS STATUS=SIZE X-GM-EXT-1"
    reading = read({b"LIST": BY_NUMBER[65].answer}, capabilities)
    assert reading.messages in {None, 67}
    assert reading.size_bytes in {None, 1024}


@pytest.mark.parametrize(
    ("command", "capabilities"), [(b"LIST", b"IMAP4rev1 LIST-STATUS"), (b"STATUS", b"IMAP4rev1")]
)
def test_throttling_is_told_as_such_whatever_was_asked(command: bytes, capabilities: bytes) -> None:
    outcome = outcome_of({b"LIST": INBOX, command: BY_NUMBER[118].answer}, capabilities)
    assert isinstance(outcome, Failure), outcome
    assert outcome.kind is FailureKind.THROTTLED, outcome
