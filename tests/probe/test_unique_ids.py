"""Tracked messages of a maildrop: how many wait uncollected, and since when."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.accounts import account
from tests.support.maildrops import (
    NOON,
    Drop,
    Kept,
    at,
    holding,
    listing,
    polled,
    tracked,
    uncollected,
)
from tests.support.proxy import Proxy
from tests.support.scripted import Scripted

if TYPE_CHECKING:
    from tests.support.dovecot import Dovecot
    from tests.support.scripted import Line

LATER = NOON + timedelta(hours=1)
LATEST = NOON + timedelta(hours=2)


def test_messages_of_a_real_maildrop_are_followed(dovecot: Dovecot) -> None:
    user = dovecot.add()
    login = {"username": user.name, "password": user.password}
    ours = account(dovecot.ports.pop3, "pop3", track_messages=True, **login)
    memory = Kept()
    assert uncollected(polled(ours, memory, NOON)) == (0, None)
    dovecot.deliver(user, 1_000)
    assert uncollected(polled(ours, memory, NOON)) == (1, NOON)
    dovecot.deliver(user, 1_000)
    dovecot.deliver(user, 1_000)
    assert uncollected(polled(ours, memory, LATER)) == (3, NOON)
    client = dovecot.imap(user)
    client.select()
    client.store("1", "+FLAGS", r"(\Deleted)")
    client.expunge()
    client.logout()
    assert uncollected(polled(ours, memory, LATEST)) == (2, LATER)
    assert memory.ids
    assert len(memory.ids.first_seen) == 2
    assert polled(ours, memory, LATEST).learned is None


def test_the_question_leaves_together_with_the_others(dovecot: Dovecot) -> None:
    user = dovecot.add()
    with Proxy(dovecot.ports.pop3) as wire:
        login = {"username": user.name, "password": user.password}
        polled(account(wire.port, "pop3", track_messages=True, **login), Kept(), NOON)
    words = [[line.split()[0] for line in flight] for flight in wire.flights]
    assert words == [[b"CAPA"], [b"APOP"], [b"CAPA", b"STAT", b"UIDL"], [b"QUIT"]]


def test_it_leaves_with_the_count_where_the_server_bears_that_only_after_the_login() -> None:
    def talk(line: Line) -> None:
        line.say(b"+OK ready\r\n")
        replies = {b"CAPA": b"-ERR\r\n", b"STAT": b"+OK 1 9\r\n", b"UIDL": listing(b"a")}
        while command := line.hear():
            if command.startswith(b"PASS"):
                replies[b"CAPA"] = b"+OK\r\nPIPELINING\r\n.\r\n"
            line.say(replies.get(command, b"+OK\r\n"))

    with Scripted(talk) as server, Proxy(server.port) as wire:
        ours = account(wire.port, "pop3", track_messages=True)
        assert uncollected(polled(ours, Kept(), NOON)) == (1, NOON)
    words = [[line.split()[0] for line in flight] for flight in wire.flights]
    assert words == [[b"CAPA"], [b"USER"], [b"PASS"], [b"CAPA"], [b"STAT", b"UIDL"], [b"QUIT"]]


def test_new_messages_are_added_and_those_gone_forgotten() -> None:
    drop, memory = Drop(b"a", b"b"), Kept()
    with Scripted(drop) as server:
        ours = at(server)
        assert uncollected(polled(ours, memory, NOON)) == (2, NOON)
        drop.hold(b"b", b"c")
        assert uncollected(polled(ours, memory, LATER)) == (2, NOON)
        drop.hold(b"c")
        assert uncollected(polled(ours, memory, LATEST)) == (1, LATER)
        drop.hold()
        emptied = polled(ours, memory, LATEST)
        assert uncollected(emptied) == (0, None)
        assert emptied.learned
        drop.hold(b"c")
        assert uncollected(polled(ours, memory, LATEST)) == (1, LATEST)


def test_what_has_not_changed_is_not_learned_again() -> None:
    with Scripted(holding(b"a", b"b")) as server:
        memory = Kept()
        assert polled(at(server), memory, NOON).learned
        assert polled(at(server), memory, LATER).learned is None


def test_nothing_is_learned_from_an_empty_maildrop_that_was_always_empty() -> None:
    assert tracked(holding(), Kept()).learned is None


def test_what_is_kept_are_digests_of_the_ids() -> None:
    memory = Kept()
    tracked(holding(b"whqtswO00WBw418f9t5JxYwZ"), memory)
    assert memory.ids
    ((digest, seen),) = memory.ids.first_seen.items()
    assert (len(digest), seen) == (16, NOON.timestamp())
    assert int(digest, 16)


def test_the_ids_of_another_mailbox_mean_nothing() -> None:
    with Scripted(holding(b"1", b"2")) as server:
        memory = Kept()
        polled(at(server), memory, NOON)
        assert polled(at(server, username="bert"), memory, NOON).learned
        assert uncollected(polled(at(server, username="carl"), memory, LATER)) == (2, LATER)


def test_an_empty_maildrop_takes_the_place_of_another_mailbox() -> None:
    drop, memory = Drop(b"1"), Kept()
    with Scripted(drop) as server:
        polled(at(server), memory, NOON)
        drop.hold()
        assert polled(at(server, username="bert"), memory, LATER).learned
    assert memory.ids
    assert memory.ids.first_seen == {}


def test_without_a_memory_messages_are_counted_and_no_ids_asked_for() -> None:
    with Scripted(holding(b"a", b"b")) as server:
        done = polled(at(server), Kept(None), NOON)
    assert uncollected(done) == (2, None)
    assert done.learned is None
    assert b"UIDL" not in server.heard


def test_untracked_messages_are_not_asked_for() -> None:
    with Scripted(holding(b"a", b"b")) as server:
        done = polled(account(server.port, "pop3"), Kept(), NOON)
    assert uncollected(done) == (None, None)
    assert b"UIDL" not in server.heard


def test_a_clock_set_back_puts_no_message_into_the_future() -> None:
    with Scripted(holding(b"a")) as server:
        memory = Kept()
        polled(at(server), memory, LATER)
        assert uncollected(polled(at(server), memory, NOON)) == (1, NOON)


def test_an_id_that_several_messages_share_tells_none_of_them_apart() -> None:
    drop, memory = Drop(b"a", b"b"), Kept()
    with Scripted(drop) as server:
        polled(at(server), memory, NOON)
        drop.hold(b"a", b"b", b"a")
        assert uncollected(polled(at(server), memory, LATER)) == (3, None)
        drop.hold(b"a", b"b")  # which of the two has gone cannot be known
        assert uncollected(polled(at(server), memory, LATEST)) == (2, NOON)
        drop.hold(b"a")
        assert uncollected(polled(at(server), memory, LATEST)) == (1, LATEST)
