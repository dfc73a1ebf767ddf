"""Keeps an account from being locked out: a refused password is not tried over and over."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

from agent.config.secrets import SecretError
from agent.model import FailureKind, Reading

if TYPE_CHECKING:
    from datetime import datetime

    from agent.config.accounts import Account
    from agent.model import Poll

MOST_REFUSALS = 2  # of one credential; servers lock accounts and ban addresses after a few more
RETRY_AFTER = timedelta(hours=1)  # for the second try: the first may have been the server's fault


@dataclass(frozen=True, slots=True)
class _Refused:
    credential: bytes
    times: int
    at: datetime


class LoginGuard:
    """Remembers refused credentials, not the credentials themselves."""

    def __init__(self) -> None:
        # A key of this process alone: the digests mean nothing to anyone else.
        self._key = os.urandom(16)
        self._refused: dict[str, _Refused] = {}

    def may_try(self, account: Account, now: datetime) -> bool:
        """Whether a login may be tried: after a refusal only late, after two not at all.

        Another user name or password starts anew.
        """
        refused = self._refused.get(account.name)
        if refused is None or refused.credential != self._digest(account):
            return True
        return refused.times < MOST_REFUSALS and now >= refused.at + RETRY_AFTER

    def note(self, account: Account, poll: Poll) -> int:
        """Remember how the login went; how often this credential is refused now, 0 if it is not.

        `MOST_REFUSALS` says that no more is risked.
        """
        if isinstance(poll.outcome, Reading):
            self._refused.pop(account.name, None)
            return 0
        if poll.outcome.kind is not FailureKind.AUTH:
            return 0
        credential = self._digest(account)
        before = self._refused.get(account.name)
        times = before.times + 1 if before and before.credential == credential else 1
        self._refused[account.name] = _Refused(credential, times, poll.at)
        return times

    def _digest(self, account: Account) -> bytes:
        try:
            secret = account.secret().reveal()
        except SecretError:
            secret = ""
        text = f"{account.username}\0{secret}".encode()
        return blake2b(text, key=self._key, digest_size=16).digest()
