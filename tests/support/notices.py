"""Notifications as the recorder would make them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.model import Alert, AlertKey, Finding, Notification, Reason, Severity, Transition

if TYPE_CHECKING:
    from agent.model import Situation

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MIB = 1024 * 1024


def notice(  # noqa: PLR0913  a test says what matters to it
    account: str = "anna",
    reason: Reason = Reason.FIRST,
    *,
    used: int | None = 17 * MIB,
    limit: int | None = 20 * MIB,
    severity: Severity = Severity.WARNING,
    root: str = "",
    resource: str = "storage",
    rule: str = "usage",
    detail: str = "",
    moment: datetime | None = None,
    situation: Situation | None = None,
    since: datetime = NOON,
    at: datetime = NOON,
    key: str | None = None,
    receiver: str = "ops",
    target: str = "0",
    due: datetime = NOON,
) -> Notification:
    """One notification; everything in it can be chosen."""
    alert_key = AlertKey(account, rule, root, resource)
    now = None if reason is Reason.RESOLVED else severity
    finding = Finding(alert_key, now, used, limit, detail, moment)
    alert = Alert(alert_key, severity, since, at)
    return Notification(
        key or (account.encode().hex() + "0123456789abcdef")[:16],
        receiver,
        target,
        Transition(reason, alert, finding, at, situation),
        due,
    )
