"""On Courier, messages that no IMAP client has SELECTed since have no lasting UIDs.

Where a POP3 client collects as many as arrive, MESSAGES, UIDNEXT and UIDVALIDITY stay the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.kinds import KINDS, Subject, on

if TYPE_CHECKING:
    from tests.support.peer import User


@on([kind for kind in KINDS if kind.has_pop3])
def test_as_many_messages_came_as_were_collected_over_pop3(server: Subject) -> None:
    user = server.peer.add()
    server.open(user)
    server.peer.store(user, messages=3, size=1000)
    assert server.sizes(user) == {"INBOX": 3000}
    collector = server.peer.pop3(user)
    collector.dele(1)
    collector.quit()
    while waiting(server, user) != 2:  # Courier says goodbye before it removes
        pass
    server.peer.store(user, size=5000)
    assert server.sizes(user) == {"INBOX": 7000}


def waiting(server: Subject, user: User) -> int:
    session = server.peer.pop3(user)
    messages, _ = session.stat()
    session.quit()
    return messages
