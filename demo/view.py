"""What the terminal shows: a line for each thing that happens, and under them the mailboxes now."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.agent import State
from demo.sink import Kind, Notice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from demo.mailboxes import Role

_STYLES = {Kind.WARNING: "yellow", Kind.ESCALATION: "bold red", Kind.RECOVERY: "green"}
_BAR = 20  # cells
_WARNING, _CRITICAL = 0.80, 0.95  # the agent's default levels
_MIB = 1024 * 1024


class View:
    """A context manager; the table moves on a terminal only, and is printed once elsewhere."""

    def __init__(self, roles: Sequence[Role], url: str) -> None:
        self._roles = roles
        self._url = url
        self._console = Console(highlight=False, markup=False, width=self._width())
        self._live = Live(console=self._console, auto_refresh=False)
        self._begun = time.monotonic()

    @staticmethod
    def _width() -> int:
        return min(Console().width, 100)

    def __enter__(self) -> Self:
        self._console.print(_welcome(self._url))
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def happened(self, mailbox: str, what: str) -> None:
        """Tell what a mail server or an owner did to a mailbox."""
        self._line("      ", Text(f"{mailbox} {what}", style="dim"))

    def told(self, notice: Notice) -> None:
        """Show a notification as it arrived: its title, and its first figures."""
        figures, *_ = notice.message.strip().split(",")
        style = _STYLES[notice.kind]
        self._line("→ ops ", Text.assemble((notice.title, style), "  ", (figures, "dim")))

    def show(self, states: Mapping[str, State]) -> None:
        """Draw the mailboxes as the agent exports them now."""
        table = Table.grid(padding=(0, 2))
        for role in self._roles:
            state = states.get(role.name, State())
            table.add_row(role.name, _bar(state), _number(state), Text(role.about, style="dim"))
        self._live.update(Group("", table, ""), refresh=True)

    def say(self, text: str) -> None:
        """Print one plain line."""
        self._console.print(text)

    def _line(self, mark: str, text: Text) -> None:
        second = f"{time.monotonic() - self._begun:4.0f} s  "
        self._console.print(Text.assemble((second, "dim"), (mark, "bold"), text), soft_wrap=True)


def _welcome(url: str) -> Panel:
    text = Text.assemble(
        "Six mailboxes on a private mail server, each polled every two seconds.\n",
        "Warning from 80 %, critical from 95 %. What ops is told shows as → ops.\n",
        "\nMetrics  ", (f"{url}metrics", "bold"), "\nPage     ", (url, "bold"),
        "\nStop     ", ("Ctrl-C", "bold"), ", which leaves nothing behind",
    )  # fmt: skip
    return Panel(text, title="mailbox-agent demo", title_align="left", border_style="dim")


def _bar(state: State) -> Text:
    if state.usage is None:
        return Text("·" * _BAR, style="dim")
    full = min(_BAR, round(state.usage * _BAR))
    return Text("█" * full + "░" * (_BAR - full), style=_colour(state.usage))


def _colour(usage: float) -> str:
    if usage >= _CRITICAL:
        return "red"
    return "yellow" if usage >= _WARNING else "green"


def _number(state: State) -> Text:
    if state.succeeded is None:
        return Text("    …", style="dim")
    if not state.succeeded:
        return Text("poll failed", style="red")
    if state.usage is not None:
        return Text(f"{math.floor(state.usage * 100):4} %")  # down, as the agent does
    return Text(f"{(state.size or 0) / _MIB:5.1f} MiB")
