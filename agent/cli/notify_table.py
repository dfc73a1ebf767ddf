"""What `notify routes` prints: a table for people, a document for programs."""

from __future__ import annotations

import io
import shutil
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime, tzinfo

    from agent.config.settings import Settings
    from agent.notify.prospects import Prospect, Telling

VERSION = 1
_PIPE_WIDTH = 1000  # wide enough that no fact is folded
_COLUMNS = ("Alert", "Severity", "Route", "Told", "When")


def render(found: Iterable[Prospect], settings: Settings, now: datetime) -> str:
    """The table, below the time that it is about; without a last newline."""
    zone = settings.agent.zone
    table = Table(*_COLUMNS, box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    for prospect in found:
        for row in _rows(prospect, settings, now):
            table.add_row(*map(Text, row))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPE_WIDTH
    console = Console(file=io.StringIO(), width=width, color_system=None, markup=False)
    with console.capture() as capture:
        console.print(Text(f"If it began now, {_time(now, zone)} {settings.agent.timezone}:\n"))
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def document(
    account: str, found: Iterable[Prospect], settings: Settings, now: datetime
) -> dict[str, Any]:
    """The same with all times in UTC; `route` and `silence` are counted from 1."""
    return {
        "version": VERSION,
        "account": account,
        "at": now.isoformat(),
        "alerts": [_alert(each, settings) for each in found],
    }


def _rows(prospect: Prospect, settings: Settings, now: datetime) -> Iterator[tuple[str, ...]]:
    first = prospect.rule, prospect.severity.value, str(prospect.route or "-")
    if not prospect.tellings:
        yield (*first, "nobody", "")
    for telling in prospect.tellings:
        yield (*first, _told(telling), _when(prospect, telling, settings, now))


def _told(telling: Telling) -> str:
    """The receiver, and for owners their addresses; never a URL."""
    if telling.addresses is None:
        return printable(telling.receiver)
    to = ", ".join(telling.addresses) or "no address is known"
    second = f", from 95 % on {telling.second}" if telling.second else ""
    return printable(f"{telling.receiver} ({to}{second})")


def _when(prospect: Prospect, telling: Telling, settings: Settings, now: datetime) -> str:
    held = ", ".join(_reasons(prospect, telling, settings))
    at = f"{_time(telling.at, settings.agent.zone)} ({held})" if telling.at > now else "at once"
    return at if telling.send_resolved else f"{at}, but not of its end"


def _reasons(prospect: Prospect, telling: Telling, settings: Settings) -> Iterator[str]:
    if prospect.silence:
        comment = settings.silences[prospect.silence - 1].comment
        yield f"silence {prospect.silence}{f': {comment}' if comment else ''}"
    if telling.quiet:
        yield "quiet hours"


def _time(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M}"


def _alert(prospect: Prospect, settings: Settings) -> dict[str, Any]:
    number = prospect.silence
    return {
        "rule": prospect.rule,
        "severity": prospect.severity.value,
        "route": prospect.route,
        "silence": number,
        "comment": settings.silences[number - 1].comment if number else None,
        "silenced_until": prospect.silenced_until and prospect.silenced_until.isoformat(),
        "told": [_telling(each) for each in prospect.tellings],
    }


def _telling(telling: Telling) -> dict[str, Any]:
    return {
        "receiver": telling.receiver,
        "at": telling.at.isoformat(),
        "quiet_hours": telling.quiet,
        "send_resolved": telling.send_resolved,
        "addresses": telling.addresses,
        "second_address": telling.second,
    }
