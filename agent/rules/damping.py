"""Alerts that come and go: the more often one has begun lately, the longer all must be well.

The first end is told at once. Of an alert that begins again within a day, the end is told when it
has lasted; and so is an outage within an alert whose end was not told yet, so that none is lost.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from agent.model import Flapping

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from datetime import datetime

    from agent.model import Alert, AlertKey, Finding

DAMPED = frozenset({"poll", "server", "agent", "login", "stale", "limit", "certificate"})
LATELY = timedelta(days=1)
FIRST_CALM = 4  # polls; twice as long with each further episode
LONGEST_CALM = timedelta(hours=4)


def calm(episodes: int, interval: timedelta) -> timedelta:
    """How long all must be well before the end is told; `interval` is that of the polls."""
    if episodes <= 1:
        return timedelta()
    return min(FIRST_CALM * interval * (1 << min(episodes - 2, 16)), LONGEST_CALM)


def after(
    known: Flapping | None, alert: Alert | None, finding: Finding, now: datetime
) -> Flapping | None:
    """Return how an alert comes and goes after one more finding; None where it never began."""
    well = finding.severity is None
    if alert is None:
        return known if well else _begins(known, now)
    before = known or Flapping(1, well=False, since=alert.since)
    return before if before.well is well else replace(before, well=well, since=now)


def ends(flapping: Flapping, finding: Finding, now: datetime, interval: timedelta) -> bool:
    """Whether an end is told; one without a moment is that of the rule itself."""
    return finding.moment is None or _has_lasted(flapping, now, interval)


def is_again(flapping: Flapping, alert: Alert, now: datetime, interval: timedelta) -> bool:
    """Whether an outage is told once more: it began after the last one was told, and lasts."""
    return alert.told_at < flapping.since and _has_lasted(flapping, now, interval)


def over(
    known: Mapping[AlertKey, Flapping], firing: Container[AlertKey], now: datetime
) -> list[AlertKey]:
    """Return what need not be known any more."""
    return [key for key, each in known.items() if key not in firing and now - each.since >= LATELY]


def _begins(known: Flapping | None, now: datetime) -> Flapping:
    lately = known is not None and now - known.since < LATELY
    return Flapping(known.episodes + 1 if known and lately else 1, well=False, since=now)


def _has_lasted(flapping: Flapping, now: datetime, interval: timedelta) -> bool:
    return now - flapping.since >= calm(flapping.episodes, interval)
