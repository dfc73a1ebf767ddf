"""`mailbox-agent notify retry`: let notifications that were given up be sent again."""

from typing import Annotated

import typer

from agent.cli.options import ConfigFile, LogFormat, LogLevel


def retry(
    references: Annotated[
        list[str] | None,
        typer.Argument(metavar="REFERENCE", help="As list shows them; a beginning is enough."),
    ] = None,
    *,
    config: ConfigFile = None,
    everything: Annotated[bool, typer.Option("--all", help="All that was given up.")] = False,
    receivers: Annotated[
        list[str] | None,
        typer.Option("--receiver", metavar="RECEIVER", help="Only of this receiver; repeatable."),
    ] = None,
) -> int:
    """Let notifications that were given up be sent again.

    A running agent sends them within seconds, another one when it starts, and
    tries as often as it does with a new one. The reference stays the same. What
    is outdated is left as it is, since it would tell of what is true no more.

    \b
      mailbox-agent notify retry 3f0c9a
      mailbox-agent notify retry --all --receiver ops

    Prints a line for each. Exit status: 0, 3 the configuration or the command
    line is wrong, or no such notification, 4 the agent's state cannot be used.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from agent.cli import configuration, logs, notify_outbox
    from agent.cli.terminal import ExitStatus, show

    logs.configure(LogLevel.WARNING, LogFormat.TEXT)
    asked = notify_outbox.asked(references, everything, receivers)
    for line in notify_outbox.retry(configuration.read(config), asked):
        show(line)
    return ExitStatus.OK
