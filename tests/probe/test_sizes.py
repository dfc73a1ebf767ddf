"""Where a server tells no sizes, they are summed up, right and with little asking."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.model import Failure, FailureKind, Reading
from agent.probe.blocks import LARGEST_BLOCK
from agent.probe.read import Prober
from agent.probe.sizes import LARGEST_FOLDER, WINDOW
from tests.support.accounts import account
from tests.support.poor import Box, Kept, Poor
from tests.support.scripted import Line, Scripted, imap

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUS = b"* STATUS INBOX (MESSAGES 2 UNSEEN 0 UIDVALIDITY 7 UIDNEXT 9)\r\n<tag> OK\r\n"
EXAMINED = b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 9] n\r\n<tag> OK [READ-ONLY]\r\n"
LIMITED = b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 10 512)\r\n<tag> OK\r\n'


class Watched:
    """One poor server, polled again and again by an agent that remembers."""

    def __init__(self, server: Scripted, script: Poor, patience: int) -> None:
        self.script = script
        self.memory = Kept()
        self.inbox = script.boxes[b"INBOX"]
        self._account = account(server.port)
        self._prober = Prober(20, memory=self.memory, patience=patience)

    def poll(self) -> Reading:
        outcome = self.memory.keep(self._prober.poll(self._account)).outcome
        assert isinstance(outcome, Reading), outcome
        return outcome

    def size(self) -> int | None:
        return self.poll().size_bytes


@contextmanager
def watched(*names: bytes, patience: int = 20_000) -> Iterator[Watched]:
    script = Poor({name: Box() for name in (b"INBOX", *names)})
    with Scripted(script) as server:
        yield Watched(server, script, patience)


def read(replies: dict[bytes, bytes], timeout: float = 10) -> Reading:
    told = {b"LIST": b'* LIST () "/" INBOX\r\n<tag> OK\r\n', b"STATUS": STATUS}
    with Scripted(
        imap(told | {b"EXAMINE": EXAMINED, b"GETQUOTAROOT": LIMITED} | replies)
    ) as server:
        outcome = Prober(timeout).poll(account(server.port)).outcome
    assert isinstance(outcome, Reading), outcome
    return outcome


def test_the_sizes_of_all_messages_in_all_folders_are_summed_up() -> None:
    with watched(b"Sent", b"Empty") as made:
        made.inbox.deliver(100, 200)
        made.script.boxes[b"Sent"].deliver(5000)
        reading = made.poll()
    assert (reading.size_bytes, reading.messages) == (5300, 3)
    assert [(each.name, each.size_bytes) for each in reading.folders] == [
        ("INBOX", 300),
        ("Empty", 0),
        ("Sent", 5000),
    ]


def test_a_folder_that_did_not_change_is_not_opened_again() -> None:
    with watched(b"Sent") as made:
        made.inbox.deliver(100, 200)
        made.script.boxes[b"Sent"].deliver(5000)
        assert made.size() == made.size() == 5300
        assert not made.script.asked(b"EXAMINE") + made.script.asked(b"FETCH")


def test_only_new_messages_are_asked_for() -> None:
    with watched(b"Sent") as made:
        made.inbox.deliver(*range(1, 101))
        made.script.boxes[b"Sent"].deliver(7)
        made.poll()
        made.inbox.deliver(1000, 2000)
        assert made.size() == 5050 + 3000 + 7
        assert made.script.asked(b"EXAMINE") == [b'EXAMINE "INBOX"']
        assert made.script.asked(b"FETCH") == [b"FETCH 100:102 (UID RFC822.SIZE)"]


def test_where_messages_are_gone_only_their_neighbours_are_asked_for_again() -> None:
    with watched() as made:
        made.inbox.deliver(*[10] * (3 * LARGEST_BLOCK))
        made.poll()
        made.inbox.delete(LARGEST_BLOCK + 5)
        assert made.size() == made.inbox.size
        again = b"UID FETCH %d:%d (UID RFC822.SIZE)" % (LARGEST_BLOCK + 1, 2 * LARGEST_BLOCK)
        assert made.script.asked(b"UID FETCH") == [again]


def test_as_many_came_as_went_and_the_size_is_right() -> None:
    with watched() as made:
        made.inbox.deliver(1, 20, 300)
        made.poll()
        made.inbox.delete(0)
        made.inbox.deliver(4000)
        assert made.size() == 4320


def test_other_uids_under_another_uidvalidity_are_other_messages() -> None:
    with watched() as made:
        made.inbox.deliver(1, 20, 300)
        made.poll()
        made.inbox.delete(2)
        made.inbox.rebuild()
        made.inbox.deliver(4000)
        assert made.size() == 4021


def test_another_mailbox_of_the_same_name_starts_anew() -> None:
    with watched() as made, watched() as other:
        made.inbox.deliver(1, 20)
        other.inbox.deliver(300, 4000)
        made.poll()
        other.memory.sizes = made.memory.sizes
        assert other.size() == 4300


def test_a_folder_that_is_gone_is_forgotten() -> None:
    with watched(b"Old") as made:
        made.script.boxes[b"Old"].deliver(7)
        made.poll()
        assert b"Old" in made.memory.sizes
        del made.script.boxes[b"Old"]
        assert made.size() == 0
        assert b"Old" not in made.memory.sizes


def test_a_server_without_uidnext_is_asked_for_one_message_only() -> None:
    with watched() as made:
        made.inbox.tells_next_uid = False
        made.inbox.deliver(1, 20, 300)
        assert made.size() == made.size() == 321
        assert made.script.asked(b"FETCH") == [b"FETCH 3:3 (UID RFC822.SIZE)"]
        made.inbox.delete(1)
        made.inbox.deliver(4000)
        assert made.size() == 4301


def test_a_huge_folder_is_sized_over_several_polls_and_unknown_until_then() -> None:
    with watched(patience=WINDOW) as made:
        made.inbox.deliver(*[3] * (3 * WINDOW + 1))
        seen = [made.size()]
        while seen[-1] is None:
            assert len(seen) < 10
            seen.append(made.size())
        assert seen == [None, None, None, made.inbox.size]
        assert made.size() == made.inbox.size
        assert not made.script.asked(b"FETCH")


def test_a_folder_beyond_all_bounds_has_no_size_and_does_no_harm() -> None:
    many = b"* STATUS INBOX (MESSAGES %d UNSEEN 0 UIDVALIDITY 7 UIDNEXT 9)\r\n<tag> OK\r\n"
    reading = read({b"STATUS": many % (LARGEST_FOLDER + 1)})
    assert (reading.messages, reading.size_bytes) == (LARGEST_FOLDER + 1, None)
    assert reading.usage_ratio == 10 / 512


def rows(*messages: bytes) -> bytes:
    return b"".join(b"* %b\r\n" % each for each in messages) + b"<tag> OK done\r\n"


UNUSABLE = {
    "no such folder": {b"EXAMINE": b"<tag> NO no such folder\r\n"},
    "no EXAMINE": {b"EXAMINE": b"<tag> BAD what?\r\n"},
    "no FETCH": {b"FETCH": b"<tag> NO cannot\r\n"},
    "nothing": {b"FETCH": rows()},
    "one is missing": {b"FETCH": rows(b"1 FETCH (UID 4 RFC822.SIZE 10)")},
    "half of each": {b"FETCH": rows(b"1 FETCH (UID 4)", b"2 FETCH (RFC822.SIZE 3)")},
    "one twice": {
        b"FETCH": rows(b"1 FETCH (UID 4 RFC822.SIZE 1)", b"2 FETCH (UID 4 RFC822.SIZE 1)")
    },
    "no numbers": {
        b"FETCH": rows(b"1 FETCH (UID 4 RFC822.SIZE -1)", b"2 FETCH (UID 5 RFC822.SIZE x)")
    },
    "one goes meanwhile": {b"FETCH": rows(b"1 FETCH (UID 4 RFC822.SIZE 1)", b"1 EXPUNGE")},
    "a goodbye": {b"FETCH": b"* BYE going down\r\n"},
}


@pytest.mark.parametrize("replies", UNUSABLE.values(), ids=UNUSABLE)
def test_sizes_that_cannot_be_had_leave_the_rest_of_the_reading(
    replies: dict[bytes, bytes],
) -> None:
    reading = read(replies)
    assert (reading.messages, reading.size_bytes) == (2, None)
    assert reading.usage_ratio == 10 / 512


FIRST, SECOND = b"1 FETCH (UID 4 RFC822.SIZE 10)", b"2 FETCH (UID 8 RFC822.SIZE 5)"


@pytest.mark.parametrize(
    "reply",
    [
        rows(FIRST, SECOND),
        rows(SECOND, FIRST),
        rows(b"1 fetch (rfc822.size 10 uid 4)", b"2 FETCH (FLAGS (\\Seen) UID 8 RFC822.SIZE 5)"),
        rows(b"9 FETCH (FLAGS ())", FIRST, b"3 EXISTS", SECOND),
    ],
)
def test_rows_are_understood_in_any_order_and_with_more_in_them(reply: bytes) -> None:
    assert read({b"FETCH": reply}).size_bytes == 15


def test_a_server_that_stalls_over_sizes_is_left_with_the_rest_of_the_reading() -> None:
    def talk(line: Line) -> None:
        imap({b"LIST": b'* LIST () "/" INBOX\r\n<tag> OK\r\n', b"STATUS": STATUS})(Halting(line))

    with Scripted(talk) as server:
        outcome = Prober(1).poll(account(server.port)).outcome
    assert isinstance(outcome, Reading), outcome
    assert (outcome.messages, outcome.size_bytes) == (2, None)


class Halting(Line):
    """Hears no more from EXAMINE on."""

    def __init__(self, line: Line) -> None:
        super().__init__(line.socket, line.heard, line.ended, line.secured)

    def hear(self) -> bytes:
        command = super().hear()
        if b"EXAMINE" in command:
            self.stall()
            return b""
        return command


def test_a_server_that_throttles_over_sizes_is_believed() -> None:
    refusal = b"<tag> NO [LIMIT] Account exceeded command or bandwidth limits\r\n"
    replies = {b"LIST": b'* LIST () "/" INBOX\r\n<tag> OK\r\n', b"STATUS": STATUS}
    with Scripted(imap(replies | {b"EXAMINE": refusal})) as server:
        outcome = Prober(10).poll(account(server.port)).outcome
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.THROTTLED


class Folders(RuleBasedStateMachine):
    """Whatever happens to the folders, a size that is told is the true one."""

    def __init__(self) -> None:
        super().__init__()
        self.script = Poor({b"INBOX": Box(), b"Sent": Box()})
        self.server = Scripted(self.script).__enter__()
        self.made = Watched(self.server, self.script, patience=3 * LARGEST_BLOCK)
        self.changed = False

    def teardown(self) -> None:
        self.server.__exit__()

    @rule(
        name=st.sampled_from([b"INBOX", b"Sent"]),
        sizes=st.lists(st.integers(1, 10**9), min_size=1, max_size=5),
        times=st.sampled_from([1, 1, 1, 250]),
    )
    def deliver(self, name: bytes, sizes: list[int], times: int) -> None:
        self.script.boxes[name].deliver(*sizes * times)

    @rule(
        name=st.sampled_from([b"INBOX", b"Sent"]),
        places=st.lists(st.integers(0, 10**4), min_size=1, max_size=5),
    )
    def delete(self, name: bytes, places: list[int]) -> None:
        self.script.boxes[name].delete(*places)

    @rule()
    def empty(self) -> None:
        self.script.boxes[b"Sent"].messages.clear()

    @rule()
    def rebuild(self) -> None:
        self.script.boxes[b"INBOX"].rebuild()

    @rule(tells=st.booleans())
    def forget_next_uid(self, *, tells: bool) -> None:
        self.made.inbox.tells_next_uid = tells

    @rule()
    def poll(self) -> None:
        size = self.made.size()
        assert size in {None, self.true_size}

    @precondition(lambda self: self.total <= 2 * LARGEST_BLOCK)
    @rule()
    def poll_what_is_small_enough(self) -> None:
        assert self.made.size() == self.true_size

    @invariant()
    def blocks_stay_few(self) -> None:
        blocks = sum(len(each.blocks) for each in self.made.memory.sizes.values())
        ever = sum(box.next_uid for box in self.script.boxes.values())
        assert blocks <= 2 * ever / LARGEST_BLOCK + 20

    @property
    def true_size(self) -> int:
        return sum(box.size for box in self.script.boxes.values())

    @property
    def total(self) -> int:
        return sum(len(box.messages) for box in self.script.boxes.values())


Folders.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
test_any_history_of_a_mailbox_is_summed_up_rightly = Folders.TestCase
