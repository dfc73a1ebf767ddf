"""What a mailbox may hold, as every server tells it, and as the configuration does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.model import Quota, QuotaState
from tests.servers.kinds import KIBIBYTE, MEBIBYTE, WITH_QUOTA, WITHOUT_QUOTA, Subject, on

if TYPE_CHECKING:
    from tests.support.cyrus import Cyrus


@on(WITH_QUOTA)
def test_a_quota_of_storage_is_read(server: Subject) -> None:
    user = server.peer.add(storage=MEBIBYTE)
    server.peer.store(user, messages=2, size=10_000)
    server.peer.store(user, "Sent", size=333)
    reading = server.read(user)
    used = server.kind.used(10_000, 10_000, 333)
    assert reading.quota_state is QuotaState.LIMITED
    assert reading.quotas == (server.kind.quota("storage", used, MEBIBYTE),)
    assert reading.usage_ratio == used / MEBIBYTE


@on(WITH_QUOTA)
def test_a_quota_of_messages_is_read(server: Subject) -> None:
    user = server.peer.add(messages=5)
    server.peer.store(user, messages=3)
    server.peer.store(user, "Sent")
    reading = server.read(user)
    assert reading.quota_state is QuotaState.LIMITED
    assert reading.quotas == (server.kind.quota("message", 4, 5),)
    assert reading.usage_ratio == 4 / 5


@on(WITH_QUOTA)
def test_the_tighter_of_two_quotas_counts(server: Subject) -> None:
    user = server.peer.add(storage=MEBIBYTE, messages=5)
    server.peer.store(user, messages=3, size=5000)
    reading = server.read(user)
    assert reading.quotas == (
        server.kind.quota("storage", server.kind.used(5000, 5000, 5000), MEBIBYTE),
        server.kind.quota("message", 3, 5),
    )
    assert reading.usage_ratio == 3 / 5


@on(WITH_QUOTA)
def test_usage_above_the_limit_is_read_as_it_is(server: Subject) -> None:
    user = server.peer.add(storage=16 * KIBIBYTE, messages=3)
    server.peer.store(user, messages=4, size=10_000)
    assert server.read(user).quotas == (
        server.kind.quota("storage", server.kind.used(*[10_000] * 4), 16 * KIBIBYTE),
        server.kind.quota("message", 4, 3),
    )


@on(WITH_QUOTA)
def test_no_limit_is_unlimited_however_the_server_says_so(server: Subject) -> None:
    user = server.peer.add()
    server.peer.store(user)
    with server.peer.imap(user) as session:
        roots, quotas = session.getquotaroot("INBOX")[1]
    assert len(roots) == 1
    assert tuple(line for line in quotas if line) == server.kind.no_limit
    reading = server.read(user)
    assert (reading.quota_state, reading.quotas) == (QuotaState.UNLIMITED, ())


def test_no_quota_root_is_unlimited_too(cyrus: Cyrus) -> None:
    user = cyrus.add(root=False)
    with cyrus.imap(user) as session:
        assert session.getquotaroot("INBOX")[1] == [[b"INBOX"], [None]]
    (kind,) = (kind for kind in WITH_QUOTA if kind.fixture == "cyrus")
    assert Subject(kind, cyrus).read(user).quota_state is QuotaState.UNLIMITED


@on(WITHOUT_QUOTA)
def test_a_server_without_quotas_is_asked_for_none(server: Subject, sent: list[bytes]) -> None:
    reading = server.read(server.peer.add())
    assert (reading.quota_state, reading.quotas) == (QuotaState.UNSUPPORTED, ())
    assert not any(b"QUOTA" in line for line in sent)


@on(WITH_QUOTA)
def test_a_quota_counts_what_could_be_freed_as_the_server_does(server: Subject) -> None:
    user = server.peer.add(messages=100)
    server.peer.store(user, messages=3)
    server.peer.store(user, "Sent", messages=2)
    server.peer.store(user, "Trash", messages=10)
    server.peer.flag(user, "Sent", r"\Deleted")
    reading = server.read(user)
    used = 15 if server.kind.counts_rubbish else 3
    assert (reading.quotas[0].used, reading.messages) == (used, 15)


def test_configured_limits_stand_in_where_the_server_has_none(server: Subject) -> None:
    user = server.peer.add()
    server.peer.store(user, messages=2, size=10_000)
    server.peer.store(user, "Sent", size=333)
    reading = server.read(user, limit="100 KiB", message_limit=4)
    assert reading.quota_state is QuotaState.LIMITED
    assert reading.quotas == (
        Quota("", "storage", 20_333, 100 * KIBIBYTE, "config"),
        Quota("", "message", 3, 4, "config"),
    )


@on(WITH_QUOTA)
@pytest.mark.parametrize(
    ("limit", "sources"), [("0.5 MiB", ["server", "config"]), ("2 MiB", ["server"])]
)
def test_only_a_stricter_configured_limit_stands_beside_the_servers(
    server: Subject, limit: str, sources: list[str]
) -> None:
    user = server.peer.add(storage=MEBIBYTE)
    assert [each.source for each in server.read(user, limit=limit).quotas] == sources
