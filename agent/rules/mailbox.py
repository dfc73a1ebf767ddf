"""What else a reading can give cause for: unread mail, mail that nobody collects, no limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model import AlertKey, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import datetime, timedelta

    from agent.model import Reading
    from agent.rules.watch import Watched

UNREAD, UNCOLLECTED, LIMIT = "unread", "uncollected", "limit"
READINGS = 3  # in a row without a limit before that is told: one answer can be unusable


def unread(
    account: str, reading: Reading, most: int | None, hysteresis: float, held: Container[AlertKey]
) -> list[Finding]:
    """Return a finding where more than `most` messages are unread, or no longer nearly as many."""
    key = AlertKey(account, UNREAD)
    if most is None:
        return _over(key, held)
    if reading.unread is None:
        return []
    bound = most * (1 - hysteresis) if key in held else most
    severity = Severity.WARNING if reading.unread > bound else None
    return [Finding(key, severity, reading.unread, most)]


def uncollected(
    account: str,
    reading: Reading,
    longest: timedelta | None,
    now: datetime,
    held: Container[AlertKey],
) -> list[Finding]:
    """Return a finding where a message waits for `longest` or longer, or none does any more."""
    key = AlertKey(account, UNCOLLECTED)
    if longest is None:
        return _over(key, held)
    if reading.uncollected is None:
        return []
    oldest = reading.oldest_uncollected
    if oldest is None and reading.uncollected:
        return []  # mail waits, and since when is not known
    waits = oldest is not None and now - oldest >= longest
    severity = Severity.WARNING if waits else None
    return [Finding(key, severity, reading.uncollected, moment=oldest)]


def limit(account: str, watched: Watched, held: Container[AlertKey]) -> list[Finding]:
    """Return a finding where reading after reading tells no limit, or one does again."""
    key = AlertKey(account, LIMIT)
    if watched.failure is None and not watched.without_limit:
        return [Finding(key, None, moment=watched.polled_at)] if key in held else []
    if watched.without_limit < READINGS:
        return []
    return [Finding(key, Severity.INFO)]


def _over(key: AlertKey, held: Container[AlertKey]) -> list[Finding]:
    return [Finding(key, None)] if key in held else []
