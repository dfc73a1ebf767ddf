"""What a mailbox holds, to the octet, whether the server tells sizes of folders or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.servers.kinds import Subject

MANY = 2_000


def asked(sent: list[bytes]) -> list[bytes]:
    """What was sent for the sizes of single messages; the next poll begins anew."""
    lines = [line for line in sent if b"EXAMINE" in line or b"FETCH" in line or b"SEARCH" in line]
    sent.clear()
    return lines


def test_all_messages_of_all_folders_are_counted_to_the_octet(server: Subject) -> None:
    user, name = server.peer.add(), server.peer.folder_name
    server.peer.store(user, messages=2, size=5000)
    server.peer.store(user, size=70_001)
    server.peer.store(user, "Sent", messages=3, size=333)
    server.peer.store(user, "Archive/2019", size=4096)
    reading = server.read(user)
    assert (reading.messages, reading.size_bytes) == (7, 10_000 + 70_001 + 999 + 4096)
    assert server.sizes(user) == {"INBOX": 80_001, name("Sent"): 999, name("Archive/2019"): 4096}


def test_an_empty_mailbox_has_a_size_too(server: Subject) -> None:
    reading = server.read(server.peer.add())
    assert (reading.messages, reading.unread, reading.size_bytes) == (0, 0, 0)


def test_messages_are_asked_for_their_sizes_once_at_most(
    server: Subject, sent: list[bytes]
) -> None:
    user = server.peer.add()
    server.peer.store(user, messages=3, size=1000)
    server.peer.store(user, "Sent", messages=2, size=200)
    server.open(user, "INBOX", "Sent")
    assert (server.poll(user).learned is None) == server.kind.tells_sizes
    assert bool(asked(sent)) != server.kind.tells_sizes
    again = server.poll(user)
    assert again.learned is None
    assert asked(sent) == []
    assert server.read(user).size_bytes == 3400


def test_the_size_is_right_again_after_every_change(server: Subject) -> None:
    user, sent = server.peer.add(), server.peer.folder_name("Sent")
    server.peer.store(user, messages=3, size=1000)
    server.peer.store(user, "Sent", messages=3, size=200)
    assert server.sizes(user) == {"INBOX": 3000, sent: 600}
    server.peer.store(user, size=5000)
    assert server.sizes(user) == {"INBOX": 8000, sent: 600}
    server.peer.delete(user, "INBOX", 2)
    assert server.sizes(user) == {"INBOX": 6000, sent: 600}
    server.peer.delete(user, "INBOX", 1)
    server.peer.store(user, size=70)
    assert server.sizes(user) == {"INBOX": 5070, sent: 600}
    server.peer.delete(user, "Sent", 3)
    assert server.sizes(user) == {"INBOX": 5070}


def test_flags_change_no_size_and_cost_nothing(server: Subject, sent: list[bytes]) -> None:
    user = server.peer.add()
    server.peer.store(user, messages=3, size=1000)
    server.open(user)
    assert server.read(user).unread == 3
    asked(sent)
    server.peer.flag(user, "INBOX", r"\Seen", r"\Deleted")
    reading = server.read(user)
    assert (reading.messages, reading.unread, reading.size_bytes) == (3, 0, 3000)
    assert asked(sent) == []


def test_a_large_folder_is_measured_at_once_and_then_watched(
    server: Subject, sent: list[bytes]
) -> None:
    user = server.peer.add()
    server.peer.store(user, messages=MANY, size=100)
    assert server.sizes(user) == {"INBOX": MANY * 100}
    assert len(asked(sent)) == (0 if server.kind.tells_sizes else 2)  # EXAMINE, and one FETCH
    server.peer.delete(user, "INBOX", 5)
    server.peer.store(user, size=333)
    server.open(user)
    reading = server.read(user)
    assert (reading.messages, reading.size_bytes) == (MANY - 4, MANY * 100 - 500 + 333)
    asked(sent)
    assert server.sizes(user) == {"INBOX": reading.size_bytes}
    assert asked(sent) == []


def test_a_folder_that_was_made_anew_is_measured_anew(server: Subject) -> None:
    user, name = server.peer.add(), server.peer.folder_name
    server.peer.store(user, "Sent", messages=3, size=1000)
    assert server.sizes(user) == {name("Sent"): 3000}
    with server.peer.imap(user) as session:
        assert session.rename(name("Sent"), name("Sent-2025"))[0] == "OK"
    server.peer.store(user, "Sent", messages=3, size=200)
    assert server.sizes(user) == {name("Sent"): 600, name("Sent-2025"): 3000}
