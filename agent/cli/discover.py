"""`mailbox-agent discover`: where the mailbox of an address is."""

from typing import Annotated

import typer

from agent.cli.options import AsJson, CaFile, LogFormat, LogLevel

SECONDS = 10.0


def discover(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="E-mail address.")],
    *,
    as_json: AsJson = False,
    timeout: Annotated[
        float,
        typer.Option(min=0.1, max=120.0, metavar="SECONDS", help="Longest time for all questions."),
    ] = SECONDS,
    ca_file: CaFile = None,
) -> int:
    """Find the mail servers of an address, without logging in anywhere.

    Asks a table of known providers, DNS (SRV and MX records), the domain's
    autoconfiguration, Thunderbird's database and servers with usual names, all
    at once, and looks at what is found. Who is asked learns the domain of the
    address; nobody is sent a password or what stands before the @.

    \b
      mailbox-agent discover anna@example.com
      mailbox-agent discover --json anna@example.com

    Exit status: 0 a server was found that answers, 1 none, 3 the command line
    is wrong.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from agent.cli import logs

    logs.configure(LogLevel.WARNING, LogFormat.TEXT)
    from agent.cli import discovered
    from agent.cli.terminal import ExitStatus

    found = discovered.look_up(address, timeout, ca_file)
    discovered.write(address, found, as_json=as_json)
    return ExitStatus.OK if any(not each.failure for each in found) else ExitStatus.WARNING
