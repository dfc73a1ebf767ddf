"""Recorded answers about quotas, each in the place of a conversation where it would come."""

from __future__ import annotations

import pytest

from agent.model import QuotaState, Reading
from agent.probe.imap_protocol import quote_bytes
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.corpus import Row, assert_agrees, quota_figures, rows_of
from tests.support.scripted import NEARLY_FULL, Scripted, imap

ROOTS = rows_of("GETQUOTAROOT")
SINGLE = rows_of("GETQUOTA")
SET = rows_of("SETQUOTA")  # never sent; but where it tells of a quota, the line is the same
REPLAYED = ROOTS + SINGLE + SET

# Roots that came without figures, in the rows that have any.
FOLLOWED = {
    46: [b'""'],
    48: [b'""'],
    50: [b'"userquota"'],
    57: [b'"#Account"', b'"#Mailbox"'],
    58: [b'"HU"'],
}

# Roots whose names are spelt in more than one way, or look like something else.
NAMES = {
    8: "storage=1024000.0000",
    16: "INBOX/gr&AOU-",
    17: "INBOX/gr\u00e5",
    18: "user/guy@example.com",
    32: "#private&imapuser",
    49: "ROOT",
    62: 'a "b" \\c',
}


def read(replies: dict[bytes, bytes]) -> tuple[Reading, list[bytes]]:
    """The reading, and the roots that GETQUOTA was sent for."""
    with Scripted(imap(replies)) as server:
        outcome = poll(account(server.port), 5).outcome
    assert isinstance(outcome, Reading), outcome
    asked = [line.partition(b" GETQUOTA ") for line in server.heard]
    return outcome, [root for _, found, root in asked if found]


@pytest.mark.parametrize("row", ROOTS, ids=str)
def test_an_answer_to_getquotaroot_is_read_as_it_was_meant(row: Row) -> None:
    reading, followed = read({b"GETQUOTAROOT": row.answer})
    assert_agrees(row, quota_figures(reading))
    assert followed == FOLLOWED.get(row.number, [])


@pytest.mark.parametrize(("number", "name"), NAMES.items())
def test_a_root_is_called_what_the_server_calls_it(number: int, name: str) -> None:
    (row,) = (row for row in ROOTS if row.number == number)
    reading, _ = read({b"GETQUOTAROOT": row.answer})
    assert {quota.root for quota in reading.quotas} == {name}


@pytest.mark.parametrize("row", SINGLE + SET, ids=str)
def test_an_answer_to_getquota_is_read_as_it_was_meant(row: Row) -> None:
    root = quote_bytes(row.argument)
    untold = b"* QUOTAROOT INBOX %b\r\n<tag> OK done\r\n" % root
    reading, followed = read({b"GETQUOTAROOT": untold, b"GETQUOTA ": row.answer})
    assert_agrees(row, quota_figures(reading))
    assert followed == [root]


def test_all_of_them_at_once_change_nothing_where_nobody_asked() -> None:
    stray = b"".join(row.untagged for row in REPLAYED)
    reading, followed = read(NEARLY_FULL | {b"LIST": stray + NEARLY_FULL[b"LIST"]})
    alone, _ = read(NEARLY_FULL)
    assert reading == alone
    assert reading.quota_state is QuotaState.LIMITED
    assert followed == []
