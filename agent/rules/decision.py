"""What a finding changes in its alert, and who is told of the change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from agent.model import (
    Alert,
    AlertKey,
    Finding,
    Flapping,
    Notification,
    Reason,
    Severity,
    Transition,
)
from agent.rules import damping, forecast, mailbox, thresholds
from agent.rules.alerts import kept_back, next_step, notification_key, tell_again
from agent.rules.fleet import Answers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from agent.model import Situation
    from agent.rules.policy import Policy
    from agent.rules.watch import Watched

_TOLD_ONCE = {mailbox.LIMIT}  # rules without reminders


@dataclass(frozen=True, slots=True)
class Verdict:
    """What changes, and how all stands after that; `renewed` are figures of what goes on."""

    firing: dict[AlertKey, Alert]
    flapping: dict[AlertKey, Flapping] = field(default_factory=dict)
    answers: Answers = field(default_factory=Answers)
    watched: dict[str, Watched] = field(default_factory=dict)
    renewed: dict[AlertKey, Transition] = field(default_factory=dict)
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
    transition = _step(policy, verdict, before, finding, at)
    if transition is None or transition.reason is None:
        transition = _late_news(policy, before, finding, at, now) or transition
    if before and transition and _is_held_back(policy, before, transition, now):
        transition = kept_back(before, transition)
    if transition is None:
        if before and finding.severity:
            verdict.renewed[finding.key] = Transition(None, before, finding, at, around)
        return
    receivers = _receivers(policy, before, transition, now)
    if _is_told_by_usage(verdict, transition):
        receivers = []
    alert = transition.alert
    told = tuple(dict.fromkeys((*alert.told, *receivers)))
    transition = replace(transition, alert=replace(alert, told=told), situation=around)
    verdict.transitions.append(transition)
    verdict.renewed.pop(finding.key, None)
    knowing = before.told if before else ()
    verdict.notifications.extend(_notifications(policy, transition, receivers, knowing, now))
    if transition.reason is Reason.RESOLVED:
        del verdict.firing[finding.key]
    else:
        verdict.firing[finding.key] = transition.alert


def _step(
    policy: Policy, verdict: Verdict, before: Alert | None, finding: Finding, at: datetime
) -> Transition | None:
    """What a finding changes in its alert; one that comes and goes is not told each time."""
    key = finding.key
    repeat = () if key.rule in _TOLD_ONCE else policy.settings.alerts.repeat
    step = next_step(before, finding, at, repeat)
    flapping = damping.after(verdict.flapping.get(key), before, finding, at)
    if flapping is None or key.rule not in damping.DAMPED:
        return step
    verdict.flapping[key] = flapping
    if before is None:
        return step
    interval = policy.interval(key)
    if finding.severity is None:
        return step if damping.ends(flapping, finding, at, interval) else None
    if step is None and damping.is_again(flapping, before, at, interval):
        return tell_again(before, finding, at)
    return step


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
    alert = replace(before, severity=finding.severity, told_as=None, step=before.step + 1)
    if not before.told:
        alert = replace(alert, told_at=at, reminders=0)
    transition = Transition(Reason.FIRST, alert, finding, at)
    hearing = policy.audience.hearers(transition, policy.concerned(finding.key))
    news = set(hearing) - set(before.told) and not _is_silenced(policy, transition, now)
    return transition if news else None


def _is_held_back(policy: Policy, before: Alert, transition: Transition, now: datetime) -> bool:
    """Whether a silence keeps those who know of an alert from hearing more of it, for now."""
    match transition.reason:
        case Reason.WORSE | Reason.REMINDER:
            return bool(before.told) and _is_silenced(policy, transition, now)
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
