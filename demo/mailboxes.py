"""The six mailboxes and their stories: who fills them, and who cleans up."""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.dovecot import Dovecot, User

KIB = 1024
MIB = 1024 * KIB
QUIET = ""  # a second in which nothing worth telling happens


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox on the server, and what a mail server and its owner can do to it."""

    server: Dovecot
    user: User

    def receive(self, size: int) -> bool:
        """Deliver one message; False where the server refuses it, since the mailbox is full."""
        try:
            self.server.deliver(self.user, size)
        except smtplib.SMTPDataError:
            return False
        return True

    def clean(self) -> None:
        """Remove every message, as the owner with a mail client."""
        self.server.expunge(self.user)


def steady(mailbox: Mailbox) -> Iterator[str]:
    """Fill by 2 % a second, bounce for a few seconds, be cleaned up, start again."""
    while True:
        while mailbox.receive(20 * KIB):
            yield QUIET
        yield "is full: the first mail bounces (552)"
        yield from repeat(QUIET, 5)
        mailbox.clean()
        yield "was cleaned up by its owner"


def bursts(mailbox: Mailbox) -> Iterator[str]:
    """Receive five large messages at once, every twelve seconds."""
    while True:
        yield from repeat(QUIET, 11)
        if all(mailbox.receive(100 * KIB) for _ in range(5)):
            yield "receives 500 KiB at once"
        else:
            mailbox.clean()
            yield "was emptied, since mail bounced"


def growing(mailbox: Mailbox) -> Iterator[str]:
    """Receive a little every second; there is room enough."""
    while True:
        mailbox.receive(4 * KIB)
        yield QUIET


def cleaned_up(mailbox: Mailbox) -> Iterator[str]:
    """Stay nearly full for twelve seconds, until someone cleans up."""
    yield from repeat(QUIET, 12)
    mailbox.clean()
    yield "was cleaned up by its owner"
    yield from repeat(QUIET)


def idle(_: Mailbox) -> Iterator[str]:
    """Nothing happens."""
    yield from repeat(QUIET)


@dataclass(frozen=True, slots=True)
class Role:
    """What one mailbox of the demo is: its limits, what is in it, its story, its account's keys."""

    name: str
    story: Callable[[Mailbox], Iterator[str]]
    about: str
    limit: int | None = MIB
    holds: int = 0
    protocol: str = "imaps"
    keys: str = ""


ROLES = (
    Role("steady", steady, "fills steadily", holds=680 * KIB),
    Role("bursts", bursts, "fills in bursts, STARTTLS", 2 * MIB, 600 * KIB, protocol="imap"),
    Role("unlimited", growing, "has no limit", None, 300 * KIB),
    Role("pop3-archive", growing, "POP3, configured limit", None, 2 * MIB,
         protocol="pop3s", keys='limit = "4 MiB"'),
    Role("cleaned-up", cleaned_up, "someone cleans it up", holds=950 * KIB),
    Role("wrong-password", idle, "the login is rejected",
         keys='password = "forgotten"\ninterval = "1m"'),
)  # fmt: skip


def furnish(server: Dovecot, role: Role) -> Mailbox:
    """Make the mailbox of a role on the server, with what it holds from the start."""
    user = server.add(role.name, storage=role.limit)
    if role.holds:
        server.store(user, size=role.holds)
    return Mailbox(server, user)
