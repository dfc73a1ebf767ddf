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
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from agent.config.accounts import Account
    from agent.config.settings import Settings
    from agent.memory import Refusal
    from agent.model import Alert
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
_URGENCIES = {
    State.QUARANTINED: Severity.WARNING.rank,
    State.FAILING: Severity.WARNING.rank,
    State.STALE: Severity.WARNING.rank,
    State.NEVER_POLLED: -1,
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


def survey(
    settings: Settings,
    accounts: Sequence[Account],
    known: Mapping[str, Overview],
    refusals: Mapping[str, Refusal],
    now: datetime,
) -> Survey:
    """How these accounts stand; `refusals` are those of all accounts."""
    return Survey(
        at=now,
        standings=tuple(standing(settings, each, known[each.name], now) for each in accounts),
        pauses=tuple(pauses(accounts, settings.accounts, refusals, now)),
    )


def standing(settings: Settings, account: Account, known: Overview, now: datetime) -> Standing:
    """How an account stands at a moment, by what is known of it."""
    longest_silence = settings.alerts.stale_after * settings.interval(account)
    return Standing(account, known, state(known, longest_silence, now))


def state(known: Overview, longest_silence: timedelta, now: datetime) -> State:
    """The word for a mailbox; `longest_silence` is how old figures may be before they are stale."""
    kind = known.failure.kind if known.failure else None
    silence = now - known.succeeded_at if known.succeeded_at else None
    old = silence is not None and silence > longest_silence
    read = silence is not None
    return word(known.refusal, kind, worst_of(known.alerts), now, read=read, old=old)


def word(  # noqa: PLR0913 - a pure function: all that it depends on is an argument
    refusal: Refusal | None,
    failure: FailureKind | None,
    worst: Severity | None,
    now: datetime,
    *,
    read: bool,
    old: bool,
) -> State:
    """The same, by its last poll's failure, its worst alert, and whether it was read long ago."""
    if refusal and _is_quarantined(refusal, failure, now):
        return State.QUARANTINED
    if failure:
        return State.FAILING
    if not read:
        return State.NEVER_POLLED
    if old:
        return State.STALE
    return _SEVERITIES[worst] if worst else State.OK


def worst_of(alerts: Iterable[Alert]) -> Severity | None:
    """The severity of the worst alert; None where none fires."""
    severities = (alert.severity for alert in alerts)
    return max(severities, key=lambda severity: severity.rank, default=None)


def urgency(state: State, worst: Severity | None) -> int:
    """How soon somebody should look: the higher, the sooner.

    The worst alert counts, whatever the word is; a mailbox that cannot be read is like a warning.
    """
    least = _URGENCIES.get(state, -2)
    return max(least, worst.rank) if worst else least


def pauses(
    asked: Sequence[Account],
    accounts: Sequence[Account],
    refusals: Mapping[str, Refusal],
    now: datetime,
) -> list[Pause]:
    """The servers of mailboxes asked for that are left alone now, as the agent works it out.

    `accounts` are all that are configured, since any of them can be the reason.
    """
    refused = [each for each in accounts if each.name in refusals and refusals[each.name].times]
    if not refused:
        return []
    guard = LoginGuard(refused, _Remembered(refusals))
    guard.restore()
    rejected: defaultdict[str, list[str]] = defaultdict(list)
    for account in refused:
        if not refusals[account.name].elsewhere:
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


def _is_quarantined(refusal: Refusal, failure: FailureKind | None, now: datetime) -> bool:
    """Whether the login is not tried now; a poll that failed otherwise says that it was, since."""
    if not refusal.times or failure not in {None, FailureKind.AUTH}:
        return False
    return refusal.retry_at is None or now < refusal.retry_at
