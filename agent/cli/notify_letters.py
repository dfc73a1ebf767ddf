"""What `notify list` prints: a table for people, a document for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from agent.cli.terminal import LONGEST_LINE
from agent.figures import UNKNOWN, age
from agent.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from agent.cli.notify_outbox import Entry
    from agent.cli.screen import Screen

VERSION = 1
_FOLDED = {"Receiver", "About", "Alert", "Last error"}  # on a narrow terminal; a reference is not
_COLUMNS = ("Reference", "Receiver", "About", "Alert", "Since", "Tries", "Next try", "Last error")
_NEXT = "mailbox-agent notify retry --all, or mailbox-agent notify drop REFERENCE"


def render(entries: Sequence[Entry], screen: Screen, now: datetime) -> str:
    """The table and how to go on, without a last newline; in a pipe a line for each."""
    if not entries:
        return "Nothing waits, and nothing was given up."
    table = screen.table()
    for name in _COLUMNS:
        table.add_column(name, overflow="fold", no_wrap=name not in _FOLDED)
    for entry in entries:
        table.add_row(*(Text(printable(cell)) for cell in _row(entry, now)))
    dead = sum(entry.letter.dead for entry in entries)
    below = f"{dead} of {len(entries)} given up. Next: {_NEXT}."
    return screen.draw(table, [Text(printable(below, LONGEST_LINE))] if dead else [])


def document(entries: Sequence[Entry], now: datetime) -> dict[str, Any]:
    """The same, all times in UTC; `docs/notify.schema.json` describes it."""
    return {
        "version": VERSION,
        "at": _time(now),
        "notifications": [_notification(entry) for entry in entries],
    }


def _row(entry: Entry, now: datetime) -> list[str]:
    one = entry.letter.notification
    transition = one.transition
    rule, severity = transition.alert.key.rule, transition.alert.severity
    return [
        entry.reference,
        f"{one.receiver}/{one.target}",
        entry.about,
        f"{rule} {severity} ({transition.reason})",
        age(now - transition.at),
        str(one.attempts),
        _next(entry, now),
        entry.letter.error or UNKNOWN,
    ]


def _next(entry: Entry, now: datetime) -> str:
    if entry.letter.dead:
        return "outdated" if entry.outdated else "given up"
    due = entry.letter.notification.due
    return f"in {age(due - now).removesuffix(' ago')}" if due > now else "now"


def _notification(entry: Entry) -> dict[str, Any]:
    one, letter = entry.letter.notification, entry.letter
    transition, alert = one.transition, one.transition.alert
    return {
        "reference": entry.reference,
        "key": one.key,
        "state": "dead" if letter.dead else "waiting",
        "outdated": entry.outdated,
        "receiver": one.receiver,
        "target": one.target,
        "account": alert.key.account,
        "rule": alert.key.rule,
        "root": alert.key.root,
        "resource": alert.key.resource,
        "reason": transition.reason.value if transition.reason else None,
        "severity": alert.severity.value,
        "since": _time(transition.at),
        "attempts": one.attempts,
        "next_attempt_at": None if letter.dead else _time(one.due),
        "last_error": None if letter.error is None else printable(letter.error),
    }


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
