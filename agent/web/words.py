"""The words of the pages for what the agent knows by names of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.figures import UNKNOWN, count, percent, size
from agent.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from agent.model import Alert
    from agent.web.shown import Row

_RULES = {
    "usage": "nearly full",
    "forecast": "full soon",
    "unread": "much unread mail",
    "uncollected": "mail not collected",
    "poll": "polls fail",
    "login": "login rejected",
    "stale": "figures too old",
    "limit": "no limit known",
    "certificate": "certificate ends",
    "server": "server does not answer",
    "agent": "no server answers: the agent's own connection",
}
_DAYS_IN_HOURS = 2  # below as many, people count in hours
DAYS_IN_MONTHS = 60  # from as many on, in months
_REASONS = {
    Reason.FIRST: "began",
    Reason.WORSE: "got worse",
    Reason.REMINDER: "reminder",
    Reason.RESOLVED: "ended",
}


def words(name: str) -> str:
    """A name of ours as words: `never polled`."""
    return name.replace("_", " ")


def rule(name: str) -> str:
    """What an alert of the rule says."""
    return _RULES.get(name, words(name))


def reason(why: Reason) -> str:
    """What happened to the alert that a notification tells of."""
    return _REASONS[why]


def amount(value: int | None, resource: str) -> str:
    """Bytes or a count, whichever the resource is measured in."""
    return size(value) if resource == "storage" else count(value)


def ahead(left: timedelta) -> str:
    """How long until then, no more exact than a forecast is: `in 6 days`."""
    hours = int(left.total_seconds()) // 3600
    days = hours // 24
    if days >= DAYS_IN_MONTHS:
        return f"in {days // 30} months"
    if days >= _DAYS_IN_HOURS:
        return f"in {days} days"
    return f"in {hours} hours" if hours > 1 else "within two hours"


def growth(a_day: float, resource: str) -> str:
    """The change in a day, with its sign."""
    rounded = round(a_day)
    if not rounded:
        return "none"
    return f"{'+' if rounded > 0 else '−'}{amount(abs(rounded), resource)}"  # noqa: RUF001 - a minus


def listed(names: Iterable[str]) -> str:
    """Several names in one phrase: `a, b and c`."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def worst_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Alerts by severity, and by name among equals."""
    return sorted(alerts, key=lambda each: (-each.severity.rank, each.key.rule, each.key.root))


def trend(row: Row) -> str:
    """What the small line shows, for those who do not see it."""
    if not row.points or row.reading is None:
        return UNKNOWN
    first, last = row.points[0], row.points[-1]
    if row.tightest is None:
        return f"from {size(first.used)} to {size(last.used)}"
    if first.limit and last.limit:
        shares = percent(first.used / first.limit), percent(last.used / last.limit)
        return f"from {shares[0]} to {shares[1]} of the limit"
    resource = row.tightest.resource
    return f"from {amount(first.used, resource)} to {amount(last.used, resource)}"
