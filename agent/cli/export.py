"""`mailbox-agent export`: the stored history as CSV."""

from typing import Annotated

import typer

from agent.cli.options import ConfigFile, LogFormat, LogLevel

LONGEST_DAYS = 366


def export(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="ACCOUNT", help="Accounts by name; all of them without any."),
    ] = None,
    *,
    config: ConfigFile = None,
    days: Annotated[
        int,
        typer.Option(min=1, max=LONGEST_DAYS, help="How many days to go back."),
    ] = LONGEST_DAYS,
) -> int:
    """Write the stored history of mailboxes as CSV, oldest first.

    One row for each hour of the last 14 days and for each day of a year before
    that: account, series (size, messages, quota), root, resource, time (UTC, when
    the hour begins), used, limit. Sizes are bytes; no limit is empty.

    \b
      mailbox-agent export > history.csv
      mailbox-agent export --days 30 anna

    Exit status: 0, 3 the configuration or the command line is wrong, 4 the
    agent's state cannot be used.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from agent.cli import configuration, exporting, logs
    from agent.cli.terminal import ExitStatus

    logs.configure(LogLevel.WARNING, LogFormat.TEXT)
    settings = configuration.read(config)
    exporting.write(settings, configuration.named(settings, names or ()), days)
    return ExitStatus.OK
