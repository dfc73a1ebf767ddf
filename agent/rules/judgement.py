"""What polls mean, and what time does: which alerts change, and whom each change concerns."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.model import Alert, AlertKey, Finding, Flapping, Reading, Severity
from agent.rules import forecast, mailbox, thresholds
from agent.rules.certificate import certificate
from agent.rules.decision import Verdict, decide
from agent.rules.fleet import Answers
from agent.rules.login import login
from agent.rules.outages import outages
from agent.rules.policy import Audience, Policy
from agent.rules.situation import situation
from agent.rules.stale import stale
from agent.rules.watch import Watched

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from agent.model import Outlook, Poll
    from agent.rules.forecast import Samples

__all__ = ["NO_PAST", "Audience", "Past", "Policy", "Verdict", "close_removed", "judge", "review"]


@dataclass(frozen=True, slots=True)
class Past:
    """What history tells: the samples of accounts whose forecast is due, and outlooks of others.

    `flapping` is how alerts came and went, `answers` when servers last answered.
    """

    samples: Mapping[str, Mapping[tuple[str, str], Samples]] = field(default_factory=dict)
    outlooks: Mapping[str, Mapping[tuple[str, str], Outlook]] = field(default_factory=dict)
    flapping: Mapping[AlertKey, Flapping] = field(default_factory=dict)
    answers: Answers = field(default_factory=Answers)


NO_PAST = Past()


def judge(  # noqa: PLR0913, PLR0917 - a pure function: all that it depends on is an argument
    policy: Policy,
    polls: Iterable[Poll],
    firing: Mapping[AlertKey, Alert],
    watched: Mapping[str, Watched],
    now: datetime,
    past: Past = NO_PAST,
) -> Verdict:
    """Return what polls, in their order, change in the alerts of their accounts and servers."""
    verdict = Verdict(dict(firing), dict(past.flapping), past.answers.copy())
    keys: defaultdict[str, set[AlertKey]] = defaultdict(set)
    for key in firing:
        keys[key.account].add(key)
    for poll in polls:
        account = policy.accounts[poll.account]
        before = verdict.watched.get(account.name) or watched.get(account.name)
        after = verdict.answers.heed(before or Watched(str(account.server)), poll)
        verdict.watched[account.name] = after
        known = keys[account.name] | keys[""]
        held = {key: verdict.firing[key].severity for key in known if key in verdict.firing}
        for finding in _findings(policy, poll, after, held, past):
            key = finding.key
            keys[key.account].add(key)
            outlook = past.outlooks.get(poll.account, {}).get((key.root, key.resource))
            decide(policy, verdict, finding, poll.at, now, situation(poll.outcome, outlook))
    return verdict


def review(  # noqa: PLR0913, PLR0917 - as above
    policy: Policy,
    firing: Mapping[AlertKey, Alert],
    watched: Mapping[str, Watched],
    started: datetime,
    now: datetime,
    past: Past = NO_PAST,
) -> Verdict:
    """Return what changes because time passes, and because of how all mailboxes fare together.

    What came before `started`, when the agent was not there to look, makes nothing stale.
    """
    verdict = Verdict(dict(firing), dict(past.flapping))
    settings = policy.settings

    def patience(name: str) -> int:
        return settings.alerts_for(policy.accounts[name]).poll_failures

    for finding in outages(watched, firing, patience, now):
        decide(policy, verdict, finding, now, now)
    for name, each in watched.items():
        longest = settings.interval(policy.accounts[name]) * settings.alerts.stale_after
        if now - started > longest:
            for finding in stale(name, each, longest, now, firing):
                decide(policy, verdict, finding, now, now)
    return verdict


def close_removed(policy: Policy, firing: Mapping[AlertKey, Alert], now: datetime) -> Verdict:
    """Return the end of every alert whose account or server is configured no more."""
    verdict = Verdict(dict(firing))
    for key in firing:
        if not policy.covers(key):
            decide(policy, verdict, Finding(key, None), now, now)
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
