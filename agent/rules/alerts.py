"""The life of an alert: from its first finding, over worse ones and reminders, to its end."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from agent.model import Alert, Reason, Transition

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from agent.model import Finding, Severity

_KEY_BYTES = 16


def next_step(
    alert: Alert | None, finding: Finding, now: datetime, repeat: Sequence[timedelta]
) -> Transition | None:
    """Return what a finding changes in the alert of its key; None where nothing changes.

    `repeat` holds the waits before the first, second and further reminders since it was last told;
    the last one repeats, none means no reminder.
    """
    if alert is None:
        return _begin(finding, now)
    if finding.severity is None:
        as_told = replace(alert, severity=alert.heard, told_as=None)
        return _transition(Reason.RESOLVED, as_told, finding, now)
    return _go_on(alert, finding.severity, finding, now, repeat)


def tell_again(alert: Alert, finding: Finding, now: datetime) -> Transition:
    """Return what tells of an alert that goes on as if it had just begun."""
    told = replace(alert, told_at=now, reminders=0)
    return _transition(Reason.REMINDER, told, finding, now)


def kept_back(alert: Alert, transition: Transition) -> Transition | None:
    """Return what a transition changes that is not told for now; None where nothing changes.

    How bad the alert is counts, so that it is told later unless it has eased by then.
    """
    severity = transition.alert.severity
    if severity is alert.severity:
        return None
    worse = replace(alert, severity=severity, told_as=alert.heard)
    return _transition(None, worse, transition.finding, transition.at)


def notification_key(transition: Transition, receiver: str, target: str) -> str:
    """Return the idempotency key of a transition for one target: the same whenever it is made."""
    alert, key = transition.alert, transition.alert.key
    episode = (alert.since.isoformat(), str(alert.step))
    about = (key.account, key.rule, key.root, key.resource, *episode, receiver, target)
    return blake2b("\0".join(about).encode(), digest_size=_KEY_BYTES).hexdigest()


def _begin(finding: Finding, now: datetime) -> Transition | None:
    if finding.severity is None:
        return None
    alert = Alert(key=finding.key, severity=finding.severity, since=now, told_at=now)
    return _transition(Reason.FIRST, alert, finding, now)


def _go_on(
    alert: Alert,
    severity: Severity,
    finding: Finding,
    now: datetime,
    repeat: Sequence[timedelta],
) -> Transition | None:
    if severity.rank > alert.heard.rank:
        worse = replace(alert, severity=severity, told_as=None, told_at=now, reminders=0)
        return _transition(Reason.WORSE, worse, finding, now)
    if severity is not alert.severity:
        eased = replace(alert, severity=severity, told_as=None)
        return _transition(None, eased, finding, now)
    if _is_reminder_due(alert, now, repeat):
        reminded = replace(alert, told_at=now, reminders=alert.reminders + 1)
        return _transition(Reason.REMINDER, reminded, finding, now)
    return None


def _is_reminder_due(alert: Alert, now: datetime, repeat: Sequence[timedelta]) -> bool:
    if not repeat:
        return False
    wait = repeat[min(alert.reminders, len(repeat) - 1)]
    return now - alert.told_at >= wait


def _transition(reason: Reason | None, alert: Alert, finding: Finding, now: datetime) -> Transition:
    return Transition(reason, replace(alert, step=alert.step + 1), finding, now)
