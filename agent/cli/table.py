"""The table that `check` prints for people: a row a mailbox, then a line for each problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from agent.cli.hints import problem
from agent.cli.terminal import LONGEST_LINE
from agent.figures import UNKNOWN, count, percent, size, used_of_limit
from agent.model import Failure, Reading, Status
from agent.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from agent.cli.outcome import Checked
    from agent.cli.screen import Screen
    from agent.model import Quota

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


def render(checked: Sequence[Checked], screen: Screen) -> str:
    """The table and the problems below it, without a last newline.

    In a pipe every mailbox and every problem keeps to one line. A status is always a word, which
    colour only repeats.
    """
    return screen.draw(_table(checked, screen), list(filter(None, map(_problem, checked))))


def _table(checked: Sequence[Checked], screen: Screen) -> Table:
    table = screen.table()
    table.add_column("Mailbox", overflow="fold")
    table.add_column("Status", no_wrap=True)
    table.add_column("Usage", no_wrap=True, justify="right")
    table.add_column("Used of limit", no_wrap=True, justify="right")
    table.add_column("Messages", no_wrap=True, justify="right")
    table.add_column("Unread", no_wrap=True, justify="right")
    table.add_column("Freeable", no_wrap=True, justify="right")
    for one in checked:
        for row in _rows(one, bars=screen.bars):
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
                yield [Text(f"  {printable(quota.root)}"), Text(), *usage(quota, bars=bars)]


def _figures(reading: Reading, *, bars: bool) -> list[Text]:
    tightest = reading.tightest
    share = (
        usage(tightest, bars=bars) if tightest else [Text(UNKNOWN), Text(size(reading.size_bytes))]
    )
    counts = count(reading.messages), count(reading.unread), size(reading.reclaimable_bytes)
    return [*share, *map(Text, counts)]


def usage(quota: Quota, *, bars: bool) -> list[Text]:
    """The cells of a limited quota: its share, and what is used of what."""
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
