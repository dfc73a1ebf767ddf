"""A reading as JSON and back: its figures, without its folders."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

from agent.model import Quota, QuotaState, Reading


def dump(reading: Reading) -> str:
    """Return the figures as one line of JSON."""
    return json.dumps(
        {
            "quota_state": reading.quota_state.value,
            "quotas": [asdict(quota) for quota in reading.quotas],
            "size_bytes": reading.size_bytes,
            "messages": reading.messages,
            "unread": reading.unread,
            "reclaimable": reading.reclaimable,
            "uncollected": reading.uncollected,
            "oldest_uncollected": reading.oldest_uncollected,
            "partial": reading.partial,
        },
        default=datetime.isoformat,
        ensure_ascii=False,
    )


def parse(text: str) -> Reading:
    """Return the reading that `dump` was given, but for its folders.

    Raises ValueError, KeyError or TypeError for anything else.
    """
    facts = json.loads(text)
    reclaimable, oldest = facts["reclaimable"], facts["oldest_uncollected"]
    return Reading(
        quota_state=QuotaState(facts["quota_state"]),
        quotas=tuple(Quota(**quota) for quota in facts["quotas"]),
        size_bytes=facts["size_bytes"],
        messages=facts["messages"],
        unread=facts["unread"],
        reclaimable=None if reclaimable is None else tuple((n, size) for n, size in reclaimable),
        uncollected=facts["uncollected"],
        oldest_uncollected=datetime.fromisoformat(oldest) if oldest else None,
        partial=facts["partial"],
    )
