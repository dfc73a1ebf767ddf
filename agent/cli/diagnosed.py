"""What a reading makes known of a mailbox, and how well: for the doctor's last steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.figures import count, percent, size, used_of_limit
from agent.model import QuotaState, Role

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from agent.config.accounts import Account
    from agent.model import Poll, Quota, Reading

    Figure = tuple[str, bool, str]  # its title, whether it is known, and it in words

_STATES = {
    QuotaState.UNLIMITED: (True, "the server sets no limit"),
    QuotaState.UNSUPPORTED: (False, "the server tells no quota"),
    QuotaState.DENIED: (False, "the server refuses to tell the quota"),
    QuotaState.INVALID: (False, "the server's answer cannot be believed"),
}
_TOLD = {"STATUS=SIZE", "IMAP4REV2"}


def figures(
    account: Account, poll: Poll, reading: Reading, announced: Collection[str]
) -> Iterator[Figure]:
    """The quota, the folders, the sizes, and what a POP3 server asks for."""
    yield "Quota", *_quota(account, reading)
    if account.protocol == "imap":
        yield "Folders", True, _folders(reading)
    yield "Size", *_sizes(account, reading, announced)
    if poll.login_delay:
        yield "Login delay", False, f"{poll.login_delay:.0f} s between logins; polls keep to it"


def measured(reading: Reading) -> Iterator[str]:
    """What the agent can watch of this mailbox."""
    return (name for name, known in _measures(reading) if known)


def not_measured(account: Account, reading: Reading) -> Iterator[str]:
    """What it cannot, as far as the protocol has it at all."""
    of_imap_only = {"unread messages", "what can be freed"}
    for name, known in _measures(reading):
        if not known and not (account.protocol == "pop3" and name in of_imap_only):
            yield name


def _measures(reading: Reading) -> Iterator[tuple[str, bool]]:
    limited = reading.tightest is not None
    yield "usage", limited
    yield "forecast (after two days)", limited
    yield "size", reading.size_bytes is not None
    yield "messages", reading.messages is not None
    yield "unread messages", reading.unread is not None
    yield "what can be freed", reading.reclaimable is not None


def _quota(account: Account, reading: Reading) -> tuple[bool, str]:
    if reading.tightest:
        return True, "; ".join(_limit(each) for each in reading.quotas)
    if account.protocol == "pop3":
        return False, "POP3 tells no quota"
    return _STATES.get(reading.quota_state, (False, "no limit is known"))


def _limit(quota: Quota) -> str:
    root = f'"{quota.root}": ' if quota.source == "server" else "configured: "
    if quota.limit is None:
        used = size(quota.used) if quota.resource == "storage" else count(quota.used)
        return f"{root}{used}, no {quota.resource} limit"
    return f"{root}{used_of_limit(quota)} ({percent(quota.ratio or 0.0)})"


def _folders(reading: Reading) -> str:
    by_role = {folder.role: folder.name for folder in reading.folders if folder.role}
    special = (f"{role.value}: {by_role.get(role, 'none')}" for role in (Role.TRASH, Role.JUNK))
    messages = f"{count(reading.messages)} messages, {count(reading.unread)} unread"
    return f"{len(reading.folders)} counted, {messages}; {', '.join(special)}"


def _sizes(account: Account, reading: Reading, announced: Collection[str]) -> tuple[bool, str]:
    if reading.size_bytes is None:
        return False, "not known: the server does not tell it, or not all of it in one poll"
    total = size(reading.size_bytes)
    if account.protocol == "pop3" or not _TOLD.isdisjoint(announced):
        return True, f"{total}, told by the server"
    return True, f"{total}, added up from the messages, since the server tells no sizes of folders"
