"""`mailbox-agent status`: what the agent knows of each mailbox, without asking a server."""

from typing import Annotated

import typer

from agent.cli.options import ConfigFile, LogFormat, LogLevel


def status(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Accounts by name; all of them without any."),
    ] = None,
    *,
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Show how each mailbox stands by the agent's last polls.

    Reads what the agent has stored, whether it runs or not; polls nothing and
    changes nothing. See check for a poll now.

    \b
      mailbox-agent status
      mailbox-agent status --config config.toml --json anna

    Exit status: 0 shown, however the mailboxes are, 3 the configuration or the
    command line is wrong, 4 the agent's state cannot be used.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from agent.cli import configuration, logs, survey
    from agent.cli.terminal import ExitStatus

    logs.configure(LogLevel.WARNING, LogFormat.TEXT)
    settings = configuration.read(config)
    accounts = configuration.named(settings, names or ())
    survey.write(survey.look(settings, accounts), as_json=as_json)
    return ExitStatus.OK
