"""What one session with a mail server yields, and the name of the mailbox that it was about."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from agent.config.accounts import Account
    from agent.memory import Learned
    from agent.model import Reading


class Visit(NamedTuple):
    """The reading, and what is to be remembered for the next session."""

    reading: Reading
    learned: Learned | None = None


def mailbox_id(account: Account) -> str:
    """The same for as long as the account is about the same mailbox, whatever its name."""
    mailbox = f"{account.protocol}\0{account.server}\0{account.username}"
    return blake2b(mailbox.encode(), digest_size=8).hexdigest()
