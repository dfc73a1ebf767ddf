"""Servers that can do less, or say it otherwise: the same figures by another way."""

from __future__ import annotations

import pytest

from agent.model import QuotaState, Reading
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.scripted import Scripted, imap

LISTED = b'* LIST () "/" INBOX\r\n* LIST () "/" Sent\r\n<tag> OK\r\n'
COUNTS = {
    b'STATUS "INBOX"': b"* STATUS INBOX (MESSAGES 3 UNSEEN 1 SIZE 300)\r\n<tag> OK\r\n",
    b'STATUS "Sent"': b"* STATUS Sent (MESSAGES 4 UNSEEN 0 SIZE 400)\r\n<tag> OK\r\n",
}
LIMITED = {
    b"GETQUOTAROOT": b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 10 512)\r\n<tag> OK\r\n',
}
RICH = b"IMAP4rev1 QUOTA LIST-STATUS STATUS=SIZE SPECIAL-USE"
UNTOLD = b'* QUOTAROOT INBOX "a" "b"\r\n* QUOTA "a" (STORAGE 10 512)\r\n<tag> OK\r\n'


def read(replies: dict[bytes, bytes], capabilities: bytes = RICH) -> tuple[Reading, list[bytes]]:
    """The reading, and every line that the server heard."""
    with Scripted(imap(replies, capabilities)) as server:
        outcome = poll(account(server.port), 10).outcome
        assert isinstance(outcome, Reading), outcome
        return outcome, server.heard


@pytest.mark.parametrize("refusal", [b"<tag> BAD what?\r\n", b"<tag> NO cannot\r\n"])
def test_a_server_that_refuses_list_with_counts_is_asked_for_each_folder(refusal: bytes) -> None:
    refusing = {b'LIST "" "*" RETURN': refusal, b'LIST "" "*"': LISTED}
    reading, heard = read(refusing | COUNTS | LIMITED)
    assert (reading.messages, reading.unread, reading.size_bytes) == (7, 1, 700)
    # The quota came before the second LIST was answered, and was not taken for a stray one.
    assert [(quota.used, quota.limit) for quota in reading.quotas] == [(10240, 524288)]
    assert sum(b" LIST " in line for line in heard) == 2


def test_only_the_folders_whose_counts_are_missing_are_asked_for() -> None:
    some = b"* STATUS INBOX (MESSAGES 3 UNSEEN 1 SIZE 300)\r\n" + LISTED
    reading, heard = read({b"LIST": some} | COUNTS)
    assert (reading.messages, reading.size_bytes) == (7, 700)
    assert [
        line.split(b" ")[2] for line in heard if b" STATUS " in line and b"LIST" not in line
    ] == [b'"Sent"']


def test_a_folder_that_cannot_be_counted_leaves_the_sums_unknown() -> None:
    reading, _ = read({b"LIST": LISTED} | COUNTS | {b'STATUS "Sent"': b"<tag> NO no\r\n"})
    assert (reading.messages, reading.unread, reading.size_bytes) == (None, None, None)
    assert [folder.messages for folder in reading.folders] == [3, None]


def test_without_status_size_no_size_is_made_up() -> None:
    reading, heard = read({b"LIST": LISTED} | COUNTS, b"IMAP4rev1")
    assert not any(b"SIZE" in line for line in heard)
    assert reading.quota_state is QuotaState.UNSUPPORTED


def test_a_root_that_came_without_figures_is_asked_for_and_no_other() -> None:
    asked = {b'GETQUOTA "b"': b'* QUOTA "b" (MESSAGE 9 10)\r\n<tag> OK\r\n'}
    reading, heard = read({b"GETQUOTAROOT": UNTOLD} | asked)
    assert reading.usage_ratio == 0.9
    assert next(line for line in heard if b"GETQUOTA " in line).endswith(b'GETQUOTA "b"')
    assert sum(b"GETQUOTA " in line for line in heard) == 1


