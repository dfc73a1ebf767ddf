"""`mailbox-agent forget`: erase what is stored about mailboxes."""

from typing import Annotated

import typer

from agent.cli.options import ConfigFile, LogFormat, LogLevel


def forget(
    names: Annotated[list[str], typer.Argument(metavar="ACCOUNT", help="Accounts by name.")],
    *,
    config: ConfigFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> int:
    """Erase all that is stored about mailboxes: history, figures, alerts, messages.

    For accounts that are configured no more; one that still is will be learned
    anew by its next poll. Nobody is told that alerts have ended. Asks before
    it does; without a terminal, --yes is needed.

    \b
      mailbox-agent forget anna
      mailbox-agent forget --yes anna bert

    Prints a line for each. Exit status: 0 erased, 3 the configuration or the
    command line is wrong, nothing is known of such an account, or the answer
    was no, 4 the agent's state cannot be used.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from agent.cli import configuration, forgetting, logs
    from agent.cli.terminal import ExitStatus, confirm, show

    logs.configure(LogLevel.WARNING, LogFormat.TEXT)
    settings = configuration.read(config)
    chosen = forgetting.chosen(settings, names)
    if not yes:
        confirm([each.label for each in chosen], f"Erase {len(chosen)} for good?")
    for line in forgetting.forget(settings, chosen):
        show(line)
    return ExitStatus.OK
