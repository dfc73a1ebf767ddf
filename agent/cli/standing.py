"""How a mailbox stands by what the store knows of it: one word, and why."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from agent.memory import Memory
from agent.model import FailureKind, Severity
from agent.probe.guard import PAUSE, LoginGuard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from agent.config.accounts import Account
    from agent.memory import Refusal
    from agent.store.overview import Overview


class State(StrEnum):
    """One word for a mailbox; of several that would fit, the one that comes first here."""

    QUARANTINED = "quarantined"  # its login was rejected, and is not tried now
    FAILING = "failing"  # its last poll failed
    NEVER_POLLED = "never_polled"
    STALE = "stale"  # it was not read for as many intervals as make figures stale
    CRITICAL = "critical"  # this and the next two: the severity of its worst alert
    WARNING = "warning"
    INFO = "info"
    OK = "ok"


_SEVERITIES = {
    Severity.CRITICAL: State.CRITICAL,
    Severity.WARNING: State.WARNING,
    Severity.INFO: State.INFO,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A configured mailbox, what is known of it, and the word for that."""

    account: Account
    known: Overview
    state: State

    @property
    def refusal(self) -> Refusal | None:
        """The rejected login that keeps it from being tried now."""
        return self.known.refusal if self.state is State.QUARANTINED else None

    @property
    def is_lifted(self) -> bool:
        """Whether its quarantine was lifted, and it was not polled since."""
        refusal, failure = self.known.refusal, self.known.failure
        rejected = failure is not None and failure.kind is FailureKind.AUTH
        return rejected and refusal is not None and not refusal.times


@dataclass(frozen=True, slots=True)
class Pause:
    """A mail server that is left alone until `until`, since logins of `accounts` were rejected.

    Until `others_until` so are those of its mailboxes that were not read since the agent started.
    """

    server: str
    until: datetime
    others_until: datetime
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """How mailboxes stand at a moment, in the configuration's order, and which servers wait."""

    at: datetime
    standings: tuple[Standing, ...]
    pauses: tuple[Pause, ...] = ()


def state(known: Overview, longest_silence: timedelta, now: datetime) -> State:
    """The word for a mailbox; `longest_silence` is how old figures may be before they are stale."""
    if _is_quarantined(known, now):
        return State.QUARANTINED
    if known.failure:
        return State.FAILING
    if known.succeeded_at is None:
        return State.NEVER_POLLED
    if now - known.succeeded_at > longest_silence:
        return State.STALE
    worst = max(
        (alert.severity for alert in known.alerts), key=lambda severity: severity.rank, default=None
    )
    return _SEVERITIES[worst] if worst else State.OK


def pauses(
    asked: Sequence[Account],
    accounts: Sequence[Account],
    refusals: Mapping[str, Refusal],
    now: datetime,
) -> list[Pause]:
    """The servers of mailboxes asked for that are left alone now, as the agent works it out.

    `accounts` are all that are configured, since any of them can be the reason.
    """
    guard = LoginGuard(accounts, _Remembered(refusals))
    guard.restore()
    rejected: defaultdict[str, list[str]] = defaultdict(list)
    for account in accounts:
        refusal = refusals.get(account.name)
        if refusal and refusal.times and not refusal.elsewhere:
            rejected[str(account.server)].append(account.name)
    found = []
    for server in dict.fromkeys(str(account.server) for account in asked):
        until = guard.paused_until(server) if server in rejected else None
        if until and now < until + PAUSE:
            names = rejected[server]
            recent = (name for name in names if refusals[name].at >= until - 2 * PAUSE)
            found.append(Pause(server, until, until + PAUSE, tuple(recent)))
    return found


class _Remembered(Memory):
    """What the store holds, as the guard asks for it."""

    def __init__(self, refusals: Mapping[str, Refusal]) -> None:
        self._refusals = refusals

    def refusals(self) -> Mapping[str, Refusal]:
        """Every rejected login by account."""
        return self._refusals


def _is_quarantined(known: Overview, now: datetime) -> bool:
    """Whether the login is not tried now; a poll that failed otherwise says that it was, since."""
    refusal, failure = known.refusal, known.failure
    if refusal is None or not refusal.times:
        return False
    if failure and failure.kind is not FailureKind.AUTH:
        return False
    return refusal.retry_at is None or now < refusal.retry_at
