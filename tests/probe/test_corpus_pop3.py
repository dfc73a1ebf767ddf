"""Recorded POP3 replies: sizes by STAT, refusals by their kind, and no command that may do harm."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import pytest

from agent.model import Failure, FailureKind, QuotaState, Reading
from agent.probe.read import Prober, poll
from tests.support.accounts import account
from tests.support.corpus import Row, assert_agrees, rows_of
from tests.support.maildrops import Kept
from tests.support.scripted import Scripted, pop3

if TYPE_CHECKING:
    from collections.abc import Mapping

CAPA = rows_of("CAPA", protocol="pop3")
STAT = rows_of("STAT", protocol="pop3")
PASS = rows_of("PASS", protocol="pop3")
GREETINGS = rows_of("(GREETING)", protocol="pop3")
LISTS = rows_of("LIST", protocol="pop3")
UIDL = rows_of("UIDL", protocol="pop3")
REPLAYED = CAPA + STAT + PASS + GREETINGS + UIDL

# The corpus says "error" of all these; the kind follows from the code, or the place.
KINDS = {
    128: FailureKind.PROTOCOL,
    134: FailureKind.PROTOCOL,
    140: FailureKind.UNAVAILABLE,
    141: FailureKind.LOCKED,
    144: FailureKind.LOCKED,
    145: FailureKind.DENIED,
    152: FailureKind.UNAVAILABLE,
}
HARMLESS = {b"CAPA", b"STLS", b"USER", b"PASS", b"APOP", b"STAT", b"QUIT"}
TWO_MESSAGES = {b"CAPA": b"+OK\r\nUSER\r\n.\r\n", b"STAT": b"+OK 2 320\r\n"}


def ask(
    replies: Mapping[bytes, bytes], greeting: bytes = b"+OK ready\r\n", tls: str = "none"
) -> tuple[Reading | Failure, list[bytes]]:
    """The outcome, and the commands that were sent."""
    with Scripted(pop3(TWO_MESSAGES | dict(replies), greeting)) as server:
        outcome = poll(account(server.port, "pop3", tls), 5).outcome
    sent = [line.split()[0] for line in server.heard]
    assert set(sent) <= HARMLESS
    return outcome, sent


def seen(outcome: Reading | Failure) -> dict[str, object]:
    if isinstance(outcome, Failure):
        return {"quota_state": outcome.kind, "usage_bytes": None, "messages": None}
    return {
        "quota_state": outcome.quota_state,
        "usage_bytes": outcome.size_bytes,
        "messages": outcome.messages,
    }


def kind(outcome: Reading | Failure) -> FailureKind | None:
    return outcome.kind if isinstance(outcome, Failure) else None


@pytest.mark.parametrize("row", STAT, ids=str)
def test_a_maildrop_is_as_large_as_stat_says(row: Row) -> None:
    outcome, _ = ask({b"STAT": row.reply.encode()})
    assert_agrees(row, seen(outcome))
    assert kind(outcome) is KINDS.get(row.number)


@pytest.mark.parametrize("row", PASS, ids=str)
def test_an_answer_to_the_password_is_a_failure_of_its_kind_or_none(row: Row) -> None:
    stat = b"+OK %d %d\r\n" % (row.expect["messages"] or 0, row.expect["usage_bytes"] or 0)
    outcome, _ = ask({b"PASS": row.reply.encode(), b"STAT": stat})
    assert_agrees(row, seen(outcome))
    assert kind(outcome) is KINDS.get(row.number)


@pytest.mark.parametrize("row", GREETINGS, ids=str)
def test_a_greeting_without_words_ends_the_poll_before_the_login(row: Row) -> None:
    outcome, sent = ask({}, greeting=row.reply.encode())
    assert_agrees(row, seen(outcome))
    assert kind(outcome) is KINDS[row.number]
    assert sent == []


@pytest.mark.parametrize("row", CAPA, ids=str)
def test_capabilities_tell_the_delay_and_make_no_maildrop_larger(row: Row) -> None:
    with Scripted(pop3(TWO_MESSAGES | {b"CAPA": row.reply.encode()})) as server:
        done = poll(account(server.port, "pop3"), 5)
    assert isinstance(done.outcome, Reading), done.outcome
    assert (done.outcome.messages, done.outcome.size_bytes) == (2, 320)
    assert done.outcome.quota_state is QuotaState.UNSUPPORTED
    delay = done.login_delay or 0
    assert_agrees(row, {"quota_state": done.outcome.quota_state, "login_delay": delay})
    assert delay == row.expect.get("login_delay", 0)


@pytest.mark.parametrize("row", CAPA, ids=str)
def test_tls_is_begun_where_it_is_offered_and_a_password_sent_nowhere_else(row: Row) -> None:
    replies = {b"CAPA": row.reply.encode(), b"STLS": b"-ERR not now\r\n"}
    outcome, sent = ask(replies, tls="starttls")
    assert kind(outcome) is FailureKind.TLS
    assert sent == ([b"CAPA", b"STLS"] if "\r\nSTLS\r\n" in row.reply else [b"CAPA"])


@pytest.mark.parametrize("row", UIDL, ids=str)
def test_unique_ids_are_kept_as_digests_where_messages_are_tracked(row: Row) -> None:
    stat = b"+OK %d 320\r\n" % row.expect["messages"]
    with Scripted(pop3({b"STAT": stat, b"UIDL": row.reply.encode()})) as server:
        tracked = account(server.port, "pop3", track_messages=True)
        done = Prober(5, memory=Kept()).poll(tracked)
    assert isinstance(done.outcome, Reading), done.outcome
    assert done.learned
    assert done.learned.unique_ids
    digests = {
        blake2b(each.encode(), digest_size=8).hexdigest(): each for each in row.expect["uids"]
    }
    uids = [digests.get(each) for each in done.learned.unique_ids.first_seen]
    assert_agrees(row, {"messages": done.outcome.uncollected, "uids": uids})


@pytest.mark.parametrize("row", LISTS + UIDL, ids=str)
def test_messages_are_neither_listed_nor_identified_unasked(row: Row) -> None:
    outcome, sent = ask({row.word.encode(): row.reply.encode()})
    assert isinstance(outcome, Reading), outcome
    assert (outcome.messages, outcome.size_bytes) == (2, 320)
    assert row.word.encode() not in sent
