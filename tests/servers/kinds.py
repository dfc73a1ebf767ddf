"""The servers that the same expectations are held against: what each can do, and what it cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from agent.model import Failure, Poll, Quota, Reading
from agent.probe.read import Prober
from tests.support.accounts import account
from tests.support.peer import message
from tests.support.poor import Kept

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.peer import Peer, User

MEBIBYTE = 1024 * 1024
KIBIBYTE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One row of the table; the fixture makes the server, the address is one of its own.

    `root` is its quota root, None without QUOTA, and `no_limit` what it says of one without limit.
    """

    name: str
    fixture: str
    address: str = "host"
    root: str | None = None
    no_limit: tuple[bytes, ...] = ()
    rounds_up: bool = True
    counts_cr: bool = True  # in its quota, which is about lines as they lie on its disk
    counts_rubbish: bool = True  # in its quota: Trash, and what is marked \Deleted
    tells_sizes: bool = False  # STATUS=SIZE
    prefix: str = ""  # of all folders but INBOX
    has_pop3: bool = True

    def __str__(self) -> str:
        return self.name

    def used(self, *sizes: int) -> int:
        """What a quota of storage tells of these messages, in octets."""
        stored = [message(size) for size in sizes]
        if not self.counts_cr:
            stored = [each.replace(b"\r\n", b"\n") for each in stored]
        octets = sum(len(each) for each in stored)
        return (octets + (KIBIBYTE - 1 if self.rounds_up else 0)) // KIBIBYTE * KIBIBYTE

    def quota(self, resource: str, used: int, limit: int) -> Quota:
        """A quota as the server tells it."""
        return Quota(str(self.root), resource, used, limit)


KINDS = [
    Kind(name="dovecot", fixture="dovecot", root="User quota", tells_sizes=True),
    # The same server, announcing QUOTA and nothing else that helps, or nothing at all.
    Kind(name="poor dovecot", fixture="dovecot", address="poor", root="User quota"),
    Kind(name="bare dovecot", fixture="dovecot", address="bare"),
    Kind(
        name="cyrus", fixture="cyrus", root="INBOX", no_limit=(b"INBOX ()",), rounds_up=False,
        tells_sizes=True,
    ),
    Kind(
        name="cyrus with prefix", fixture="prefixed_cyrus", root="INBOX", no_limit=(b"INBOX ()",),
        rounds_up=False, tells_sizes=True, prefix="INBOX.",
    ),
    Kind(
        name="courier", fixture="courier", root="ROOT", no_limit=(b'"ROOT"',), counts_cr=False,
        counts_rubbish=False, prefix="INBOX.",
    ),
    Kind(name="pymap", fixture="pymap", has_pop3=False),
]  # fmt: skip
WITH_QUOTA = [kind for kind in KINDS if kind.root]
WITHOUT_QUOTA = [kind for kind in KINDS if not kind.root]
WITH_POP3 = [kind for kind in KINDS if kind.has_pop3 and kind.address == "host"]
WAYS_IN = [(kind, "imap") for kind in KINDS] + [(kind, "pop3") for kind in WITH_POP3]


def on(kinds: Iterable[Kind]) -> pytest.MarkDecorator:
    """Run a test on these only."""
    return pytest.mark.parametrize("server", kinds, indirect=True, ids=str)


@dataclass(frozen=True, slots=True)
class Subject:
    """A running server of one kind, and an agent that polls it and remembers."""

    kind: Kind
    peer: Peer
    memory: Kept = field(default_factory=Kept)

    def poll(self, user: User, protocol: str = "imap", **keys: Any) -> Poll:
        """One poll of a mailbox; `keys` are further keys of its account."""
        port = getattr(self.peer.ports, protocol)
        login = {"username": user.name, "password": user.password}
        server = f"{getattr(self.peer, self.kind.address)}:{port}"
        asked = account(port, protocol, **{"server": server, **login, **keys})
        return self.memory.keep(Prober(30, memory=self.memory).poll(asked))

    def read(self, user: User, protocol: str = "imap", **keys: Any) -> Reading:
        """The same, which must succeed."""
        outcome = self.poll(user, protocol, **keys).outcome
        assert isinstance(outcome, Reading), outcome
        return outcome

    def fail(self, user: User, protocol: str = "imap", **keys: Any) -> Failure:
        """The same, which must fail."""
        outcome = self.poll(user, protocol, **keys).outcome
        assert isinstance(outcome, Failure), outcome
        return outcome

    def open(self, user: User, *folders: str) -> None:
        """Look into folders as a mail client: Courier gives UIDs that last only then."""
        with self.peer.imap(user) as session:
            for folder in folders or ("INBOX",):
                session.select(self.peer.wire_name(folder))

    def sizes(self, user: User) -> dict[str, int | None]:
        """The size of each folder that is not empty, by the server's name of it."""
        folders = self.read(user).folders
        return {each.name: each.size_bytes for each in folders if each.messages}