@pytest.mark.parametrize(
    ("answer", "state", "roots"),
    [
        (b"<tag> OK done\r\n", QuotaState.LIMITED, ["a"]),
        (b"<tag> NO Permission denied\r\n", QuotaState.LIMITED, ["a"]),
        (b"<tag> NO unknown quota root\r\n", QuotaState.LIMITED, ["a"]),
        (b"<tag> NO Internal quota calculation error.\r\n", QuotaState.INVALID, []),
        (b'* QUOTA "c" (STORAGE 1 2)\r\n<tag> OK\r\n', QuotaState.INVALID, []),
    ],
)
def test_what_is_said_of_the_other_root_decides(
    answer: bytes, state: QuotaState, roots: list[str]
) -> None:
    reading, _ = read({b"GETQUOTAROOT": UNTOLD, b"GETQUOTA ": answer})
    assert (reading.quota_state, [quota.root for quota in reading.quotas]) == (state, roots)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (b"<tag> NO [NOPERM] no\r\n", QuotaState.DENIED),
        (b"<tag> NO Permission denied\r\n", QuotaState.DENIED),
        (b"<tag> NO Quota not enabled\r\n", QuotaState.UNSUPPORTED),
        (b"<tag> BAD unknown command\r\n", QuotaState.UNSUPPORTED),
        (b"<tag> NO Internal quota calculation error.\r\n", QuotaState.INVALID),
    ],
)
def test_a_refused_quota_is_told_by_its_kind_and_fails_no_poll(
    answer: bytes, state: QuotaState
) -> None:
    reading, _ = read({b"GETQUOTAROOT": answer, b"LIST": LISTED} | COUNTS)
    assert (reading.quota_state, reading.quotas) == (state, ())
    assert reading.messages == 7


def test_the_labels_of_gmail_are_counted_once() -> None:
    folders = (
        b'* LIST () "/" INBOX\r\n* LIST (\\All) "/" "[Gmail]/All Mail"\r\n'
        b'* LIST (\\Junk) "/" "[Gmail]/Spam"\r\n* LIST (\\Trash) "/" "[Gmail]/Trash"\r\n'
        b"* STATUS INBOX (MESSAGES 5 UNSEEN 2)\r\n"
        b'* STATUS "[Gmail]/All Mail" (MESSAGES 9 UNSEEN 3)\r\n'
        b'* STATUS "[Gmail]/Spam" (MESSAGES 2 UNSEEN 2)\r\n'
        b'* STATUS "[Gmail]/Trash" (MESSAGES 1 UNSEEN 0)\r\n<tag> OK\r\n'
    )
    reading, _ = read({b"LIST": folders}, b"IMAP4rev1 QUOTA LIST-STATUS SPECIAL-USE X-GM-EXT-1")
    assert (reading.messages, reading.unread) == (12, 3)


def test_a_limit_from_the_configuration_does_not_hide_that_the_answer_was_unusable() -> None:
    broken = imap({b"GETQUOTAROOT": b"<tag> NO internal error\r\n", b"LIST": LISTED} | COUNTS, RICH)
    with Scripted(broken) as server:
        outcome = poll(account(server.port, limit="1 KiB"), 10).outcome
    assert isinstance(outcome, Reading)
    assert outcome.quota_state is QuotaState.LIMITED
    assert outcome.partial


def test_counts_that_come_late_and_in_another_order_are_joined_by_name() -> None:
    late = (
        b"* STATUS Sent (MESSAGES 4 UNSEEN 0 SIZE 400)\r\n"
        b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 10 512)\r\n'
        b"* STATUS INBOX (MESSAGES 3 UNSEEN 1 SIZE 300)\r\n<tag> OK\r\n"
    )
    reading, heard = read({b"LIST": LISTED, b"GETQUOTAROOT": late})
    assert [(each.name, each.size_bytes) for each in reading.folders] == [
        ("INBOX", 300),
        ("Sent", 400),
    ]
    assert not any(line.split(b" ")[1] == b"STATUS" for line in heard)


