"""Answers beside the grammar: read where they are clear, `invalid` where they cannot be."""

from __future__ import annotations

import pytest

from agent.model import QuotaState, Reading
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.faults import HUGE, IMAP, LISTED, SESSION, Fault, meet
from tests.support.scripted import Scripted, imap

KIBIBYTE = 1024
RICH = b"IMAP4rev1 QUOTA NAMESPACE LIST-STATUS STATUS=SIZE"
ROOT = b'* QUOTAROOT INBOX ""\r\n'


SLOPPY = {
    b"LIST": b'* list (\\hasnochildren)  "/" INBOX\r\n<tag> ok\r\n',
    b"STATUS": b"*  STATUS INBOX (MESSAGES 3 UNSEEN 1) \r\n<tag> OK\r\n",
    b"GETQUOTAROOT": b'* quotaroot INBOX ""\r\n* quota "" (storage 10 512)\r\n<tag> ok\r\n',
    b"LOGOUT": b"<tag> OK no goodbye\r\n",
}


def test_sloppy_replies_are_read_all_the_same() -> None:
    with Scripted(imap(SLOPPY)) as server:
        outcome = poll(account(server.port), 5).outcome
    assert isinstance(outcome, Reading)
    assert (outcome.messages, outcome.unread, outcome.size_bytes) == (3, 1, None)
    assert [(quota.used, quota.limit) for quota in outcome.quotas] == [(10240, 524288)]


def test_folders_of_others_do_not_count() -> None:
    script = {
        b"NAMESPACE": b'* NAMESPACE (("" "/")) (("Other/" "/")) NIL\r\n<tag> OK\r\n',
        b"LIST": b'* LIST () "/" INBOX\r\n* LIST () "/" Other/bert\r\n<tag> OK\r\n',
        b"STATUS": b"* STATUS INBOX (MESSAGES 3 UNSEEN 1)\r\n<tag> OK\r\n",
    }
    with Scripted(imap(script, b"IMAP4rev1 NAMESPACE")) as server:
        outcome = poll(account(server.port), 5).outcome
        assert not any(b"STATUS" in line and b"Other" in line for line in server.heard)
    assert isinstance(outcome, Reading)
    assert [folder.name for folder in outcome.folders] == ["INBOX"]
    assert outcome.messages == 3


STRAY_QUOTA = b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 1 2)\r\n'
STRAY_COUNTS = b'* LIST () "/" INBOX\r\n* STATUS INBOX (MESSAGES 999 UNSEEN 999)\r\n'
STRAY = {  # an untagged reply in the answer to another command
    "LIST in LOGIN": {b"LOGIN": b'* LIST () "/" Stray\r\n<tag> OK\r\n'},
    "STATUS in LOGIN": {b"LOGIN": STRAY_COUNTS + b"<tag> OK\r\n"},
    "STATUS in NAMESPACE": {b"NAMESPACE": STRAY_COUNTS + b"<tag> OK\r\n"},
    "QUOTA in LOGIN": {b"LOGIN": STRAY_QUOTA + b"<tag> OK\r\n"},
    "QUOTA in CAPABILITY": {
        b"CAPABILITY": STRAY_QUOTA + b"* CAPABILITY IMAP4rev1 QUOTA\r\n<tag> OK\r\n"
    },
    "QUOTA in NAMESPACE": {b"NAMESPACE": STRAY_QUOTA + b"<tag> OK\r\n"},
    "QUOTA in LIST": {b"LIST": STRAY_QUOTA + LISTED},
    "a foreign QUOTA in LIST": {b"LIST": b'* QUOTA "x" (STORAGE 1 2)\r\n' + LISTED},
    "a STATUS of another folder": {b"LIST": b"* STATUS Stray (MESSAGES 9)\r\n" + LISTED},
    "EXISTS and RECENT": {b"LIST": b"* 999 EXISTS\r\n* 9 RECENT\r\n" + LISTED},
    "FETCH": {b"LIST": b"* 1 FETCH (RFC822.SIZE 999)\r\n" + LISTED},
    "FLAGS": {b"LIST": b"* FLAGS (\\Seen)\r\n" + LISTED},
    "ALERT": {b"LIST": b"* OK [ALERT] a quota of 1 of 2\r\n" + LISTED},
    "an unknown reply": {b"LIST": b"* X-NEWS anna\r\n" + LISTED},
}


