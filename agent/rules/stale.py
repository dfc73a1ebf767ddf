"""Whether the figures of a mailbox have become too old to be true, though nothing failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model import AlertKey, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import datetime, timedelta

    from agent.rules.watch import Watched

RULE = "stale"


def stale(
    account: str,
    watched: Watched,
    longest: timedelta,
    now: datetime,
    held: Container[AlertKey],
) -> list[Finding]:
    """Return a finding where no poll ended for `longest`, or one has succeeded again.

    Polls that fail are told as such, and so is a login that is not tried.
    """
    key = AlertKey(account, RULE)
    if watched.succeeded_at is None or watched.failure:
        return []
    if now - watched.succeeded_at > longest:
        return [Finding(key, Severity.WARNING, moment=watched.succeeded_at)]
    return [Finding(key, None, moment=watched.succeeded_at)] if key in held else []
