"""What a finding changes in its alert, and who is told of the change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from agent.model import Alert, AlertKey, Finding, Notification, Reason, Severity, Transition
from agent.rules import forecast, mailbox, thresholds
from agent.rules.alerts import next_step, notification_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from agent.model import Situation
    from agent.rules.policy import Policy
    from agent.rules.watch import Watched

_TOLD_ONCE = {mailbox.LIMIT}  # rules without reminders


@dataclass(frozen=True, slots=True)
class Verdict:
    """What changes; `firing` and `watched` are how it stands after that."""

    firing: dict[AlertKey, Alert]
    watched: dict[str, Watched] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)


def decide(  # noqa: PLR0913, PLR0917 - what is found, when, and what else is known
    policy: Policy,
    verdict: Verdict,
    finding: Finding,
    at: datetime,
    now: datetime,
    around: Situation | None = None,
) -> None:
    """Add to a verdict what a finding changes, of what was found `at` that time and is told now."""
    before = verdict.firing.get(finding.key)
    repeat = () if finding.key.rule in _TOLD_ONCE else policy.settings.alerts.repeat
    transition = next_step(before, finding, at, repeat)
    if transition is None or transition.reason is None:
        transition = _late_news(policy, before, finding, at, now) or transition
    if transition is None or _is_held_back(policy, before, transition, now):
        return
    receivers = _receivers(policy, before, transition, now)
    if _is_told_by_usage(verdict, transition):
        receivers = []
    alert = transition.alert
    told = tuple(dict.fromkeys((*alert.told, *receivers)))
    transition = replace(transition, alert=replace(alert, told=told), situation=around)
    verdict.transitions.append(transition)
    knowing = before.told if before else ()
    verdict.notifications.extend(_notifications(policy, transition, receivers, knowing, now))
    if transition.reason is Reason.RESOLVED:
        del verdict.firing[finding.key]
    else:
        verdict.firing[finding.key] = transition.alert


def _is_told_by_usage(verdict: Verdict, transition: Transition) -> bool:
    """Whether a forecast ends since it has come true so far that the usage itself is told."""
    key = transition.alert.key
    ended = transition.reason is Reason.RESOLVED and key.rule == forecast.RULE
    return ended and replace(key, rule=thresholds.RULE) in verdict.firing


def _late_news(
    policy: Policy, before: Alert | None, finding: Finding, at: datetime, now: datetime
) -> Transition | None:
    """An alert that somebody has not heard of yet: it was silenced, or they are new."""
    if before is None or finding.severity is None:
        return None
    alert = replace(before, severity=finding.severity, step=before.step + 1)
    if not before.told:
        alert = replace(alert, told_at=at, reminders=0)
    transition = Transition(Reason.FIRST, alert, finding, at)
    hearing = policy.audience.hearers(transition, policy.concerned(finding.key))
    news = set(hearing) - set(before.told) and not _is_silenced(policy, transition, now)
    return transition if news else None


def _is_held_back(
    policy: Policy, before: Alert | None, transition: Transition, now: datetime
) -> bool:
    """Whether a silence keeps those who know of an alert from hearing more of it, for now."""
    match transition.reason:
        case Reason.WORSE | Reason.REMINDER:
            told = before is not None and bool(before.told)
            return told and _is_silenced(policy, transition, now)
        case Reason.FIRST | Reason.RESOLVED | None:
            return False


def _is_silenced(policy: Policy, transition: Transition, now: datetime) -> bool:
    key, severity = transition.alert.key, transition.alert.severity
    accounts = policy.concerned(key)
    return policy.audience.silenced_until(accounts, severity, key.rule, now) is not None


def _receivers(
    policy: Policy, before: Alert | None, transition: Transition, now: datetime
) -> list[str]:
    """Whom a transition is told: not in a silence, and nobody for the first time twice."""
    if transition.reason is not Reason.RESOLVED and _is_silenced(policy, transition, now):
        return []
    names = policy.audience.hearers(transition, policy.concerned(transition.alert.key))
    known: Collection[str] = ()
    if before and transition.reason is Reason.FIRST:
        known = before.told
    return [name for name in names if name not in known]


def _notifications(
    policy: Policy,
    transition: Transition,
    receivers: Iterable[str],
    knowing: Collection[str],
    now: datetime,
) -> Iterator[Notification]:
    """What is worse, or goes on, is still the first that some hear of it."""
    alert, finding = transition.alert, transition.finding
    accounts = policy.concerned(alert.key)
    ratio = finding.used / finding.limit if finding.used and finding.limit else None
    if transition.reason is Reason.RESOLVED and alert.severity is Severity.CRITICAL:
        ratio = 1.0  # an end is told wherever the worst was
    first = replace(transition, reason=Reason.FIRST)
    for receiver in receivers:
        new = receiver not in knowing and transition.reason is not Reason.RESOLVED
        said = first if new else transition
        quiet = policy.audience.held_until(receiver, alert.severity, now)
        due = quiet or now + policy.settings.alerts.group_wait
        for target in policy.audience.targets(receiver, accounts, ratio):
            key = notification_key(transition, receiver, target)
            yield Notification(key, receiver, target, said, due, held=quiet is not None)
