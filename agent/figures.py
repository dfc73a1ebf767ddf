"""Figures as people read them; the document and the metrics keep them exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent import text

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from agent.model import Quota

UNKNOWN = "-"


def size(octets: int | None) -> str:
    """Bytes in the largest unit that leaves a figure of at least one: `19.0 KiB`."""
    return UNKNOWN if octets is None else text.size(octets)


def count(things: int | None) -> str:
    """A count with its thousands apart: `12,345`."""
    return UNKNOWN if things is None else f"{things:,}"


def percent(ratio: float) -> str:
    """A share in whole percent, rounded down, since 99.9 % is not yet full."""
    return f"{int(ratio * 100 + 1e-9)} %"  # the addend undoes 0.29 * 100 = 28.999999999999996


def used_of_limit(quota: Quota) -> str:
    """`19.0 KiB of 20.0 KiB`, `20 of 20 messages`."""
    if quota.resource == "storage":
        return f"{size(quota.used)} of {size(quota.limit)}"
    unit = "messages" if quota.resource == "message" else quota.resource
    return f"{count(quota.used)} of {count(quota.limit)} {unit}"


def moment(at: datetime) -> str:
    """A time to the minute, in UTC, as the log has it."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def age(since: timedelta) -> str:
    """How long ago in the largest unit that leaves a figure of at least one: `3m ago`."""
    seconds = max(0, int(since.total_seconds()))  # a clock that was put back makes nothing newer
    for unit, length in {"d": 86400, "h": 3600, "m": 60}.items():
        if seconds >= length:
            return f"{seconds // length}{unit} ago"
    return f"{seconds}s ago"
