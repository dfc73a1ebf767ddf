"""`mailbox-agent reset`: let a rejected login be tried again."""

from typing import Annotated

import typer

from agent.cli.options import ConfigFile, LogFormat, LogLevel


def reset(
    names: Annotated[list[str], typer.Argument(metavar="ACCOUNT", help="Accounts by name.")],
    *,
    config: ConfigFile = None,
) -> int:
    """Let the rejected login of accounts be tried again.

    A login that the server has rejected is tried once more after an hour, and
    then no more until user name or password change. This lifts that, whether
    the agent runs or not.

    \b
      mailbox-agent reset anna
      mailbox-agent reset --config config.toml anna bert

    Exit status: 0 lifted, or nothing to lift, 3 the configuration or the
    command line is wrong, 4 the agent's state cannot be used.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from agent.cli import configuration, lifting, logs
    from agent.cli.terminal import ExitStatus, show

    logs.configure(LogLevel.WARNING, LogFormat.TEXT)
    settings = configuration.read(config)
    for line in lifting.lift(settings, configuration.named(settings, names)):
        show(line)
    return ExitStatus.OK
