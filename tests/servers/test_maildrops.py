"""What POP3 tells of a mailbox."""

from __future__ import annotations

from agent.model import Quota, QuotaState
from tests.servers.kinds import KIBIBYTE, WITH_POP3, Subject, on

pytestmark = on(WITH_POP3)


def test_a_maildrop_is_counted_to_the_octet(server: Subject) -> None:
    user = server.peer.add(storage=100 * KIBIBYTE)
    server.peer.store(user, messages=3, size=2000)
    server.peer.store(user, size=70_001)
    server.peer.store(user, "Sent", size=500)  # of which POP3 knows nothing
    reading = server.read(user, "pop3")
    assert (reading.messages, reading.size_bytes, reading.unread) == (4, 76_001, None)
    assert (reading.quota_state, reading.quotas) == (QuotaState.UNSUPPORTED, ())


def test_its_limit_comes_from_the_configuration(server: Subject) -> None:
    user = server.peer.add()
    server.peer.store(user, messages=3, size=2000)
    reading = server.read(user, "pop3", limit="10 KiB", message_limit=3)
    assert reading.quota_state is QuotaState.LIMITED
    assert reading.quotas == (
        Quota("", "storage", 6000, 10 * KIBIBYTE, "config"),
        Quota("", "message", 3, 3, "config"),
    )