@pytest.mark.parametrize("replies", STRAY.values(), ids=STRAY.keys())
def test_what_was_not_asked_for_changes_nothing(replies: dict[bytes, bytes]) -> None:
    quota = b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 90 100)\r\n<tag> OK\r\n'
    script = imap(SESSION | {b"GETQUOTAROOT": quota} | replies, IMAP)
    reading = meet(Fault(script, QuotaState.LIMITED)).reading
    assert [(each.used, each.limit) for each in reading.quotas] == [(90 * KIBIBYTE, 100 * KIBIBYTE)]
    assert [(each.name, each.messages) for each in reading.folders] == [("INBOX", 3)]
    assert (reading.messages, reading.unread) == (3, 1)


def test_a_quota_line_in_the_reply_to_another_question_is_no_answer() -> None:
    replies = {b"LIST": STRAY_QUOTA + LISTED, b"GETQUOTAROOT": b"<tag> OK No quota.\r\n"}
    meet(Fault(imap(SESSION | replies, IMAP), QuotaState.UNLIMITED))


LATE = {
    "in another order": b"* STATUS b (MESSAGES 2 UNSEEN 0 SIZE 20)\r\n"
    b'* LIST () "/" INBOX\r\n* STATUS INBOX (SIZE 10 UNSEEN 1 MESSAGES 1)\r\n* LIST () "/" b\r\n',
    "all lists first": b'* LIST () "/" INBOX\r\n* LIST () "/" b\r\n'
    b"* STATUS INBOX (MESSAGES 1 UNSEEN 1 SIZE 10)\r\n* STATUS b (MESSAGES 2 UNSEEN 0 SIZE 20)\r\n",
    "each list twice": b'* LIST () "/" INBOX\r\n* LIST (\\Subscribed) "/" INBOX\r\n'
    b"* STATUS INBOX (MESSAGES 1 UNSEEN 1 SIZE 10)\r\n* STATUS b (MESSAGES 2 UNSEEN 0 SIZE 20)\r\n"
    b'* LIST () "/" b\r\n',
}


@pytest.mark.parametrize("replies", LATE.values(), ids=LATE.keys())
def test_counts_are_joined_by_name_in_whatever_order_they_come(replies: bytes) -> None:
    script = imap({b"LIST": replies + b"<tag> OK\r\n"}, RICH)
    reading = meet(Fault(script, QuotaState.UNLIMITED)).reading
    assert (reading.messages, reading.unread, reading.size_bytes) == (3, 1, 30)


