"""`mailbox-agent check`: poll mailboxes once, now."""

from typing import Annotated

import typer

from agent.cli.options import (
    AsJson,
    CaFile,
    ConfigFile,
    LogFormat,
    LogLevel,
    MildestLogged,
    PasswordFile,
    Timeout,
)


def check(  # noqa: PLR0913 - one parameter an option
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
    log_level: MildestLogged = LogLevel.WARNING,
) -> int:
    """Poll mailboxes once, now, and say how full they are.

    A name is an account of the configuration; without names all of them are
    polled. A URL needs no configuration; its password comes from
    the password file, else from $MAILBOX_AGENT_PASSWORD, else it is asked for.

    \b
      mailbox-agent check imaps://anna%40example.com@mail.example.com
      mailbox-agent check "pop3://bob@mail.example.com?limit=2GiB"
      mailbox-agent check --config config.toml --json anna

    imaps:// and pop3s:// use TLS from the start; imap:// and pop3:// require
    STARTTLS. The query of a URL takes the keys of an account: ?tls=none,
    ?limit=2GiB, ?folders=inbox.

    Exit status: 0 all below their thresholds, 1 warning, 2 critical or full,
    3 a poll failed or the command line was wrong.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from agent.cli import logs

    logs.configure(log_level, LogFormat.TEXT)
    from agent.cli import report, targets
    from agent.cli.outcome import exit_status

    chosen = targets.choose(asked or (), config=config, password_file=password_file)
    checked = report.poll(chosen, timeout=timeout, ca_file=ca_file)
    report.write(checked, as_json=as_json)
    return exit_status(one.status for one in checked)
