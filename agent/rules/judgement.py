"""What a batch of polls means: which alerts change, and whom each change concerns."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from agent.model import Alert, AlertKey, Finding, Notification, Reading, Reason, Transition
from agent.rules import thresholds
from agent.rules.alerts import next_step, notification_key
from agent.rules.login import login

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from agent.config.accounts import Account
    from agent.config.settings import AlertSettings
    from agent.model import Poll, Severity

    Route = Callable[[tuple[str, ...], Severity, str], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Policy:
    """All that decides what a poll changes and whom it concerns, beside the poll itself."""

    accounts: Mapping[str, Account]
    alerts: AlertSettings
    targets: Mapping[str, int]  # how many each configured receiver has
    route: Route


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a batch changes; `firing` is what fires after it, for the accounts of the batch."""

    firing: dict[AlertKey, Alert]
    transitions: list[Transition] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)


def judge(
    policy: Policy, polls: Iterable[Poll], firing: Mapping[AlertKey, Alert], now: datetime
) -> Verdict:
    """Return what polls, in their order, change in the alerts that fire."""
    verdict = Verdict(dict(firing))
    keys: defaultdict[str, set[AlertKey]] = defaultdict(set)
    for key in firing:
        keys[key.account].add(key)
    for poll in polls:
        known = keys[poll.account]
        held = {key: verdict.firing[key].severity for key in known if key in verdict.firing}
        for finding in _findings(policy, poll, held):
            known.add(finding.key)
            _decide(policy, verdict, finding, poll.at, now)
    return verdict


def close_removed(policy: Policy, firing: Mapping[AlertKey, Alert], now: datetime) -> Verdict:
    """Return the end of every alert whose account is configured no more."""
    verdict = Verdict(dict(firing))
    for key in firing:
        if key.account not in policy.accounts:
            _decide(policy, verdict, Finding(key, None), now, now)
    return verdict


def _findings(policy: Policy, poll: Poll, held: Mapping[AlertKey, Severity]) -> Iterator[Finding]:
    """What every rule says of a poll."""
    yield from login(poll, held)
    if isinstance(poll.outcome, Reading):
        levels, hysteresis = policy.alerts.levels, policy.alerts.hysteresis
        yield from thresholds.usage(poll.account, poll.outcome, levels, hysteresis, held)


def _decide(
    policy: Policy, verdict: Verdict, finding: Finding, at: datetime, now: datetime
) -> None:
    before = verdict.firing.get(finding.key)
    transition = next_step(before, finding, at, policy.alerts.repeat)
    if transition is None:
        return
    receivers = _receivers(policy, transition)
    alert = transition.alert
    told = (*alert.told, *(name for name in receivers if name not in alert.told))
    transition = replace(transition, alert=replace(alert, told=told))
    verdict.transitions.append(transition)
    verdict.notifications.extend(_notifications(policy, transition, receivers, now))
    if transition.reason is Reason.RESOLVED:
        del verdict.firing[finding.key]
    else:
        verdict.firing[finding.key] = transition.alert


def _receivers(policy: Policy, transition: Transition) -> list[str]:
    """Whom a transition concerns: an end, exactly those who were told of the alert."""
    alert = transition.alert
    match transition.reason:
        case None:
            names: Iterable[str] = ()
        case Reason.RESOLVED:
            names = alert.told
        case Reason.FIRST | Reason.WORSE | Reason.REMINDER:
            tags = policy.accounts[alert.key.account].tags
            names = policy.route(tags, alert.severity, alert.key.rule)
    return [name for name in dict.fromkeys(names) if name in policy.targets]


def _notifications(
    policy: Policy, transition: Transition, receivers: Iterable[str], now: datetime
) -> Iterator[Notification]:
    due = now + policy.alerts.group_wait
    for receiver in receivers:
        for target in map(str, range(policy.targets[receiver])):
            key = notification_key(transition, receiver, target)
            yield Notification(key, receiver, target, transition, due)