def test_items_that_a_server_does_not_know_after_all_are_left_out() -> None:
    refusing = {
        b'LIST "" "*" RETURN': b"<tag> BAD what?\r\n",
        b'LIST "" "*"': b'* LIST () "/" INBOX\r\n<tag> OK\r\n',
        b'STATUS "INBOX" (MESSAGES UNSEEN SIZE': b"<tag> BAD SIZE?\r\n",
        b'STATUS "INBOX" (MESSAGES UNSEEN UIDNEXT': (
            b"* STATUS INBOX (MESSAGES 1 UNSEEN 0 UIDNEXT 5 UIDVALIDITY 9)\r\n<tag> OK\r\n"
        ),
        b"EXAMINE": b"* 1 EXISTS\r\n<tag> OK [READ-ONLY]\r\n",
        b"FETCH": b"* 1 FETCH (UID 4 RFC822.SIZE 77)\r\n<tag> OK\r\n",
    }
    reading, _ = read(refusing)
    assert (reading.messages, reading.size_bytes) == (1, 77)


XLIST = (
    b'* XLIST (\\HasNoChildren \\Inbox) "/" Posteingang\r\n'
    b'* XLIST (\\HasNoChildren \\Trash) "/" Weg\r\n'
    b'* XLIST (\\HasNoChildren \\Spam) "/" Werbung\r\n<tag> OK\r\n'
)


def test_xlist_tells_what_folders_are_for_where_there_is_no_special_use() -> None:
    folders = (
        b'* LIST () "/" INBOX\r\n* LIST () "/" Weg\r\n* LIST () "/" Werbung\r\n'
        b"* STATUS INBOX (MESSAGES 3 UNSEEN 1 SIZE 300)\r\n"
        b"* STATUS Weg (MESSAGES 4 UNSEEN 4 SIZE 400)\r\n"
        b"* STATUS Werbung (MESSAGES 5 UNSEEN 5 SIZE 500)\r\n<tag> OK\r\n"
    )
    replies = {b"LIST": folders, b"XLIST": XLIST}
    reading, heard = read(replies, b"IMAP4rev1 XLIST LIST-STATUS STATUS=SIZE")
    assert (reading.messages, reading.unread) == (12, 1)
    assert reading.reclaimable == (("trash", 400), ("junk", 500))
    assert sum(b" XLIST " in line for line in heard) == 1
    _, heard = read(replies, b"IMAP4rev1 XLIST LIST-STATUS STATUS=SIZE SPECIAL-USE")
    assert not any(b" XLIST " in line for line in heard)


@pytest.mark.parametrize(
    ("announced", "item", "told", "deleted"),
    [
        (b"QUOTA=RES-STORAGE", b"DELETED-STORAGE", b"DELETED-STORAGE 70", ("deleted", 70)),
        (b"QUOTA=RES-MESSAGE", b"DELETED", b"DELETED 0", ("deleted", 0)),
        (b"QUOTA=RES-MESSAGE", b"DELETED", b"DELETED 2", None),
    ],
)
def test_mail_that_is_marked_as_deleted_is_told_where_the_server_tells(
    announced: bytes, item: bytes, told: bytes, deleted: tuple[str, int] | None
) -> None:
    folders = (
        b'* LIST () "/" INBOX\r\n* LIST (\\Trash) "/" Trash\r\n'
        b"* STATUS INBOX (MESSAGES 3 UNSEEN 1 SIZE 300 %b)\r\n"
        b"* STATUS Trash (MESSAGES 4 UNSEEN 4 SIZE 400 DELETED-STORAGE 9 DELETED 9)\r\n"
        b"<tag> OK\r\n" % told
    )
    reading, heard = read({b"LIST": folders}, RICH + b" " + announced)
    listing = next(line for line in heard if b" LIST " in line)
    assert listing.endswith(b"RETURN (SPECIAL-USE STATUS (MESSAGES UNSEEN SIZE %b))" % item)
    expected = (("trash", 400), ("junk", 0))
    assert reading.reclaimable == ((*expected, deleted) if deleted else expected)


def test_patterns_that_fit_no_folder_leave_the_sums_unknown() -> None:
    with Scripted(imap({b"LIST": LISTED} | COUNTS, RICH)) as server:
        outcome = poll(account(server.port, folders=["Work*"]), 10).outcome
    assert isinstance(outcome, Reading)
    assert (outcome.messages, outcome.unread, outcome.size_bytes) == (None, None, None)
