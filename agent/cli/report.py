"""Polls what `check` was asked for, and says on stdout what came of it."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from agent.cli.document import document
from agent.cli.outcome import Checked
from agent.cli.sweep import side_by_side
from agent.cli.terminal import show
from agent.config.settings import overridden
from agent.probe.read import Prober
from agent.rules.thresholds import status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from agent.cli.targets import Chosen
    from agent.config.accounts import Account
    from agent.config.settings import AlertSettings
    from agent.model import Poll

Result = TypeVar("Result")

MOST_NAMED = 32  # polls at a time, where mailboxes were named
MOST_SWEPT = 64  # polls at a time, over all servers
SETTLE_SECONDS = 0.5  # for what a poll had to leave behind: it ends at the same time
PATIENCE = 100_000  # messages whose sizes are asked for at once: nothing is kept for a next time


def poll(chosen: Chosen, *, timeout: float | None, ca_file: Path | None) -> list[Checked]:
    """Every account's poll, side by side, in the order asked for; `timeout` bounds each of them."""
    prober = prober_of(chosen, timeout)
    polls = each(chosen, ca_file, prober.poll)
    prober.settle(SETTLE_SECONDS)
    return [_checked(account, one, chosen.alerts) for account, one in polls]


def prober_of(chosen: Chosen, timeout: float | None) -> Prober:
    """What polls mailboxes once, without a memory of earlier polls."""
    seconds = timeout or chosen.agent.timeout.total_seconds()
    return Prober(seconds, patience=PATIENCE, tokens=chosen.store.tokens_folder)


def each(
    chosen: Chosen, ca_file: Path | None, ask: Callable[[Account], Result]
) -> list[tuple[Account, Result]]:
    """Every account with what `ask` says of it, side by side, in the order asked for."""
    trust = {"ca_file": ca_file.absolute()} if ca_file else {}
    accounts = [account.model_copy(update=trust) for account in chosen.accounts]
    order = range(len(accounts))
    results = {}
    with _progress(len(accounts)) as advance:
        for index, one in side_by_side(
            _by_server(accounts) if chosen.sweep else [[index] for index in order],
            lambda index: ask(accounts[index]),
            per_lane=chosen.agent.max_connections,
            at_once=MOST_SWEPT if chosen.sweep else MOST_NAMED,
        ):
            results[index] = one
            advance()
    return [(accounts[index], results[index]) for index in order]


def _checked(account: Account, poll: Poll, alerts: AlertSettings) -> Checked:
    levels = overridden(alerts, account).levels
    return Checked(account, poll, status(poll.outcome, levels))


def _by_server(accounts: Sequence[Account]) -> list[list[int]]:
    """The accounts' places, one lane for each mail server."""

    def server(index: int) -> str:
        return str(accounts[index].server)

    return [list(lane) for _, lane in groupby(sorted(range(len(accounts)), key=server), server)]


def write(checked: Sequence[Checked], *, as_json: bool) -> None:
    """The document or the table on stdout; JSON is ASCII, so that every terminal may show it."""
    if as_json:
        show(json.dumps(document(checked), indent=2))
        return
    from agent.cli import screen, table

    show(table.render(checked, screen.stdout()))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr while polls are under way, on a terminal only; yields its step."""
    if not sys.stderr or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn

    columns = SpinnerColumn(), "polling", MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("polling", total=total)
        yield lambda: progress.advance(task)
