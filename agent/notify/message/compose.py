"""Notifications in, one message out: in plain text, Markdown and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from html import escape
from typing import TYPE_CHECKING, Literal

from agent.model import Severity
from agent.notify.message import inert, markup
from agent.notify.message.local import Local
from agent.notify.message.style import Style
from agent.notify.message.templates import render
from agent.notify.message.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from agent.model import Notification
    from agent.notify.message.markup import Block

Level = Literal["success", "info", "warning", "failure"]
_LEVELS: dict[Severity, Level] = {
    Severity.INFO: "info",
    Severity.WARNING: "warning",
    Severity.CRITICAL: "failure",
}
_ENGLISH = Style()
# Where several are equally bad, those come first that explain the others, or that more depend on.
_RULES = ("agent", "server", "usage", "forecast", "login", "poll", "stale", "uncollected")
# A service without titles puts ours into the text, with line ends and at most `<b></b><br />`.
_AROUND_TITLE = 20
_SHORTEST_ROW = 20  # characters; a table has no more rows than this allows


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one target; `title` is one line of plain text, `level` the colour in chats.

    `text`, `markdown` and `html` say the same, none of them repeats the title.
    """

    title: str
    text: str
    markdown: str
    html: str
    level: Level


@dataclass(frozen=True, slots=True)
class Counts:
    """How many mailboxes and servers a digest tells of, and whether of the agent itself."""

    mailboxes: int
    servers: int
    agent: int

    @classmethod
    def of(cls, subjects: Collection[tuple[str, str]]) -> Counts:
        """Count subjects: account and server, of which at most one is not empty."""
        mailboxes = sum(bool(account) for account, _ in subjects)
        agent = int(("", "") in subjects)
        return cls(mailboxes, len(subjects) - mailboxes - agent, agent)

    @property
    def total(self) -> int:
        """All of them."""
        return self.mailboxes + self.servers + self.agent


def compose(
    notifications: Sequence[Notification], style: Style = _ENGLISH, *, longest: int | None = None
) -> Message:
    """One message for one or more notifications of one target.

    Of several about the same alert only the latest is told: it says all that still holds. Title and
    text, or Markdown, or HTML, have at most `longest` characters together: of many alerts the
    worst are shown and the others counted, of a single one the least important lines are left out.
    """
    local = Local(style.language, style.timezone)
    latest = {one.transition.alert.key: one for one in notifications}
    views = sorted((View(one, local) for one in latest.values()), key=_worst_first)
    if len(views) > 1:
        return _digest(views, style, longest)
    source = render(f"{views[0].rule}.j2", style, alert=views[0])
    return _message(lambda _: source, 0, _level(views), style, longest)


def compose_owner(
    notification: Notification, style: Style = _ENGLISH, contact: str | None = None
) -> Message:
    """The message for the owner of a mailbox, about `usage` or `forecast` of it.

    `contact` is whom to ask, as it is to be printed: a name, an address, a telephone number.
    """
    local = Local(style.language, style.timezone)
    view = View(notification, local)
    asked = inert.name(contact) if contact else ""
    source = render("owner.j2", style, alert=view, contact=asked)
    return _message(lambda _: source, 0, _level([view]), style, None)


def _digest(views: Sequence[View], style: Style, longest: int | None) -> Message:
    counts = _counts(views)

    @cache
    def source(shown: int) -> str:
        return render(
            "digest.j2",
            style,
            alerts=views[:shown],
            more=len(views) - shown,
            **counts,
        )

    most = len(views) if longest is None else min(len(views), longest // _SHORTEST_ROW)
    return _message(source, most, _level(views), style, longest)


def _counts(views: Iterable[View]) -> dict[str, Counts | int]:
    """Who needs attention and who has recovered from all, and how many alerts were closed."""
    views = tuple(views)
    needing = {(view.account, view.server) for view in views if not view.resolved}
    recovered = {(view.account, view.server) for view in views if view.resolved and not view.closed}
    return {
        "needing": Counts.of(needing),
        "recovered": Counts.of(recovered - needing),
        "closed": sum(view.closed for view in views),
    }


def _message(
    source: Callable[[int], str], most: int, level: Level, style: Style, longest: int | None
) -> Message:
    title = markup.parse(source(most))[0]
    room = None if longest is None else max(longest - len(title) - _AROUND_TITLE, 0)
    fit = partial(_fitting, source, most, room)
    return Message(
        title=title,
        text=fit(markup.text, _cut),
        markdown=fit(markup.markdown, _cut),
        html=fit(partial(_html, title=title, level=level, style=style), _cut_html),
        level=level,
    )


def _fitting(
    source: Callable[[int], str],
    most: int,
    room: int | None,
    write: Callable[[tuple[Block, ...]], str],
    cut: Callable[[str, int], str],
) -> str:
    """What `write` makes of as many rows as there is room for; then of fewer blocks; then cut."""

    def written(rows: int) -> str:
        return write(markup.parse(source(rows))[1])

    if room is None or len(whole := written(most)) <= room:
        return written(most) if room is None else whole
    low, high = 0, most  # what has `low` rows fits, or nothing does; what has `high` does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(written(middle)) <= room else (low, middle)
    blocks = markup.parse(source(low))[1]
    while len(write(blocks)) > room and (fewer := markup.without_least(blocks)) != blocks:
        blocks = fewer
    shortest = write(blocks)
    return shortest if len(shortest) <= room else cut(markup.text(blocks), room)


def _html(blocks: tuple[Block, ...], *, title: str, level: Level, style: Style) -> str:
    return render("page.html.j2", style, title=title, blocks=blocks, level=level)


def _cut(text: str, room: int) -> str:
    return f"{text[: room - 1]}…" if room else ""


def _cut_html(text: str, room: int) -> str:
    """As much of the text as fits once it is escaped."""
    while len(shown := escape(text)) > room and text:
        text = text[: len(text) - max(len(shown) - room, 1)]
    return shown[:room]


def _worst_first(view: View) -> tuple[bool, int, int, str, int, str, str]:
    severity = 0 if view.resolved else -view.severity.rank
    kind = _RULES.index(view.rule) if view.rule in _RULES else len(_RULES)
    return (view.resolved, severity, kind, view.rule, -(view.share or 0), view.account, view.server)


def _level(views: Iterable[View]) -> Level:
    firing = [view.severity for view in views if not view.resolved]
    if not firing:
        return "success"
    return _LEVELS[max(firing, key=lambda severity: severity.rank)]
