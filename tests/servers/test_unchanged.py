"""Polls leave a mailbox as it was, on every server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.servers.kinds import WITH_POP3, Subject, on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.peer import User

FOLDERS = ["INBOX", "Sent", "Trash"]
NEW = 1  # message of each folder that no client has opened yet
COUNTS = "(MESSAGES RECENT UNSEEN UIDNEXT UIDVALIDITY)"


def furnish(server: Subject) -> User:
    """A mailbox with messages of several flags in several folders, and a new one in each."""
    user = server.peer.add()
    for folder, flag in zip(FOLDERS, (r"\Seen", r"\Flagged", r"\Deleted"), strict=True):
        server.peer.store(user, folder, messages=2, size=500)
        server.peer.flag(user, folder, flag)
        server.peer.store(user, folder, messages=NEW, size=600)
    return user


def state(server: Subject, user: User) -> list[tuple[dict[str, int], str]]:
    """All that a client can see of each folder; neither STATUS nor EXAMINE ends \\Recent."""
    session = server.peer.imap(user)
    seen = []
    for name in (f'"{server.peer.folder_name(folder)}"' for folder in FOLDERS):
        told = str(session.status(name, COUNTS)[1][0], "ascii")
        session.select(name, readonly=True)
        messages = str(session.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE)")[1])
        counts = {item: int(number) for item, number in re.findall(r"([A-Z]+) (\d+)", told)}
        seen.append((counts, messages))
    session.logout()
    return seen


def test_polls_change_nothing_that_a_mail_client_sees(server: Subject) -> None:
    user = furnish(server)
    before = state(server, user)
    assert [counts["RECENT"] for counts, _ in before] == [NEW] * len(FOLDERS)
    for _ in range(3):
        server.memory.sizes.clear()
        assert server.read(user).size_bytes == len(FOLDERS) * 1600
    assert state(server, user) == before


@on(WITH_POP3)
def test_polls_change_nothing_in_a_maildrop(server: Subject) -> None:
    user = furnish(server)
    before = maildrop(server, user)
    for _ in range(3):
        server.read(user, "pop3")
    assert maildrop(server, user) == before


def maildrop(server: Subject, user: User) -> Sequence[object]:
    """What STAT, UIDL and LIST tell."""
    session = server.peer.pop3(user)
    seen = session.stat(), session.uidl()[1], session.list()[1]
    session.quit()
    return seen
