"""Replies to UIDL: the sloppy read, the unbelievable without harm to what is known."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model import Reading
from agent.probe.pop3_client import unique_ids
from agent.probe.read import Prober
from tests.support.maildrops import (
    NOON,
    Drop,
    Kept,
    at,
    before_list,
    holding,
    listing,
    polled,
    tracked,
    uncollected,
)
from tests.support.scripted import Scripted, pop3

if TYPE_CHECKING:
    from tests.support.scripted import Line

LATER = NOON + timedelta(hours=1)
LATEST = NOON + timedelta(hours=2)


UNBELIEVABLE = {
    "refused": b"-ERR unknown command\r\n",
    "no POP3": b"* OK\r\n",
    "too few": listing(b"a"),
    "too many": listing(b"a", b"b", b"c"),
    "without an id": b"+OK\r\n1 a\r\n2\r\n.\r\n",
    "an empty id": b"+OK\r\n1 a\r\n2 \r\n.\r\n",
    "two ids in a line": b"+OK\r\n1 a b\r\n2 c\r\n.\r\n",
    "control characters": b"+OK\r\n1 a\r\n2 \x1b\r\n.\r\n",
    "not numbered": b"+OK\r\na 1\r\nb 2\r\n.\r\n",
    "numbered from 0": b"+OK\r\n0 a\r\n1 b\r\n.\r\n",
    "numbered with a 0": b"+OK\r\n0 a\r\n2 b\r\n.\r\n",
    "a number twice": b"+OK\r\n1 a\r\n1 b\r\n.\r\n",
    "a number too large": b"+OK\r\n1 a\r\n3 b\r\n.\r\n",
    "a number beyond belief": b"+OK\r\n1 a\r\n" + b"9" * 5000 + b" b\r\n.\r\n",
    "a message twice": b"+OK\r\n1 a\r\n2 b\r\n2 b\r\n.\r\n",
}


@pytest.mark.parametrize("reply", UNBELIEVABLE.values(), ids=UNBELIEVABLE.keys())
def test_from_an_unbelievable_list_nothing_is_learned_and_nothing_forgotten(reply: bytes) -> None:
    drop, memory = Drop(b"a", b"b"), Kept()
    with Scripted(drop) as server:
        polled(at(server), memory, NOON)
        drop.talk = pop3({b"STAT": b"+OK 2 1000\r\n", b"UIDL": reply})
        done = polled(at(server), memory, LATER)
        assert uncollected(done) == (2, None)
        assert done.learned is None
        drop.hold(b"a", b"b")
        assert uncollected(polled(at(server), memory, LATEST)) == (2, NOON)


@pytest.mark.parametrize(
    "lines", [b"1 " + b"x" * 1000 + b"\r\n", b"2 x\r\n" * 25], ids=["bytes", "lines"]
)
def test_a_list_longer_than_is_bearable_leaves_the_count_and_the_size(lines: bytes) -> None:
    stat = b"+OK 250000 9000\r\n"
    done = tracked(pop3({b"STAT": stat, b"UIDL": b"+OK\r\n" + lines * 10_000}), Kept())
    assert uncollected(done) == (250_000, None)
    assert isinstance(done.outcome, Reading)
    assert (done.outcome.messages, done.outcome.size_bytes) == (250_000, 9_000)


def test_a_list_that_breaks_off_leaves_the_count_and_the_size() -> None:
    def talk(line: Line) -> None:
        before_list(line, 2)
        line.say(b"+OK\r\n1 a\r\n")
        line.reset()

    assert uncollected(tracked(talk, Kept())) == (2, None)


def test_a_poll_whose_time_is_up_during_the_list_leaves_the_count_and_the_size() -> None:
    def time_is_up(line: Line) -> None:
        before_list(line, 2)
        prober.cancel()
        line.stall()

    prober = Prober(10, memory=Kept())
    with Scripted(time_is_up) as server:
        done = prober.poll(at(server))
    assert uncollected(done) == (2, None)


def test_an_id_longer_than_allowed_is_as_good_as_any() -> None:
    with Scripted(holding(b"x" * 500, b"x" * 501)) as server:
        memory = Kept()
        polled(at(server), memory, NOON)
        assert uncollected(polled(at(server), memory, LATER)) == (2, NOON)


@pytest.mark.parametrize("lines", [[b"2 b", b"1 a"], [b"1  a", b"2 b "]])
def test_a_sloppy_list_is_read_all_the_same(lines: list[bytes]) -> None:
    assert set(unique_ids(lines, 2) or ()) == {b"a", b"b"}


IDS = st.lists(st.binary(max_size=12) | st.from_regex(rb"[0-9]{1,2} [!-~]{1,8}", fullmatch=True))


@given(lines=IDS, messages=st.integers(0, 5))
def test_whatever_is_listed_there_is_one_id_a_message_or_none(
    lines: list[bytes], messages: int
) -> None:
    found = unique_ids(lines, messages)
    assert found is None or len(found) == len(lines) == messages


@given(ids=st.lists(st.from_regex(rb"[!-~]{1,70}", fullmatch=True)))
def test_every_list_in_the_servers_grammar_is_read(ids: list[bytes]) -> None:
    lines = [b"%d %b" % (number, each) for number, each in enumerate(ids, 1)]
    assert unique_ids(lines, len(ids)) == tuple(ids)


@given(reply=st.binary(max_size=200) | IDS.map(b"\r\n".join), messages=st.integers(0, 3))
@settings(max_examples=50)
def test_no_reply_to_the_question_for_ids_harms_the_reading(reply: bytes, messages: int) -> None:
    def talk(line: Line) -> None:
        before_list(line, messages)
        line.say(b"+OK\r\n" + reply + b"\r\n.\r\n")

    done = tracked(talk, Kept())
    assert uncollected(done) in {(messages, None), (messages, NOON)}
