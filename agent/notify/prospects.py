"""Who would be told what of a mailbox, and when, if an alert began now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.config.accounts import Pop3Account
from agent.config.receivers import OwnerReceiver
from agent.model import Severity
from agent.notify.routing import audience, held_until, route_for, silenced_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from agent.config.accounts import Account
    from agent.config.receivers import Receiver
    from agent.config.routes import Rule
    from agent.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Telling:
    """One receiver and when it would be told; `quiet` says that quiet hours hold it until then.

    `addresses` are the mailbox's owner's, for a receiver that tells owners, and `second` is the
    one that is told too from 95 % on.
    """

    receiver: str
    at: datetime
    quiet: bool
    send_resolved: bool
    addresses: tuple[str, ...] | None = None
    second: str | None = None


@dataclass(frozen=True, slots=True)
class Prospect:
    """One alert that a mailbox can have; routes and silences are counted from 1, as in the file.

    `silence` is the first one that holds it back now.
    """

    rule: Rule
    severity: Severity
    route: int | None
    silence: int | None
    silenced_until: datetime | None
    tellings: tuple[Telling, ...]


def prospects(settings: Settings, account: Account, now: datetime) -> list[Prospect]:
    """Return every alert that the account can have, mildest first by rule."""
    return [
        _prospect(settings, account, rule, severity, now)
        for rule, severity in _possible(settings, account)
    ]


def _possible(settings: Settings, account: Account) -> Iterator[tuple[Rule, Severity]]:
    alerts = settings.alerts_for(account)
    tracked = isinstance(account, Pop3Account) and account.track_messages
    for severity in sorted({level.severity for level in alerts.levels}, key=lambda one: one.rank):
        yield "usage", severity
    if alerts.forecast is not None:
        yield "forecast", Severity.WARNING
    if alerts.unread is not None and not isinstance(account, Pop3Account):
        yield "unread", Severity.WARNING
    if alerts.uncollected is not None and tracked:
        yield "uncollected", Severity.WARNING
    yield "poll", Severity.WARNING
    yield "login", Severity.WARNING
    yield "stale", Severity.WARNING
    if account.limit is None and account.message_limit is None:
        yield "limit", Severity.INFO
    if alerts.certificate is not None and account.tls != "none":
        yield "certificate", Severity.WARNING
        yield "certificate", Severity.CRITICAL
    yield "server", Severity.CRITICAL
    yield "agent", Severity.CRITICAL


def _prospect(
    settings: Settings, account: Account, rule: Rule, severity: Severity, now: datetime
) -> Prospect:
    route = route_for(settings.routes, account.tags, severity, rule, account.name)
    names = audience(settings, [account], severity, rule)
    silenced = silenced_until(settings, [account], severity, rule, now)
    told = (each for each in settings.receivers if each.name in names)
    return Prospect(
        rule=rule,
        severity=severity,
        route=next((n for n, each in enumerate(settings.routes, 1) if each is route), None),
        silence=_silence(settings, account, rule, severity, now),
        silenced_until=silenced,
        tellings=tuple(
            _telling(settings, each, account, severity, silenced or now) for each in told
        ),
    )


def _silence(
    settings: Settings, account: Account, rule: Rule, severity: Severity, now: datetime
) -> int | None:
    holding = (
        number
        for number, silence in enumerate(settings.silences, 1)
        if silence.match.fits(account.name, account.tags, severity, rule)
        and silence.ends(settings.agent.zone, now)
    )
    return next(holding, None)


def _telling(
    settings: Settings, receiver: Receiver, account: Account, severity: Severity, at: datetime
) -> Telling:
    quiet = held_until(settings, receiver, severity, at)
    owner = isinstance(receiver, OwnerReceiver)
    return Telling(
        receiver=receiver.name,
        at=quiet or at,
        quiet=quiet is not None,
        send_resolved=receiver.send_resolved,
        addresses=account.owners if owner else None,
        second=account.owner_second if owner else None,
    )
