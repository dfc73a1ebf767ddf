"""What readings mean for the alerts, and whom to tell: decisions without I/O or a clock."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from agent.model import Finding, Notification, Reading, Reason
from agent.notify.routing import receivers_for
from agent.rules import thresholds
from agent.rules.alerts import next_step, notification_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from agent.config.settings import Settings
    from agent.model import Alert, AlertKey, Poll, Transition

Firing = defaultdict[str, dict["AlertKey", "Alert"]]  # by account


def by_account(alerts: Iterable[Alert]) -> Firing:
    """The firing alerts, ready to be judged against."""
    firing: Firing = defaultdict(dict)
    for alert in alerts:
        firing[alert.key.account][alert.key] = alert
    return firing


@dataclass(slots=True)
class Decisions:
    """What a batch of polls changes: alerts, and whom to tell of them."""

    transitions: list[Transition] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)


class Judge:
    """Decides, by the rules alone, what readings mean for the alerts; no I/O, no clock."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tags = {account.name: account.tags for account in settings.accounts}
        self._targets = {each.name: len(each.targets()) for each in settings.receivers}

    def judge(self, polls: Iterable[Poll], firing: Firing) -> Decisions:
        """Judge polls in their order; `firing` is brought up to date on the way."""
        decisions = Decisions()
        for poll in polls:
            for finding in self._findings(poll, firing):
                self._decide(finding, poll.at, firing, decisions)
        return decisions

    def close_removed(self, firing: Firing, now: datetime) -> Decisions:
        """End the alerts of accounts that are no longer configured."""
        decisions = Decisions()
        gone = [key for name in firing if name not in self._tags for key in firing[name]]
        for key in gone:
            self._decide(Finding(key, None, used=0, limit=0), now, firing, decisions)
        return decisions

    def _findings(self, poll: Poll, firing: Firing) -> Sequence[Finding]:
        if not isinstance(poll.outcome, Reading):
            return ()
        held = {key: alert.severity for key, alert in firing[poll.account].items()}
        rules = self._settings.alerts
        return thresholds.usage(poll.account, poll.outcome, rules.levels, rules.hysteresis, held)

    def _decide(self, finding: Finding, now: datetime, firing: Firing, into: Decisions) -> None:
        known = firing[finding.key.account]
        alert = known.get(finding.key)
        transition = next_step(alert, finding, now, self._settings.alerts.repeat)
        if transition is None:
            return
        told = self._addressed(transition)
        transition = replace(transition, alert=replace(transition.alert, told=told))
        into.transitions.append(transition)
        into.notifications += self._notifications(transition)
        if transition.reason is Reason.RESOLVED:
            del known[finding.key]
        else:
            known[finding.key] = transition.alert

    def _addressed(self, transition: Transition) -> tuple[str, ...]:
        """All who know of the alert after this; who was told of it is told of its end."""
        alert = transition.alert
        if transition.reason in {None, Reason.RESOLVED}:
            return alert.told
        chosen = self._chosen(transition)
        return tuple(dict.fromkeys((*alert.told, *chosen)))

    def _chosen(self, transition: Transition) -> tuple[str, ...]:
        alert = transition.alert
        tags = self._tags.get(alert.key.account, ())
        settings = self._settings
        return receivers_for(
            settings.routes, settings.receivers, tags, alert.severity, alert.key.rule
        )

    def _notifications(self, transition: Transition) -> Iterator[Notification]:
        if transition.reason is None:
            return
        ended = transition.reason is Reason.RESOLVED
        receivers = transition.alert.told if ended else self._chosen(transition)
        for receiver in receivers:
            for ordinal in range(self._targets.get(receiver, 0)):
                yield Notification(
                    key=notification_key(transition, receiver, str(ordinal)),
                    receiver=receiver,
                    target=str(ordinal),
                    transition=transition,
                    due=transition.at + self._settings.alerts.group_wait,
                )
