"""Which folders a mailbox has, what each is for, and which are somebody else's."""

from __future__ import annotations

from agent.model import Role
from tests.servers.kinds import KINDS, Subject, on
from tests.support.cyrus import Cyrus

ROLES = {
    "INBOX": Role.INBOX,
    "Sent": Role.SENT,
    "Drafts": Role.DRAFTS,
    "Junk": Role.JUNK,
    "Trash": Role.TRASH,
}


def test_unread_messages_are_counted_except_in_trash_and_junk(server: Subject) -> None:
    user = server.peer.add()
    server.peer.store(user, messages=2)
    server.peer.store(user, "Sent", messages=4)
    server.peer.flag(user, "Sent", r"\Seen")
    server.peer.store(user, "Sent")
    server.peer.store(user, "Trash", messages=8)
    server.peer.store(user, "Junk", messages=16)
    reading = server.read(user)
    assert (reading.unread, reading.messages) == (3, 31)


def test_trash_and_junk_are_known_and_can_be_freed(server: Subject) -> None:
    user, name = server.peer.add(), server.peer.folder_name
    for folder in ROLES:
        server.peer.store(user, folder, size=1000)
    server.peer.store(user, "Trash", messages=2, size=700)
    server.peer.store(user, "Junk", size=90)
    server.peer.store(user, "Projects/Trash", size=5000)  # of somebody's own
    reading = server.read(user)
    assert dict(reading.reclaimable or ()) == {Role.TRASH: 2400, Role.JUNK: 1090}
    roles = {each.name: each.role for each in reading.folders if each.messages}
    assert roles == {name("Projects/Trash"): None} | {name(each): ROLES[each] for each in ROLES}


def test_folders_lie_where_the_server_has_them(server: Subject) -> None:
    user = server.peer.add()
    server.peer.store(user, "Archive/2019")
    names = {each.name for each in server.read(user).folders} - {"INBOX"}
    assert {name.startswith(server.kind.prefix) for name in names} == {True}
    assert server.peer.folder_name("Archive/2019") in names
    globbed = server.read(user, folders=[f"{server.kind.prefix}Arch*2019"])
    assert (len(globbed.folders), globbed.messages) == (1, 1)


def test_names_beyond_ascii_are_read_as_people_wrote_them(server: Subject) -> None:
    user = server.peer.add()
    folders = ["Entwürfe/von mir & dir", "Рассылки", "受信/日本語"]
    for folder in folders:
        server.peer.store(user, folder, size=100)
    names = sorted(server.peer.folder_name(folder) for folder in folders)
    assert server.sizes(user) == dict.fromkeys(names, 100)


@on([kind for kind in KINDS if "cyrus" in kind.fixture])
def test_folders_of_others_are_not_counted(server: Subject) -> None:
    """With the prefix shared folders have none at all, but the mailbox's own have one."""
    cyrus = server.peer
    assert isinstance(cyrus, Cyrus)
    user, other = cyrus.add(), cyrus.add()
    cyrus.store(user, messages=3, size=2000)
    cyrus.store(other, size=70)
    shared = f"for-{user.name}"
    with cyrus.administrator() as administrator:
        administrator.create(shared)
        for mailbox in (shared, cyrus.mailbox(other)):
            assert administrator.setacl(mailbox, user.name, "lrs")[0] == "OK"
    with cyrus.imap(user) as session:
        assert len(session.list()[1]) == len(ROLES) + 2
    reading = server.read(user)
    assert {each.name for each in reading.folders} == {cyrus.folder_name(each) for each in ROLES}
    assert (reading.messages, reading.size_bytes) == (3, 6000)
