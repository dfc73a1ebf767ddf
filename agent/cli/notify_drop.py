"""`mailbox-agent notify drop`: forget notifications."""

from typing import Annotated

import typer

from agent.cli.options import ConfigFile, LogFormat, LogLevel


def drop(  # noqa: PLR0913 - one parameter an option
    references: Annotated[
        list[str] | None,
        typer.Argument(metavar="REFERENCE", help="As list shows them; a beginning is enough."),
    ] = None,
    *,
    config: ConfigFile = None,
    everything: Annotated[
        bool, typer.Option("--all", help="With --dead: all that was given up.")
    ] = False,
    dead: Annotated[bool, typer.Option("--dead", help="Only what was given up.")] = False,
    receivers: Annotated[
        list[str] | None,
        typer.Option("--receiver", metavar="RECEIVER", help="Only of this receiver; repeatable."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> int:
    """Forget notifications; nobody will be told of them.

    Those that still wait are dropped by their references only. Asks before it
    does; without a terminal, --yes is needed.

    \b
      mailbox-agent notify drop 3f0c9a
      mailbox-agent notify drop --all --dead --yes

    Prints a line for each. Exit status: 0, 3 the configuration or the command
    line is wrong, no such notification, or the answer was no, 4 the agent's
    state cannot be used.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from agent.cli import configuration, logs, notify_outbox
    from agent.cli.terminal import CommandError, ExitStatus, confirm, show

    logs.configure(LogLevel.WARNING, LogFormat.TEXT)
    if everything and not dead:
        raise CommandError("--all needs --dead: what still waits is dropped by its reference only")
    asked = notify_outbox.asked(references, everything, receivers)
    settings = configuration.read(config)
    entries = notify_outbox.look(settings, asked.receivers)
    chosen = notify_outbox.chosen(entries, asked, dead=dead)
    if chosen and not yes:
        confirm([each.label for each in chosen], f"Drop {len(chosen)} for good?")
    for line in notify_outbox.drop(settings, chosen):
        show(line)
    return ExitStatus.OK
