"""Examines what `doctor` was asked for, and says on stdout what came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent.cli.diagnosis import State, diagnose
from agent.cli.report import SETTLE_SECONDS, each, prober_of
from agent.cli.terminal import LONGEST_LINE, show
from agent.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from agent.cli.diagnosis import Diagnosis, Step
    from agent.cli.screen import Screen
    from agent.cli.targets import Chosen

VERSION = 1
_MARKS = {State.OK: "✓ ok", State.NOTE: "· note", State.FAILED: "✗ failed"}
_COLOURS = {State.OK: "green", State.NOTE: "cyan", State.FAILED: "red"}


def examine(chosen: Chosen, *, timeout: float | None, ca_file: Path | None) -> list[Diagnosis]:
    """Every account's diagnosis, in the order asked for; `timeout` bounds each of them."""
    prober = prober_of(chosen, timeout)
    found = each(chosen, ca_file, prober.examine)
    prober.settle(SETTLE_SECONDS)
    return [diagnose(account, poll, trail) for account, (poll, trail) in found]


def write(found: Sequence[Diagnosis], *, as_json: bool) -> None:
    """The document, or the steps one below the other; JSON is ASCII for every terminal."""
    if as_json:
        show(json.dumps(document(found), indent=2))
        return
    from agent.cli import screen

    paper = screen.stdout()
    show("\n\n".join(_drawn(one, paper) for one in found))


def document(found: Sequence[Diagnosis]) -> dict[str, Any]:
    """All mailboxes in the order asked for; `docs/doctor.schema.json` describes it."""
    return {"version": VERSION, "mailboxes": [_mailbox(one) for one in found]}


def _mailbox(one: Diagnosis) -> dict[str, Any]:
    return {
        "account": one.account.name,
        "protocol": one.account.protocol,
        "server": str(one.account.server),
        "readable": not one.failed,
        "steps": [_step(step) for step in one.steps],
        "next_step": one.next_step,
        "measured": list(one.measured),
        "not_measured": list(one.not_measured),
        "capabilities": list(one.capabilities),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "step": step.title,
        "state": step.state.value,
        "detail": step.detail,
        "duration_seconds": None if step.seconds is None else round(step.seconds, 4),
    }


def _drawn(one: Diagnosis, paper: Screen) -> str:
    from rich.text import Text

    table = paper.table()
    table.add_column("Step", no_wrap=True)
    table.add_column("Result", no_wrap=True)
    table.add_column("Time", no_wrap=True, justify="right")
    table.add_column("What was seen", overflow="fold")
    for step in one.steps:
        mark = _MARKS[step.state] if paper.unicode else step.state.value
        took = "" if step.seconds is None else f"{step.seconds * 1000:.0f} ms"
        row = Text(step.title), Text(mark, style=_COLOURS[step.state]), Text(took)
        table.add_row(*row, Text(step.detail))
    name = printable(one.account.name, LONGEST_LINE)
    return f"{name}\n\n" + paper.draw(
        table, [Text(printable(line, LONGEST_LINE)) for line in _below(one)]
    )


def _below(one: Diagnosis) -> Iterator[str]:
    if one.measured:
        yield f"Measured: {', '.join(one.measured)}."
    if one.not_measured:
        yield f"Not measured: {', '.join(one.not_measured)}."
    if one.next_step:
        yield f"Next: {one.next_step}."
