"""However much a server sends, a poll's memory is bounded by its caps, and none of it stays."""

from __future__ import annotations

import gc
import tracemalloc
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from agent.model import FailureKind, QuotaState
from agent.probe import wire
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.faults import after, expected_of, imap_at
from tests.support.scripted import Line, Scripted, answer_imap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.faults import Expected
    from tests.support.scripted import Talk

ROOM = 4096  # bytes and lines for the rest of a session
SCALE = 16  # counting memory makes each line ten times as slow: the caps are made as much smaller
TIMES = 12  # what a poll may hold, in units of all it may receive; short lines cost most
ROUNDS = 5


def flood(command: bytes, reply: bytes) -> Talk:
    """A server that tells this with the answer to a command, and goes on as if nothing was."""

    def talk(line: Line) -> None:
        line.say(reply)  # not put together for each client: that would be memory, too
        line.say(line.heard[-1].split()[0] + b" OK done\r\n")
        answer_imap(line, {})

    return imap_at(command, talk)


def floods(most_bytes: int, most_lines: int, longest_line: int) -> dict[str, tuple[Talk, Expected]]:
    """Servers that send as much as these caps allow, or more, and what must come of it."""
    most, folder = most_bytes - ROOM, b'* LIST (\\Noselect) "/" "%040d"\r\n'
    folders = b"".join(folder % number for number in range(most // len(folder % 0)))
    line, unlimited = b"x" * (longest_line - ROOM), QuotaState.UNLIMITED
    literal = b"{%d}\r\n%b" % (most // 2, b"x" * (most // 2))
    return {
        "folders": (flood(b"LIST", folders), unlimited),
        "lines": (flood(b"LIST", b"* 1 EXISTS\r\n" * (most_lines - 100)), unlimited),
        "a line": (flood(b"LIST", b'* LIST (\\Noselect) "/" %b\r\n' % line), unlimited),
        "a literal for a folder": (
            flood(b"LIST", b'* LIST (\\Noselect) "/" {%d}\r\n%b\r\n' % (most, b"x" * most)),
            unlimited,
        ),
        "literals": (
            flood(
                b"GETQUOTAROOT",
                b"* QUOTAROOT INBOX %b\r\n* QUOTA %b (STORAGE 1 2)\r\n" % (literal, literal),
            ),
            QuotaState.LIMITED,
        ),
        "too many lines": (
            imap_at(b"LIST", after(b"* 1 EXISTS\r\n" * (most_lines + 1), Line.stall)),
            FailureKind.PROTOCOL,
        ),
    }


@contextmanager
def counted() -> Iterator[None]:
    """Python's memory is counted, from what is needed anyway on."""
    gc.collect()
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def test_polls_of_servers_that_send_the_most_leave_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caps = {
        "MOST_BYTES": wire.MOST_BYTES // SCALE,
        "MOST_LINES": wire.MOST_LINES // SCALE,
        "LONGEST_LINE": wire.LONGEST_LINE // SCALE,
    }
    for cap, value in caps.items():
        monkeypatch.setattr(wire, cap, value)
    with ExitStack() as stack:
        asked = [
            (account(stack.enter_context(Scripted(talk)).port), expected)
            for talk, expected in floods(*caps.values()).values()
        ]
        for each, expected in asked:
            assert expected_of(poll(each, 30)) is expected
        with counted():
            for each, expected in asked * ROUNDS:
                tracemalloc.reset_peak()
                assert expected_of(poll(each, 30)) is expected
                assert tracemalloc.get_traced_memory()[1] < TIMES * caps["MOST_BYTES"]
            gc.collect()
            assert tracemalloc.get_traced_memory()[0] < caps["LONGEST_LINE"]


REAL = floods(wire.MOST_BYTES, wire.MOST_LINES, wire.LONGEST_LINE)


@pytest.mark.parametrize("name", ["a line", "literals", "a literal for a folder"])
def test_one_that_sends_the_most_at_once_is_held_but_a_few_times(name: str) -> None:
    talk, expected = REAL[name]
    with Scripted(talk) as server, counted():
        assert expected_of(poll(account(server.port), 30)) is expected
        assert tracemalloc.get_traced_memory()[1] < TIMES * wire.MOST_BYTES
