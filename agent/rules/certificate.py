"""How long the certificate of a mail server is still valid."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from agent.model import AlertKey, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import datetime

RULE = "certificate"
CRITICAL = timedelta(days=3)


def certificate(
    server: str,
    expires: datetime | None,
    ahead: timedelta | None,
    now: datetime,
    held: Container[AlertKey],
) -> list[Finding]:
    """Return a finding for the certificate that a poll has seen; None of it is no news.

    It is a warning `ahead` of the end, and critical three days before.
    """
    key = AlertKey("", RULE, root=server)
    if ahead is None:
        return [Finding(key, None)] if key in held else []
    if expires is None:
        return []
    left = expires - now
    severity = Severity.WARNING if left < ahead else None
    if severity and left < CRITICAL:
        severity = Severity.CRITICAL
    return [Finding(key, severity, moment=expires)]
