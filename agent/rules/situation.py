"""What of a reading helps to understand an alert, beside the figures that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model import Outlook, Reading, Situation
from agent.rules.forecast import forecast, growth

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from agent.model import Outcome
    from agent.rules.forecast import Samples

LARGEST = 5  # folders


def outlooks(
    reading: Reading, samples: Mapping[tuple[str, str], Samples], now: datetime
) -> dict[tuple[str, str], Outlook]:
    """The outlook of each limited quota of which one is known, by its root and resource."""
    found = {}
    for quota in reading.quotas:
        past = samples.get((quota.root, quota.resource), ())
        if quota.limit is not None and past:
            ahead = forecast(past, quota.used, quota.limit, now)
            pace = growth(past, now)
            if ahead or pace is not None:
                full_at = ahead.full_at if ahead else None
                found[quota.root, quota.resource] = Outlook(pace, full_at)
    return found


def situation(outcome: Outcome, outlook: Outlook | None) -> Situation | None:
    """The reading's largest folders, what could be freed, and how the quota of the alert grows.

    None where nothing was read.
    """
    if not isinstance(outcome, Reading):
        return None
    sized = [(each.name, each.size_bytes) for each in outcome.folders if each.size_bytes]
    largest = sorted(sized, key=lambda each: each[1], reverse=True)[:LARGEST]
    return Situation(
        growth=round(outlook.growth) if outlook and outlook.growth is not None else None,
        full_at=outlook.full_at if outlook else None,
        reclaimable=outcome.reclaimable,
        largest=tuple(largest),
    )
