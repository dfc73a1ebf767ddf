"""`mailbox-agent notify list`: what waits to be sent, and what was given up."""

from typing import Annotated

import typer

from agent.cli.options import ConfigFile, LogFormat, LogLevel


def list_(
    receivers: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECEIVER", help="Receivers by name; all of them without any."),
    ] = None,
    *,
    config: ConfigFile = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only what was given up.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Show what waits to be sent, and what was given up.

    Reads what the agent has stored, whether it runs or not; sends nothing and
    changes nothing. What is outdated tells of an alert that has ended or begun
    anew since: retry leaves it alone, drop forgets it.

    \b
      mailbox-agent notify list
      mailbox-agent notify list --dead --json ops

    Exit status: 0 shown, 3 the configuration or the command line is wrong,
    4 the agent's state cannot be used.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    import json
    from datetime import UTC, datetime

    from agent.cli import configuration, logs, screen
    from agent.cli.notify_letters import document, render
    from agent.cli.notify_outbox import look
    from agent.cli.terminal import ExitStatus, show

    logs.configure(LogLevel.WARNING, LogFormat.TEXT)
    entries = look(configuration.read(config), receivers or ())
    shown, now = [each for each in entries if each.letter.dead or not dead], datetime.now(UTC)
    if as_json:
        show(json.dumps(document(shown, now), indent=2))
    else:
        show(render(shown, screen.stdout(), now))
    return ExitStatus.OK
