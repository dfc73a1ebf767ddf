"""What stdout can show, and how a table with the lines below it is drawn for it."""

from __future__ import annotations

import io
import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from rich.text import Text

_PIPE_WIDTH = 1000  # wide enough that no fact is folded
_ROOM_FOR_BARS = 100


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal of some width, or a pipe (`width` None), in which every line stays whole.

    Without `unicode` lines and bars are left out.
    """

    width: int | None
    colour: bool = False
    unicode: bool = True

    @property
    def bars(self) -> bool:
        """Whether there is room for bars, and letters to draw them with."""
        return self.unicode and (self.width or _PIPE_WIDTH) >= _ROOM_FOR_BARS

    def table(self) -> Table:
        """A table without columns yet, framed as little as reads well."""
        from rich import box
        from rich.table import Table

        style = box.SIMPLE_HEAD if self.unicode else None
        return Table(box=style, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))

    def draw(self, table: Table, below: Sequence[Text]) -> str:
        """The table and, an empty line apart, what is to be said below; no last newline."""
        from rich.console import Console

        console = Console(
            file=io.StringIO(),
            width=self.width or _PIPE_WIDTH,
            color_system="standard" if self.colour else None,
            force_terminal=self.colour,
            no_color=not self.colour,
            markup=False,
            highlight=False,
            emoji=False,
        )
        with console.capture() as capture:
            console.print(table)
            if below:
                console.print()
            for text in below:
                console.print(text, soft_wrap=self.width is None)
        return "\n".join(line.rstrip() for line in capture.get().splitlines())


def stdout() -> Screen:
    """What this process writes to."""
    terminal = sys.stdout.isatty()
    return Screen(
        width=shutil.get_terminal_size().columns if terminal else None,
        colour=terminal and not os.environ.get("NO_COLOR"),
        unicode=(sys.stdout.encoding or "").lower().startswith("utf"),
    )
