"""`mailbox-agent doctor`: one poll, explained step by step."""

from typing import Annotated

import typer

from agent.cli.options import (
    AsJson,
    CaFile,
    ConfigFile,
    LogFormat,
    LogLevel,
    PasswordFile,
    Timeout,
)


def doctor(  # noqa: PLR0913 - one parameter an option
    asked: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME | URL", help="Accounts by name, or mailboxes by URL."),
    ] = None,
    *,
    config: ConfigFile = None,
    as_json: AsJson = False,
    timeout: Timeout = None,
    ca_file: CaFile = None,
    password_file: PasswordFile = None,
) -> int:
    """Poll mailboxes once and explain each step: what works, what does not, what to do.

    Goes the agent's own way: name resolution, connection, TLS, greeting, login,
    quota, folders, sizes. Each mailbox is logged in to once. Names, URLs and
    passwords are as for check.

    \b
      mailbox-agent doctor imaps://anna%40example.com@mail.example.com
      mailbox-agent doctor --config config.toml anna

    Exit status: 0 all can be read, 3 one cannot, or the command line is wrong.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from agent.cli import logs

    logs.configure(LogLevel.WARNING, LogFormat.TEXT)
    from agent.cli import doctor_report, targets
    from agent.cli.terminal import ExitStatus

    chosen = targets.choose(asked or (), config=config, password_file=password_file)
    found = doctor_report.examine(chosen, timeout=timeout, ca_file=ca_file)
    doctor_report.write(found, as_json=as_json)
    return ExitStatus.UNKNOWN if any(each.failed for each in found) else ExitStatus.OK
