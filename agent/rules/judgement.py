"""What polls mean, and what time does: which alerts change, and whom each change concerns."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from agent.model import (
    Alert,
    AlertKey,
    Finding,
    Notification,
    Reading,
    Reason,
    Severity,
    Transition,
)
from agent.rules import forecast, mailbox, thresholds
from agent.rules.alerts import next_step, notification_key
from agent.rules.certificate import certificate
from agent.rules.login import login
from agent.rules.outages import outages
from agent.rules.situation import situation
from agent.rules.stale import stale
from agent.rules.watch import Watched

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from agent.config.accounts import Account
    from agent.config.settings import Settings
    from agent.model import Poll, Situation
    from agent.rules.forecast import Samples
    from agent.rules.situation import Outlook

_TOLD_ONCE = {mailbox.LIMIT}  # rules without reminders


class Audience(Protocol):
    """Whom alerts of accounts concern, and when they may hear of them."""

    def hearers(self, transition: Transition, accounts: Sequence[Account]) -> tuple[str, ...]:
        """Names of the receivers that a transition concerns."""

    def silenced_until(
        self, accounts: Sequence[Account], severity: Severity, rule: str, now: datetime
    ) -> datetime | None:
        """When such an alert is silenced no more; None where it is not."""

    def held_until(self, receiver: str, severity: Severity, now: datetime) -> datetime | None:
        """The end of the receiver's quiet hours; None where it can be told now."""

    def targets(
        self, receiver: str, accounts: Sequence[Account], ratio: float | None
    ) -> tuple[str, ...]:
        """Where the receiver is told; none for one that looks at the alerts by itself."""


class Policy:
    """All that decides what a poll changes and whom it concerns, beside the poll itself."""

    def __init__(self, settings: Settings, audience: Audience) -> None:
        self.settings = settings
        self.audience = audience
        self.accounts = {each.name: each for each in settings.accounts}
        by_server: defaultdict[str, list[Account]] = defaultdict(list)
        for each in settings.accounts:
            by_server[str(each.server)].append(each)
        self._by_server = dict(by_server)

    def concerned(self, key: AlertKey) -> Sequence[Account]:
        """The accounts that an alert is about: one, all of a server, or all."""
        if key.account:
            return [self.accounts[key.account]] if key.account in self.accounts else []
        return self._by_server.get(key.root, []) if key.root else self.settings.accounts

    def covers(self, key: AlertKey) -> bool:
        """Whether what an alert is about is still configured."""
        return bool(self.concerned(key)) or not (key.account or key.root)


@dataclass(frozen=True, slots=True)
class Past:
    """What history tells: the samples of accounts whose forecast is due, and outlooks of others."""

    samples: Mapping[str, Mapping[tuple[str, str], Samples]] = field(default_factory=dict)
    outlooks: Mapping[str, Mapping[tuple[str, str], Outlook]] = field(default_factory=dict)


NO_PAST = Past()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What changes; `firing` and `watched` are how it stands after that."""

    firing: dict[AlertKey, Alert]
    watched: dict[str, Watched] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)


def judge(  # noqa: PLR0913, PLR0917 - a pure function: all that it depends on is an argument
    policy: Policy,
    polls: Iterable[Poll],
    firing: Mapping[AlertKey, Alert],
    watched: Mapping[str, Watched],
    now: datetime,
    past: Past = NO_PAST,
) -> Verdict:
    """Return what polls, in their order, change in the alerts of their accounts and servers."""
    verdict = Verdict(dict(firing))
    keys: defaultdict[str, set[AlertKey]] = defaultdict(set)
    for key in firing:
        keys[key.account].add(key)
    for poll in polls:
        account = policy.accounts[poll.account]
        before = verdict.watched.get(account.name) or watched.get(account.name)
        after = (before or Watched(str(account.server))).after(poll)
        verdict.watched[account.name] = after
        known = keys[account.name] | keys[""]
        held = {key: verdict.firing[key].severity for key in known if key in verdict.firing}
        for finding in _findings(policy, poll, after, held, past):
            key = finding.key
            keys[key.account].add(key)
            outlook = past.outlooks.get(poll.account, {}).get((key.root, key.resource))
            _decide(policy, verdict, finding, poll.at, now, situation(poll.outcome, outlook))
    return verdict


def review(
    policy: Policy,
    firing: Mapping[AlertKey, Alert],
    watched: Mapping[str, Watched],
    started: datetime,
    now: datetime,
) -> Verdict:
    """Return what changes because time passes, and because of how all mailboxes fare together.

    What came before `started`, when the agent was not there to look, makes nothing stale.
    """
    verdict = Verdict(dict(firing))
    settings = policy.settings

    def patience(name: str) -> int:
        return settings.alerts_for(policy.accounts[name]).poll_failures

    for finding in outages(watched, firing, patience):
        _decide(policy, verdict, finding, now, now)
    for name, each in watched.items():
        longest = settings.interval(policy.accounts[name]) * settings.alerts.stale_after
        if now - started > longest:
            for finding in stale(name, each, longest, now, firing):
                _decide(policy, verdict, finding, now, now)
    return verdict


def close_removed(policy: Policy, firing: Mapping[AlertKey, Alert], now: datetime) -> Verdict:
    """Return the end of every alert whose account or server is configured no more."""
    verdict = Verdict(dict(firing))
    for key in firing:
        if not policy.covers(key):
            _decide(policy, verdict, Finding(key, None), now, now)
    return verdict


def _findings(
    policy: Policy, poll: Poll, watched: Watched, held: Mapping[AlertKey, Severity], past: Past
) -> Iterator[Finding]:
    """What every rule says of a poll."""
    alerts = policy.settings.alerts_for(policy.accounts[poll.account])
    yield from login(poll, held)
    expires = poll.certificate_expires
    yield from certificate(watched.server, expires, alerts.certificate, poll.at, held)
    if isinstance(poll.outcome, Reading):
        name, reading = poll.account, poll.outcome
        yield from thresholds.usage(name, reading, alerts.levels, alerts.hysteresis, held)
        yield from mailbox.unread(name, reading, alerts.unread, alerts.hysteresis, held)
        yield from mailbox.uncollected(name, reading, alerts.uncollected, poll.at, held)
        yield from mailbox.limit(name, watched, held)
        if alerts.forecast is None:
            yield from (Finding(key, None) for key in held if key.rule == forecast.RULE)
        elif name in past.samples:
            samples = past.samples[name]
            yield from forecast.findings(name, reading, samples, alerts.forecast, held, poll.at)


def _decide(  # noqa: PLR0913, PLR0917 - what is found, when, and what else is known
    policy: Policy,
    verdict: Verdict,
    finding: Finding,
    at: datetime,
    now: datetime,
    around: Situation | None = None,
) -> None:
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
