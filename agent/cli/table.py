"""The table that `check` prints for people: a row a mailbox, then a line for each problem."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.cli.figures import UNKNOWN, count, percent, size, used_of_limit
from agent.cli.hints import problem
from agent.cli.terminal import LONGEST_LINE
from agent.model import Failure, Reading, Status
from agent.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.cli.outcome import Checked
    from agent.model import Quota

_PIPE_WIDTH = 1000  # wide enough that no fact is folded
_ROOM_FOR_BARS = 100
_BAR = 10
_EIGHTHS = " ▏▎▍▌▋▊▉"
_COLOURS = {
    Status.OK: "green",
    Status.WARNING: "yellow",
    Status.CRITICAL: "red",
    Status.FULL: "bold red",
    Status.UNLIMITED: "green",
    Status.NO_LIMIT: "cyan",
    Status.FAILED: "magenta",
}


def render(
    checked: Sequence[Checked], *, width: int | None, colour: bool = False, unicode: bool = True
) -> str:
    """The table and the problems below it, without a last newline.

    `width` None is a pipe: every mailbox and every problem keeps to one line. A status is always
    a word, which colour only repeats. Without `unicode` lines and bars are left out.
    """
    console = Console(
        file=io.StringIO(),
        width=width or _PIPE_WIDTH,
        color_system="standard" if colour else None,
        force_terminal=colour,
        no_color=not colour,
        markup=False,
        highlight=False,
        emoji=False,
    )
    bars = unicode and (width or _PIPE_WIDTH) >= _ROOM_FOR_BARS
    with console.capture() as capture:
        console.print(_table(checked, bars=bars, lines=unicode))
        problems = list(filter(None, map(_problem, checked)))
        for text in [Text(), *problems] if problems else []:
            console.print(text, soft_wrap=width is None)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _table(checked: Sequence[Checked], *, bars: bool, lines: bool) -> Table:
    style = box.SIMPLE_HEAD if lines else None
    table = Table(box=style, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Mailbox", overflow="fold")
    table.add_column("Status", no_wrap=True)
    table.add_column("Usage", no_wrap=True, justify="right")
    table.add_column("Used of limit", no_wrap=True, justify="right")
    table.add_column("Messages", no_wrap=True, justify="right")
    table.add_column("Unread", no_wrap=True, justify="right")
    table.add_column("Freeable", no_wrap=True, justify="right")
    for one in checked:
        for row in _rows(one, bars=bars):
            table.add_row(*row)
    return table


def _rows(checked: Checked, *, bars: bool) -> Iterator[list[Text]]:
    """One row, and one more for each further quota that has a limit."""
    name = Text(printable(checked.account.name))
    word = Text(checked.status.value.replace("_", " "), style=_COLOURS[checked.status])
    match checked.poll.outcome:
        case Failure(kind=kind):
            yield [name, word, Text(kind.value)]
        case Reading() as reading:
            yield [name, word, *_figures(reading, bars=bars)]
            for quota in _further(reading):
                yield [Text(f"  {printable(quota.root)}"), Text(), *_usage(quota, bars=bars)]


def _figures(reading: Reading, *, bars: bool) -> list[Text]:
    tightest = reading.tightest
    usage = (
        _usage(tightest, bars=bars) if tightest else [Text(UNKNOWN), Text(size(reading.size_bytes))]
    )
    counts = count(reading.messages), count(reading.unread), size(reading.reclaimable_bytes)
    return [*usage, *map(Text, counts)]


def _usage(quota: Quota, *, bars: bool) -> list[Text]:
    ratio = quota.ratio or 0.0
    share = f"{_bar(ratio)} {percent(ratio):>5}" if bars else percent(ratio)
    return [Text(share), Text(printable(used_of_limit(quota)))]


def _bar(ratio: float) -> str:
    """The share in eighths of a character between two walls; more than full is drawn as full."""
    eighths = int(min(max(ratio, 0.0), 1.0) * _BAR * 8)
    bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
    return f"▕{bar:<{_BAR}}▏"


def _further(reading: Reading) -> list[Quota]:
    tightest = reading.tightest
    return [quota for quota in reading.quotas if quota.limit is not None and quota is not tightest]


def _problem(checked: Checked) -> Text | None:
    line = problem(checked.account, checked.poll.outcome)
    return Text(printable(f"{checked.account.name}: {line}", LONGEST_LINE)) if line else None
