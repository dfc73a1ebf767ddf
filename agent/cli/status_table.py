"""The table that `status` prints for people: a row a mailbox, then a line for each trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from agent.cli.notes import notes
from agent.cli.table import usage
from agent.cli.terminal import LONGEST_LINE
from agent.figures import UNKNOWN, age, size
from agent.standing import State
from agent.text import printable

if TYPE_CHECKING:
    from datetime import datetime

    from rich.table import Table

    from agent.cli.screen import Screen
    from agent.standing import Standing, Survey

_COLOURS = {
    State.QUARANTINED: "magenta",
    State.FAILING: "magenta",
    State.NEVER_POLLED: "cyan",
    State.STALE: "cyan",
    State.CRITICAL: "red",
    State.WARNING: "yellow",
    State.INFO: "cyan",
    State.OK: "green",
}


def render(survey: Survey, screen: Screen) -> str:
    """The table and the troubles below it, without a last newline.

    In a pipe every mailbox and every trouble keeps to one line. A state is always a word, which
    colour only repeats.
    """
    lines = (Text(printable(line, LONGEST_LINE)) for line in notes(survey))
    return screen.draw(_table(survey, screen), list(lines))


def _table(survey: Survey, screen: Screen) -> Table:
    table = screen.table()
    table.add_column("Mailbox", overflow="fold")
    table.add_column("State", no_wrap=True)
    table.add_column("Usage", no_wrap=True, justify="right")
    table.add_column("Used of limit", no_wrap=True, justify="right")
    table.add_column("Size", no_wrap=True, justify="right")
    table.add_column("Last read", no_wrap=True, justify="right")
    for one in survey.standings:
        table.add_row(*_row(one, survey.at, bars=screen.bars))
    return table


def _row(one: Standing, now: datetime, *, bars: bool) -> list[Text]:
    known = one.known
    word = Text(one.state.value.replace("_", " "), style=_COLOURS[one.state])
    tightest = known.reading.tightest if known.reading else None
    share = usage(tightest, bars=bars) if tightest else [Text(UNKNOWN), Text(UNKNOWN)]
    last = age(now - known.succeeded_at) if known.succeeded_at else "never"
    return [
        Text(printable(one.account.name)),
        word,
        *share,
        Text(size(known.reading.size_bytes if known.reading else None)),
        Text(last),
    ]
