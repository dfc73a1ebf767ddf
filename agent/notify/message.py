"""What to say: notifications become one plain text that reads well in a chat and in a mail.

Figures are rounded down, so that 94.6 % never reads 95 and nothing below its limit reads 100.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from agent.model import Reason, Severity
from agent.text import size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from jinja2 import Environment

    from agent.model import Finding, Notification

REFERENCE_LENGTH = 12  # hexadecimal digits of the idempotency key; enough to tell repeats by
PERCENT = 100
# What servers call the one quota root of a mailbox: naming it would tell nobody anything.
_PLAIN_ROOTS = {"", "default", "inbox", "mailbox", "quota", "root", "storage", "user", "user quota"}

_NAME, _SENTENCE = " .-/", " .-,;:()"  # what stays of a server's text, beside letters and digits

Level = Literal["success", "info", "warning", "failure"]
_LEVELS: dict[Severity, Level] = {
    Severity.INFO: "info",
    Severity.WARNING: "warning",
    Severity.CRITICAL: "failure",
}
_WORDS = {
    Reason.FIRST: "new",
    Reason.WORSE: "worse",
    Reason.REMINDER: "reminder",
    Reason.RESOLVED: "recovered",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One text for one target; `level` is how chats colour it."""

    title: str
    body: str
    level: Level


@dataclass(frozen=True, slots=True)
class Item:
    """What the templates may show of one notification, ready to be printed."""

    account: str
    rule: str
    reason: Reason | None
    word: str
    severity: Severity
    percent: int | None
    figures: str
    moment: str
    over: bool
    about: str
    root: str
    since: str
    lasted: str
    reference: str

    @property
    def resolved(self) -> bool:
        """Whether this tells the end of an alert."""
        return self.reason is Reason.RESOLVED

    @property
    def status(self) -> str:
        """The severity, or that it is over."""
        return "recovered" if self.resolved else self.severity


def compose(notifications: Sequence[Notification]) -> Message:
    """One message for one or more notifications of one target.

    Of several about the same alert only the latest is told: it says all that still holds.
    """
    latest = {one.transition.alert.key: one for one in notifications}
    items = sorted(map(_item, latest.values()), key=_worst_first)
    template = "mailbox" if len(items) == 1 else "digest"
    return Message(
        title=_render(f"{template}_title", items),
        body=_render(f"{template}_body", items),
        level=_level(items),
    )


def _render(template: str, items: Sequence[Item]) -> str:
    attention = {item.account for item in items if not item.resolved}
    recovered = {item.account for item in items} - attention
    text = _templates().get_template(f"{template}.j2")
    return text.render(
        item=items[0], items=items, attention=len(attention), recovered=len(recovered)
    ).strip()


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("agent.notify"),
        autoescape=False,  # noqa: S701  plain text; each sink escapes for its own markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _item(notification: Notification) -> Item:
    transition = notification.transition
    alert, finding = transition.alert, transition.finding
    return Item(
        account=alert.key.account,
        rule=alert.key.rule,
        reason=transition.reason,
        word=_WORDS[transition.reason] if transition.reason else "",
        severity=alert.severity,
        percent=_percent(finding),
        figures=_figures(finding) or _plain(finding.detail, _SENTENCE),
        moment=moment(finding.moment) if finding.moment else "",
        over=finding.limit is not None and (finding.used or 0) >= finding.limit,
        about="" if alert.key.resource == "storage" else _noun(alert.key.resource),
        root=_root(alert.key.root, alert.key.account),
        since=moment(alert.since),
        lasted=span(transition.at - alert.since),
        reference=notification.key[:REFERENCE_LENGTH],
    )


def _worst_first(item: Item) -> tuple[bool, int, int, str]:
    return (item.resolved, -item.severity.rank, -(item.percent or 0), item.account)


def _level(items: Iterable[Item]) -> Level:
    firing = [item.severity for item in items if not item.resolved]
    if not firing:
        return "success"
    return _LEVELS[max(firing, key=lambda severity: severity.rank)]


def percent(used: int, limit: int) -> int:
    """Used share in whole percent, rounded down; a limit of 0 is full by definition."""
    return used * PERCENT // limit if limit else PERCENT


def _percent(finding: Finding) -> int | None:
    if finding.used is None or finding.limit is None:
        return None
    return percent(finding.used, finding.limit)


def _figures(finding: Finding) -> str:
    """Used, limit and free; empty where there are none: an alert ends when its limit is gone."""
    if finding.used is None or finding.limit is None:
        return ""
    used, limit, rest = finding.used, finding.limit, abs(finding.limit - finding.used)
    if finding.key.resource == "storage":
        of, left = f"{size(used)} of {size(limit)}", size(rest)
    else:
        of, left = f"{used} of {limit} {_noun(finding.key.resource)}", str(rest)
    return f"{of}, {left} {'over the limit' if used > limit else 'free'}"


def _noun(resource: str) -> str:
    return "messages" if resource == "message" else _plain(resource)


def _root(root: str, account: str) -> str:
    last = root.rpartition("/")[2].rpartition(".")[2]
    names = {root.casefold(), last.casefold()}
    return "" if names & (_PLAIN_ROOTS | {account.casefold()}) else _plain(root)


def _plain(text: str, marks: str = _NAME) -> str:
    """A server's text without what chats take for markup, mentions or links."""
    return "".join(char if char.isalnum() or char in marks else "?" for char in text)


def moment(at: datetime) -> str:
    """A UTC time to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def span(lasted: timedelta) -> str:
    """A duration in its two largest units, rounded down: `3 h 5 min`."""
    minutes = max(int(lasted.total_seconds()), 0) // 60
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min"
