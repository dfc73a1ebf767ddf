"""Keeps accounts from being locked out, and our address from being banned."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from hashlib import blake2b, scrypt
from hmac import compare_digest
from typing import TYPE_CHECKING

from agent.memory import ELSEWHERE, Refusal
from agent.model import Failure, FailureKind, Reading
from agent.probe.credentials import password
from agent.probe.visit import mailbox_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from agent.config.accounts import Account
    from agent.memory import Memory
    from agent.model import Poll

MOST_ACCOUNTS = 2  # rejected on one server within the time of a pause, which then begins
PAUSE = timedelta(minutes=15)  # longer than the time over which servers usually count failures

# Some 10 ms and 4 MiB: enough to keep a stolen store from giving away passwords that are guessable.
_WORK = {"n": 2**12, "r": 8, "p": 1}
_SALT = 16  # bytes


class LoginGuard:
    """Remembers rejected credentials, not the credentials themselves.

    A rejected one is tried once more after an hour, then no more: until the user name, the
    password or the server changes, or until somebody lifts the quarantine in `memory`. `identity`
    tells what must change of an account's credential; empty, where it cannot be told.
    """

    def __init__(
        self,
        accounts: Sequence[Account],
        memory: Memory,
        identity: Callable[[Account], str] = password,
    ) -> None:
        # A key of this process alone: what it digests means nothing to anyone else.
        self._key = os.urandom(_SALT)
        self._memory = memory
        self._servers = {account.name: str(account.server) for account in accounts}
        self._identity = identity
        self._refused: dict[str, Refusal] = {}
        self._same: dict[str, tuple[bytes, str, bool]] = {}
        self._proven: set[str] = set()

    def restore(self) -> None:
        """Take over what was rejected before the agent started."""
        for name, refusal in (self._memory.refusals() or {}).items():
            if refusal.times and name in self._servers:
                self._refused[name] = refusal

    def may_try(self, account: Account, now: datetime) -> bool:
        """Whether a login may be risked."""
        # In this order: a quarantine that was lifted may end a pause, too.
        return not self._is_quarantined(account, now) and not self._is_paused(account, now)

    def note(self, account: Account, poll: Poll) -> Poll:
        """The poll with how often the login was rejected, this time included."""
        match poll.outcome:
            case Reading():
                self._refused.pop(account.name, None)
                self._proven.add(account.name)
            case Failure(kind=FailureKind.AUTH, by_token_endpoint=elsewhere):
                self._refused[account.name] = self._counted(account, poll.at, elsewhere=elsewhere)
                self._proven.discard(account.name)
            case Failure():
                pass
        return replace(poll, refusal=self._refused.get(account.name))

    def paused_until(self, server: str) -> datetime | None:
        """Until when nobody logs in at a server; in the past where it is over, None without."""
        latest = sorted(
            refusal.at
            for name, refusal in self._refused.items()
            if self._servers[name] == server and not refusal.elsewhere
        )[-MOST_ACCOUNTS:]
        if len(latest) < MOST_ACCOUNTS or latest[-1] - latest[0] > PAUSE:
            return None
        return latest[-1] + PAUSE

    def _is_paused(self, account: Account, now: datetime) -> bool:
        until = self.paused_until(str(account.server))
        if until is None:
            return False
        # Those that got in before go first: the others might begin the next pause.
        return now < (until if account.name in self._proven else until + PAUSE)

    def _is_quarantined(self, account: Account, now: datetime) -> bool:
        refused = self._refused.get(account.name)
        # Lifted first: with a password that was corrected, too, a reset ends the server's pause.
        if refused is None or self._is_lifted(account.name, refused):
            return False
        if refused.retry_at and now >= refused.retry_at:
            return False
        return self._is_same(account, refused)

    def _is_lifted(self, name: str, refused: Refusal) -> bool:
        stored = self._memory.refusal(name)
        if stored is None or stored.times or stored.at < refused.at:
            return False
        del self._refused[name]
        return True

    def _counted(self, account: Account, at: datetime, *, elsewhere: bool) -> Refusal:
        before = self._refused.get(account.name)
        if before and before.elsewhere is elsewhere and self._is_same(account, before):
            return replace(before, times=before.times + 1, at=at)
        salt = os.urandom(_SALT)
        digest = f"{salt.hex()}${_digest(self._credential(account), salt)}"
        return Refusal(f"{ELSEWHERE}{digest}" if elsewhere else digest, 1, at)

    def _is_same(self, account: Account, refused: Refusal) -> bool:
        """Whether it is the credential that was rejected; worked out once only."""
        credential = self._credential(account)
        quick = blake2b(credential, key=self._key, digest_size=16).digest()
        known = self._same.get(account.name)
        if known is None or known[:2] != (quick, refused.credential):
            salt, _, digest = refused.credential.removeprefix(ELSEWHERE).partition("$")
            same = compare_digest(_digest(credential, bytes.fromhex(salt)), digest)
            known = self._same[account.name] = (quick, refused.credential, same)
        return known[2]

    def _credential(self, account: Account) -> bytes:
        return f"{mailbox_id(account)}\0{self._identity(account)}".encode()


def _digest(credential: bytes, salt: bytes) -> str:
    return scrypt(credential, salt=salt, dklen=16, **_WORK).hex()
