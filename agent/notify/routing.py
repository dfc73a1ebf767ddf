"""Whom to tell of an alert, and when: routes, silences, quiet hours.

Pure functions of the settings and of the time. An alert of one mailbox concerns that account; an
alert of a server, of its certificate or of the agent concerns each account that it affects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.config.alertmanager import AlertmanagerReceiver
from agent.config.quiet import quiet_until
from agent.config.receivers import AppriseReceiver, OwnerReceiver
from agent.model import Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from agent.config.accounts import Account
    from agent.config.receivers import Receiver
    from agent.config.routes import Route
    from agent.config.settings import Settings
    from agent.model import Transition


class Routing:
    """The settings' answers to the judgement's questions: its `Audience`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._receivers = {each.name: each for each in settings.receivers}

    def hearers(self, transition: Transition, accounts: Sequence[Account]) -> tuple[str, ...]:
        """Names of the receivers that a transition concerns."""
        return hearers(self._settings, transition, accounts)

    def silenced_until(
        self, accounts: Sequence[Account], severity: Severity, rule: str, now: datetime
    ) -> datetime | None:
        """When such an alert is silenced no more; None where it is not."""
        if not self._settings.silences:
            return None
        return silenced_until(self._settings, accounts, severity, rule, now)

    def held_until(self, receiver: str, severity: Severity, now: datetime) -> datetime | None:
        """The end of the receiver's quiet hours; None where it can be told now."""
        return held_until(self._settings, self._receivers[receiver], severity, now)

    def targets(
        self, receiver: str, accounts: Sequence[Account], ratio: float | None
    ) -> tuple[str, ...]:
        """Where the receiver is told: its ordinals, or the owners' addresses."""
        known = self._receivers[receiver]
        if isinstance(known, OwnerReceiver):
            return targets_of(known, accounts[0], ratio) if accounts else ()
        return tuple(map(str, range(len(known.targets()))))


OWNERS_RULES = frozenset({"usage", "forecast"})
SECOND_ADDRESS_FROM = 0.95  # usage ratio from which the mailbox itself may refuse the message


def receivers_for(  # noqa: PLR0913  what routes can match
    routes: Sequence[Route],
    receivers: Sequence[Receiver],
    tags: Collection[str],
    severity: Severity,
    rule: str,
    *,
    account: str = "",
) -> tuple[str, ...]:
    """Names of the receivers that hear of an alert of one account, each once.

    Without any route every receiver hears of everything; with routes, an alert that none of
    them matches is told to nobody.
    """
    route = route_for(routes, tags, severity, rule, account)
    named = [each.name for each in receivers] if not routes else route.receivers if route else ()
    hearing = {each.name for each in receivers if _hears(each, severity, rule)}
    return tuple(name for name in dict.fromkeys(named) if name in hearing)


def route_for(
    routes: Iterable[Route], tags: Collection[str], severity: Severity, rule: str, account: str
) -> Route | None:
    """The route that such an alert of this account takes: the first that matches."""
    matching = (each for each in routes if each.match.fits(account, tags, severity, rule))
    return next(matching, None)


def audience(
    settings: Settings, accounts: Iterable[Account], severity: Severity, rule: str
) -> tuple[str, ...]:
    """Names of the receivers that hear of an alert of any of these accounts, each once.

    Whoever would hear of a mailbox's own failure so hears of its server's.
    """
    routes, receivers = settings.routes, settings.receivers
    names = (
        name
        for account in accounts
        for name in receivers_for(
            routes, receivers, account.tags, severity, rule, account=account.name
        )
    )
    return tuple(dict.fromkeys(names))


def hearers(
    settings: Settings, transition: Transition, accounts: Iterable[Account]
) -> tuple[str, ...]:
    """Names of the receivers that a transition concerns.

    An end concerns those who were told of the alert and want to hear of ends.
    """
    alert = transition.alert
    match transition.reason:
        case None:
            return ()
        case Reason.RESOLVED:
            told = (each for each in settings.receivers if each.name in alert.told)
            return tuple(each.name for each in told if each.send_resolved)
        case Reason.FIRST | Reason.WORSE | Reason.REMINDER:
            return audience(settings, accounts, alert.severity, alert.key.rule)


def targets_of(receiver: Receiver, account: Account, ratio: float | None) -> tuple[str, ...]:
    """What a receiver tells of a mailbox whose usage ratio this is: ordinals, or addresses.

    None of an Alertmanager, which is kept informed of a state instead. The owner's second address
    is told from 95 % on, since a full mailbox cannot receive the message.
    """
    match receiver:
        case AppriseReceiver():
            return tuple(map(str, range(len(receiver.targets()))))
        case OwnerReceiver():
            full = ratio is not None and ratio >= SECOND_ADDRESS_FROM
            second = (account.owner_second,) if full and account.owner_second else ()
            return tuple(dict.fromkeys((*account.owners, *second)))
        case AlertmanagerReceiver():
            return ()


def all_targets(receiver: Receiver, accounts: Iterable[Account]) -> set[str]:
    """Every target that a receiver can have, of any of these accounts."""
    return {target for each in accounts for target in targets_of(receiver, each, 1.0)} | set(
        map(str, range(len(receiver.targets())))
    )


def silenced_until(
    settings: Settings, accounts: Iterable[Account], severity: Severity, rule: str, now: datetime
) -> datetime | None:
    """Return when an alert of these accounts is silenced no more; None where it is not at `now`.

    It is silenced while each of the accounts is; silences that meet or overlap are one.
    """
    ends = [_silenced_until(settings, account, severity, rule, now) for account in accounts]
    known = [end for end in ends if end is not None]
    return min(known) if known and len(known) == len(ends) else None


def held_until(
    settings: Settings, receiver: Receiver, severity: Severity, now: datetime
) -> datetime | None:
    """Return the end of the receiver's quiet hours; None where it can be told now.

    What is critical is never held back.
    """
    if severity is Severity.CRITICAL:
        return None
    own = receiver.quiet_hours
    spans = settings.alerts.quiet_hours if own is None else own
    return quiet_until(spans, settings.agent.zone, now)


def _hears(receiver: Receiver, severity: Severity, rule: str) -> bool:
    mendable = not isinstance(receiver, OwnerReceiver) or rule in OWNERS_RULES
    return mendable and severity.rank >= receiver.min_severity.rank


def _silenced_until(
    settings: Settings, account: Account, severity: Severity, rule: str, now: datetime
) -> datetime | None:
    matching = [
        silence
        for silence in settings.silences
        if silence.match.fits(account.name, account.tags, severity, rule)
    ]
    zone, until = settings.agent.zone, now
    while ends := [end for each in matching if (end := each.ends(zone, until))]:
        until = max(ends)
    return until if until > now else None
