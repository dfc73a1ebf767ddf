"""`mailbox-agent login`: let the agent read a mailbox by OAuth2, once."""

from typing import Annotated

import typer

from agent.cli.options import ConfigFile, LogFormat, LogLevel, MildestLogged


def login(
    name: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's name.")],
    *,
    config: ConfigFile = None,
    browser: Annotated[
        bool | None,
        typer.Option(
            "--browser/--code",
            show_default=False,
            help="How to consent. [default: by a code, where the provider has codes for mail]",
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65535,
            show_default=False,
            help="Port of this machine that the browser comes back to. [default: any free one]",
        ),
    ] = 0,
    log_level: MildestLogged = LogLevel.WARNING,
) -> int:
    """Consent that the agent reads a mailbox by OAuth2.

    Prints an address, and a code to enter there, and waits until somebody has
    signed in and consented. The refresh token is kept beside the agent's
    state, for its owner only: run this as the user that the agent runs as,
    whether it runs now or not.

    With --browser the browser comes back to this machine. If it runs elsewhere,
    copy the address at which it ends (http://localhost:...), and paste it here.

    \b
      mailbox-agent login anna
      mailbox-agent login --browser --port 8400 anna

    Exit status: 0 the token is kept, 3 there is none, or the configuration or
    the command line is wrong, 4 the token cannot be kept.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from agent.cli import configuration, consenting, logs
    from agent.cli.terminal import ExitStatus, complain, show

    logs.configure(log_level, LogFormat.TEXT)
    settings = configuration.read(config)
    (account,) = configuration.named(settings, [name])
    kept = consenting.consent(account, settings.store.tokens_folder, browser=browser, port=port)
    for line in kept.warnings:
        complain(f"warning: {line}")
    show(kept.line)
    return ExitStatus.OK
