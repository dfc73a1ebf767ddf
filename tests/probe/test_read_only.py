"""Polls leave a mailbox as it was, however many there are."""

from __future__ import annotations

import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from agent.model import Reading
from agent.probe.read import poll
from tests.support.accounts import account

if TYPE_CHECKING:
    from collections.abc import Sequence
    from imaplib import IMAP4
    from pathlib import Path

    from agent.config.accounts import Account
    from tests.support.dovecot import Dovecot, User

# All that the mailbox has: Dovecot itself makes those that it has for everyone when first counted.
FOLDERS = ["INBOX", "Sent", "Drafts", "Junk", "Trash", "Archive/2019"]
FLAGS = ["", r"\Seen", r"\Flagged", r"\Seen \Flagged \Answered", r"\Deleted", r"\Draft $Label1"]
NEW = 2  # messages of each folder that no client has seen yet
COUNTS = "(MESSAGES RECENT UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"


def test_a_thousand_polls_change_nothing(dovecot: Dovecot) -> None:
    """Takes 4 s, since a thousand polls are what is promised."""
    read, collected = furnish(dovecot), furnish(dovecot)
    # Opening a maildrop ends \Recent by Dovecot's own doing, at the login already.
    whole_maildrop = maildrop(dovecot, collected)
    before = [(state(dovecot, user), files(dovecot, user)) for user in (read, collected)]
    imap = dovecot.ports.imap
    poll_in_turns(
        [
            account(imap, server=f"{dovecot.host}:{imap}", username=read.name),
            account(imap, server=f"{dovecot.poor}:{imap}", username=read.name),
            account(dovecot.ports.pop3, "pop3", username=collected.name),
        ],
        times=1000,
    )
    assert before == [(state(dovecot, user), files(dovecot, user)) for user in (read, collected)]
    assert maildrop(dovecot, collected) == whole_maildrop


def test_the_mailbox_holds_all_that_a_poll_could_change(dovecot: Dovecot) -> None:
    user = furnish(dovecot)
    counts, seen = state(dovecot, user)["INBOX"]
    assert (counts["MESSAGES"], counts["RECENT"], counts["UNSEEN"]) == (8, NEW, 6)
    assert [seen.count(flag) for flag in ("Deleted", "Flagged", "$Label1")] == [1, 2, 1]
    new = [name for name in files(dovecot, user) if name.startswith(("new/", ".Sent/new/"))]
    assert len(new) == 2 * NEW
    client = dovecot.imap(user)
    client.select()
    client.logout()
    assert state(dovecot, user)["INBOX"][0]["RECENT"] == 0  # had a poll done it, this would tell


def furnish(dovecot: Dovecot) -> User:
    """A mailbox with messages of all flags in several folders, and new ones in each."""
    user = dovecot.add()
    for folder in FOLDERS:
        dovecot.store(user, folder, messages=len(FLAGS))
    client = dovecot.imap(user)
    for folder in FOLDERS:
        client.select(f'"{folder}"')
        for number, flags in enumerate(FLAGS, start=1):
            client.store(str(number), "+FLAGS", f"({flags})")
    client.logout()  # neither CLOSE nor EXPUNGE: what is \Deleted stays
    for folder in FOLDERS:
        dovecot.store(user, folder, messages=NEW)
    return user


def state(dovecot: Dovecot, user: User) -> dict[str, tuple[dict[str, int], str]]:
    """All that a client can see of each folder: its counts and its messages with their flags.

    EXAMINE and STATUS end no message's \\Recent; a change that was undone shows in MODSEQ.
    """
    client = dovecot.imap(user)
    seen = {folder: (counts(client, folder), messages(client, folder)) for folder in FOLDERS}
    client.logout()
    return seen


def counts(client: IMAP4, folder: str) -> dict[str, int]:
    told = str(client.status(f'"{folder}"', COUNTS)[1][0], "ascii")
    return {name: int(number) for name, number in re.findall(r"([A-Z]+) (\d+)", told)}


def messages(client: IMAP4, folder: str) -> str:
    client.select(f'"{folder}"', readonly=True)
    return str(client.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)")[1])


def files(dovecot: Dovecot, user: User) -> dict[str, tuple[int, int, int]]:
    """Inode, size and time of all but Dovecot's indexes; a message's file name holds its flags."""
    home = dovecot.maildir(user, "INBOX")
    kept = (path for path in home.rglob("*") if is_content(path))
    return {
        str(path.relative_to(home)): (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        for path in kept
        for stat in [path.stat()]
    }


def is_content(path: Path) -> bool:
    if path.is_dir():
        return path.name in {"cur", "new", "tmp"}
    return not path.name.startswith("dovecot.")


def maildrop(dovecot: Dovecot, user: User) -> Sequence[object]:
    """What STAT, UIDL and LIST tell of the maildrop."""
    client = dovecot.pop3(user)
    seen = client.stat(), client.uidl()[1], client.list()[1]
    client.quit()
    return seen


def poll_in_turns(accounts: Sequence[Account], times: int) -> None:
    """Poll so many times, a few at once; every poll finds all that is there."""
    turns = itertools.islice(itertools.cycle(accounts), times)
    with ThreadPoolExecutor(4) as pool:
        outcomes = [done.outcome for done in pool.map(lambda each: poll(each, 20), turns)]
    each = len(FLAGS) + NEW
    assert len(outcomes) == times
    for outcome in outcomes:
        assert isinstance(outcome, Reading), outcome
        assert outcome.messages in {each, each * len(FOLDERS)}
