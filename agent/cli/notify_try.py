"""`mailbox-agent notify test`: send a test message to every receiver, now."""

from typing import Annotated

import typer

from agent.cli.options import ConfigFile, LogFormat, LogLevel

SEND_SECONDS = 60.0


def send_test(
    receivers: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECEIVER", help="Receivers by name; all of them without any."),
    ] = None,
    *,
    config: ConfigFile = None,
    account: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The mailbox whose owner is told by owner receivers."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, max=600.0, metavar="SECONDS", help="For each target.")
    ] = SEND_SECONDS,
) -> int:
    """Send a test message to every target of the receivers, now.

    The message says that it is a test. It goes straight to all targets at once,
    whatever routes, silences and quiet hours say; the agent need not run.

    \b
      mailbox-agent notify test
      mailbox-agent notify test --account anna owners

    Prints a line for each target. Exit status: 0 all accepted, 2 one or more
    not accepted or not tested, 3 the configuration or the command line is wrong.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from agent.cli import configuration, logs, notify_trial
    from agent.cli.terminal import CommandError, ExitStatus, show

    logs.configure(LogLevel.WARNING, LogFormat.TEXT)
    settings = configuration.read(config)
    chosen = notify_trial.choose(settings, receivers or ())
    whose = configuration.named(settings, [account])[0] if account else None
    if not chosen:
        raise CommandError("there is no receiver in the configuration")
    accepted = True
    for result in notify_trial.results(notify_trial.trials(chosen, whose), timeout):
        show(result.line)
        accepted &= result.accepted
    return ExitStatus.OK if accepted else ExitStatus.CRITICAL