UNBELIEVABLE = {
    "negative": ROOT + b'* QUOTA "" (STORAGE -1 512)\r\n',
    "a negative limit": ROOT + b'* QUOTA "" (STORAGE 1 -512)\r\n',
    "with a sign": ROOT + b'* QUOTA "" (STORAGE +1 512)\r\n',
    "not a number": ROOT + b'* QUOTA "" (STORAGE NaN 512)\r\n',
    "infinite": ROOT + b'* QUOTA "" (STORAGE 1 inf)\r\n',
    "a fraction": ROOT + b'* QUOTA "" (STORAGE 1.5 512)\r\n',
    "in hexadecimal": ROOT + b'* QUOTA "" (STORAGE 0x10 512)\r\n',
    "with a thousands separator": ROOT + b'* QUOTA "" (STORAGE 1_000 512)\r\n',
    "in other digits": ROOT + '* QUOTA "" (STORAGE \u0661 512)\r\n'.encode(),
    "10^23": ROOT + b'* QUOTA "" (STORAGE 1' + b"0" * 23 + b" 512)\r\n",
    "5,000 digits": ROOT + b'* QUOTA "" (STORAGE ' + HUGE + b" 512)\r\n",
    "a limit of 5,000 digits": ROOT + b'* QUOTA "" (STORAGE 1 ' + HUGE + b")\r\n",
    "an underflow": ROOT + b'* QUOTA "" (STORAGE 18446744073709551615 5)\r\n',
    "an underflow of messages": ROOT + b'* QUOTA "" (MESSAGE 18446744073709551615 5)\r\n',
    "bytes beyond 63 bits": ROOT + b'* QUOTA "" (STORAGE 9223372036854775807 5)\r\n',
    "no numbers": ROOT + b'* QUOTA "" (STORAGE "" "")\r\n',
    "NIL": ROOT + b'* QUOTA "" (STORAGE NIL NIL)\r\n',
    "one of two": ROOT + b'* QUOTA "" (STORAGE 1 512 MESSAGE 1)\r\n',
    "a list in the list": ROOT + b'* QUOTA "" ((STORAGE 1 512))\r\n',
    "a foreign root": b'* QUOTAROOT INBOX "a"\r\n* QUOTA "b" (STORAGE 1 512)\r\n',
    "a foreign root beside ours": ROOT
    + b'* QUOTA "" (STORAGE 1 512)\r\n* QUOTA "b" (STORAGE 1 2)\r\n',
    "no root named": b'* QUOTA "" (STORAGE 1 512)\r\n',
    "cut short": ROOT + b'* QUOTA "" (STORAGE 1\r\n',
    "an open quote": ROOT + b'* QUOTA " (STORAGE 1 512)\r\n',
    "an empty line": ROOT + b"* QUOTA\r\n",
    "a contradiction": ROOT + b'* QUOTA "" (STORAGE 1 512)\r\n* QUOTA "" (STORAGE 2 512)\r\n',
}


@pytest.mark.parametrize("reply", UNBELIEVABLE.values(), ids=UNBELIEVABLE.keys())
def test_an_answer_that_cannot_be_believed_is_invalid_and_feeds_nothing(reply: bytes) -> None:
    script = imap(SESSION | {b"GETQUOTAROOT": reply + b"<tag> OK done\r\n"}, IMAP)
    reading = meet(Fault(script, QuotaState.INVALID)).reading
    assert (reading.quotas, reading.usage_ratio) == ((), None)
    assert reading.messages == 3


BELIEVED = {  # used and limit as sent, and as read: bytes, None for no limit, and the ratio
    "full": (b"100 100", 100 * KIBIBYTE, 100 * KIBIBYTE, 1.0),
    "above the limit": (b"150 100", 150 * KIBIBYTE, 100 * KIBIBYTE, 1.5),
    "empty": (b"0 100", 0, 100 * KIBIBYTE, 0.0),
    "with leading zeros": (b"0050 0100", 50 * KIBIBYTE, 100 * KIBIBYTE, 0.5),
    "of no limit": (b"5 0", 5 * KIBIBYTE, None, None),
    "of the largest 32-bit limit": (b"5 2147483647", 5 * KIBIBYTE, None, None),
    "just below a pebibyte": (b"0 1099511627775", 0, (2**40 - 1) * KIBIBYTE, 0.0),
    "of a limit of 63 bits": (b"5 9223372036854775807", 5 * KIBIBYTE, None, None),
}


@pytest.mark.parametrize(
    ("numbers", "used", "limit", "ratio"), BELIEVED.values(), ids=BELIEVED.keys()
)
def test_integers_are_read_exactly(
    numbers: bytes, used: int, limit: int | None, ratio: float | None
) -> None:
    reply = ROOT + b'* QUOTA "" (STORAGE %b)\r\n<tag> OK\r\n' % numbers
    state = QuotaState.UNLIMITED if limit is None else QuotaState.LIMITED
    reading = meet(Fault(imap(SESSION | {b"GETQUOTAROOT": reply}, IMAP), state)).reading
    assert [(quota.used, quota.limit) for quota in reading.quotas] == [(used, limit)]
    assert reading.usage_ratio == ratio
