"""Every private server does what the tests of the probe take for granted."""

from __future__ import annotations

import imaplib
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import SkipTest

import pytest

from tests.support import courier, cyrus, dovecot_server, pymap_server
from tests.support.courier import Courier
from tests.support.cyrus import Cyrus
from tests.support.daemon import ServerMissingError, started
from tests.support.dovecot import Dovecot
from tests.support.peer import Peer, User, message
from tests.support.pymap_server import Pymap

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: dict[str, Callable[[], Peer]] = {
    "dovecot": Dovecot,
    "cyrus": Cyrus,
    "prefixed cyrus": lambda: Cyrus(prefix=True),
    "courier": Courier,
    "pymap": Pymap,
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@pytest.fixture(params=["dovecot", "cyrus", "courier", "pymap"])
def server(request: pytest.FixtureRequest) -> Peer:
    peer: Peer = request.getfixturevalue(request.param)
    return peer


def sizes(peer: Peer, user: User, folder: str) -> list[int]:
    """What the server says of each message of a folder."""
    with peer.imap(user) as session:
        session.select(peer.wire_name(folder), readonly=True)
        lines = session.fetch("1:*", "(RFC822.SIZE)")[1]
    return [int(bytes(line).rstrip(b")").split()[-1]) for line in lines]  # type: ignore[arg-type]  # no literals


def counts(peer: Peer, user: User, folder: str) -> str:
    with peer.imap(user) as session:
        status = session.status(peer.wire_name(folder), "(MESSAGES UNSEEN)")[1][0]
    return bytes(status).decode().rpartition("(")[2].rstrip(")")


@pytest.mark.parametrize("folder", ["INBOX", "Sent", "Old mail", "Entwürfe/von mir"])
def test_stored_messages_are_there_unread_and_of_the_size_asked_for(
    server: Peer, folder: str
) -> None:
    user = server.add()
    server.store(user, folder, messages=5, size=4096)
    server.store(user, folder, messages=2, size=333)
    assert counts(server, user, folder) == "MESSAGES 7 UNSEEN 7"
    assert sizes(server, user, folder) == [4096] * 5 + [333] * 2


def test_stored_mail_may_exceed_the_quota_which_then_holds(server: Peer) -> None:
    if isinstance(server, Pymap):
        with pytest.raises(ValueError, match="no quotas"):
            server.add(messages=10)
        return
    user = server.add(messages=2)
    server.store(user, messages=3, size=100)
    with server.imap(user) as session:
        assert session.append("INBOX", "", "", message(100))[0] == "NO"
    assert sizes(server, user, "INBOX") == [100] * 3


def test_only_the_first_messages_are_deleted(server: Peer) -> None:
    user = server.add()
    for size in (100, 200, 300, 400):
        server.store(user, size=size)
    server.flag(user, "INBOX", r"\Deleted")
    server.delete(user, "INBOX", 2)
    assert sizes(server, user, "INBOX") == [300, 400]


def test_flags_are_set_on_every_message(server: Peer) -> None:
    user = server.add()
    server.store(user, "Sent", messages=3)
    server.flag(user, "Sent", r"\Seen", r"\Deleted")
    assert counts(server, user, "Sent") == "MESSAGES 3 UNSEEN 0"
    with server.imap(user) as session:
        session.select(server.wire_name("Sent"))
        assert session.search(None, "DELETED") == ("OK", [b"1 2 3"])


def test_mailboxes_are_apart(server: Peer) -> None:
    anna, bert = server.add(), server.add(password='quote" back\\slash')
    server.store(anna, messages=3)
    assert counts(server, anna, "INBOX") == "MESSAGES 3 UNSEEN 3"
    assert counts(server, bert, "INBOX") == "MESSAGES 0 UNSEEN 0"


def test_what_the_server_does_not_have_raises(server: Peer) -> None:
    with pytest.raises(imaplib.IMAP4.error):
        server.delete(server.add(), "Nowhere", 1)


def test_a_message_has_exactly_the_size_asked_for() -> None:
    assert [len(message(size)) for size in range(50, 300)] == list(range(50, 300))


def living(groups: list[int]) -> list[str]:
    """List the states of those members of process groups that have not ended."""
    stats = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            stats.append(path.read_text().rpartition(")")[2].split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
    return [state for state, _, group, *_ in stats if int(group) in groups and state != "Z"]


@each_kind
def test_a_server_leaves_nothing_behind(kind: Callable[[], Peer]) -> None:
    threads = threading.active_count()
    with started(kind) as peer:
        session = peer.imap(peer.add())
        groups = peer.process_ids
        assert living(groups)
    session.shutdown()
    assert not living(groups)
    assert not peer.folder.exists()
    assert peer.folder.name not in Path("/proc/net/unix").read_text()
    assert threading.active_count() == threads
    for service in peer.services:
        with pytest.raises(ConnectionRefusedError):
            imaplib.IMAP4(peer.host, getattr(peer.ports, service))


MISSING = {
    "dovecot": (dovecot_server, "_PATH", "/nowhere", "apt-get install dovecot-imapd"),
    "cyrus": (cyrus, "HOME", Path("/nowhere"), "scripts/servers/cyrus"),
    "courier": (courier, "INSTALLED", Path("/nowhere"), "scripts/servers/courier"),
    "pymap": (pymap_server, "PACKAGE", "no_such_package", "make setup"),
}


@pytest.mark.parametrize("name", MISSING)
def test_the_tests_of_a_missing_server_are_skipped_except_in_ci(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, attribute, value, advice = MISSING[name]
    monkeypatch.setattr(module, attribute, value)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(SkipTest, match=advice):
        started(KINDS[name])
    monkeypatch.setenv("CI", "1")
    with pytest.raises(ServerMissingError, match=advice):
        started(KINDS[name])
