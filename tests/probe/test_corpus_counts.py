"""Recorded counts of folders, read as the answer to LIST or STATUS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.model import Folder, QuotaState, Reading
from agent.probe.imap_protocol import quote_bytes
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.corpus import NOT_COMPARED, Row, assert_agrees, rows_of
from tests.support.scripted import Scripted, imap

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUS = rows_of("STATUS")
LIST = rows_of("LIST")
NOTIFY = rows_of("NOTIFY")  # never sent; but the STATUS line that it brings is the same
COUNTED = [row for row in LIST if row.number not in NOT_COMPARED]
REPLAYED = STATUS + COUNTED + NOTIFY

LITERAL = "Literal Folder Name"
# A name that the command has in another form than the reply, or not at all.
NAMES = {70: b"INBOX", 73: LITERAL.encode()}
INBOX = b'* LIST () "/" INBOX\r\n'
WITH_COUNTS = b"IMAP4rev1 NAMESPACE LIST-STATUS STATUS=SIZE"
WITH_DELETED = b"IMAP4rev1 STATUS=SIZE QUOTA=RES-STORAGE"
SHARED = b'* NAMESPACE (("" ".")) (("#user." ".")) NIL\r\n<tag> OK done\r\n'


def read(replies: Mapping[bytes, bytes], capabilities: bytes) -> Reading:
    with Scripted(imap(replies, capabilities)) as server:
        outcome = poll(account(server.port, folders=["*"]), 5).outcome
    assert isinstance(outcome, Reading), outcome
    return outcome


def named(reading: Reading, name: str) -> Folder:
    (found,) = (folder for folder in reading.folders if folder.name == name)
    return found


@pytest.mark.parametrize("row", STATUS + NOTIFY, ids=str)
def test_an_answer_to_status_is_read_as_it_was_meant(row: Row) -> None:
    name = NAMES.get(row.number, row.argument)
    listing = b'* LIST () "/" %b\r\n<tag> OK done\r\n' % quote_bytes(name)
    asked = b"STATUS " + quote_bytes(name)
    reading = read({b"LIST": listing, asked: row.answer}, WITH_DELETED)
    folder = named(reading, name.decode())
    seen = {
        "messages": folder.messages,
        "unseen": folder.unread,
        "deleted_storage_bytes": folder.deleted_bytes,
        "quota_state": reading.quota_state,
    }
    if row.expect["usage_bytes"] is not None:
        seen |= dict.fromkeys(("usage_bytes", "size_bytes"), folder.size_bytes)
    else:
        assert not folder.size_bytes  # only an empty folder's size is known without being told
    assert_agrees(row, seen)


def listing_of(row: Row) -> bytes:
    """The answer to LIST, with the line that was left out of one row."""
    return row.answer if b"* LIST" in row.answer else INBOX + row.answer


@pytest.mark.parametrize("row", COUNTED, ids=str)
def test_an_answer_to_list_is_read_as_it_was_meant(row: Row) -> None:
    reading = read({b"LIST": listing_of(row), b"NAMESPACE": SHARED}, WITH_COUNTS)
    inbox = named(reading, "INBOX")
    seen = {
        "messages": inbox.messages,
        "unseen": inbox.unread,
        "folders": {folder.name: folder.messages for folder in reading.folders},
        "quota_state": reading.quota_state,
    }
    stated = {name: value for name, value in seen.items() if row.expect.get(name) is not None}
    assert_agrees(row, stated)


def test_a_folder_named_by_a_literal_is_asked_for_by_its_name() -> None:
    (listing,) = (row for row in LIST if row.server == "literal-name")
    (status,) = (row for row in STATUS if row.server == "literal-name")
    asked = b"STATUS " + quote_bytes(LITERAL.encode())
    reading = read({b"LIST": listing.answer, asked: status.answer}, b"IMAP4rev1")
    assert {folder.name: folder.messages for folder in reading.folders} == {
        "INBOX": None,
        LITERAL: status.expect["messages"],
    }


def test_folders_of_others_and_folders_that_hold_no_messages_are_left_out() -> None:
    read_names = {
        row.server: {folder.name for folder in read(replies, WITH_COUNTS).folders}
        for row in LIST
        for replies in [{b"LIST": listing_of(row), b"NAMESPACE": SHARED}]
    }
    assert read_names["james"] == {"INBOX"}
    assert read_names["rfc5819"] == {"INBOX", "foo"}
    assert read_names["gmail"] == {"INBOX", "+Folder", "[Gmail]/All Mail"}


def test_counts_that_nobody_asked_for_change_nothing() -> None:
    ours = INBOX + b"* STATUS INBOX (MESSAGES 5 UNSEEN 2 SIZE 7)\r\n<tag> OK done\r\n"
    stray = b"".join(row.untagged for row in STATUS + NOTIFY)
    alone = read({b"LIST": ours}, WITH_COUNTS)
    assert read({b"LIST": stray + ours}, WITH_COUNTS) == alone
    assert (alone.messages, alone.unread, alone.size_bytes) == (5, 2, 7)
    assert alone.quota_state is QuotaState.UNSUPPORTED
