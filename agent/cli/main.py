"""The command `mailbox-agent`: its parts, and the edge at which every exception becomes a line."""

import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, NoReturn

import typer

from agent.cli import notify
from agent.cli.check import check
from agent.cli.discover import discover
from agent.cli.doctor import doctor
from agent.cli.export import export
from agent.cli.forget import forget
from agent.cli.healthcheck import healthcheck
from agent.cli.login import login
from agent.cli.reset import reset
from agent.cli.run import run
from agent.cli.schema import schema
from agent.cli.status import status
from agent.cli.terminal import CommandError, ExitStatus, complain, show
from agent.cli.validate import validate

NAME = "mailbox-agent"

app = typer.Typer(
    name=NAME,
    help="Knows how full every mailbox is, and tells the right people before mail bounces.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Rich would double the time that --help takes
)
app.command()(check)
app.command()(doctor)
app.command()(discover)
app.command()(run)
app.command()(status)
app.command()(reset)
app.command()(forget)
app.command()(export)
app.command()(login)
app.command(short_help="Check the configuration without connecting to anything.")(validate)
app.command(short_help="Print the configuration file's JSON Schema or an example.")(schema)
app.command()(healthcheck)
app.add_typer(notify.app, name="notify")


def _show_version(asked: bool) -> None:  # noqa: FBT001 - Typer's callback
    if asked:
        try:
            show(f"{NAME} {version(NAME)}")
        except PackageNotFoundError:
            show(f"{NAME} (not installed)")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """What comes before the command; Typer reads it from the signature."""


def main() -> NoReturn:
    """Do what the command line asks for, and exit.

    It does not wait for threads: one that hangs in a name server must not hold up the exit.
    """
    status = answer(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or its reader left
            stream.flush()
    os._exit(status)


def answer(arguments: Sequence[str]) -> int:
    """The exit status of a command line; what goes wrong is told on stderr, a line each."""
    try:
        status = int(app(list(arguments), prog_name=NAME, standalone_mode=False) or ExitStatus.OK)
    except CommandError as error:
        status = error.status
        for line in error.lines:
            complain(f"{NAME}: {line}")
    except typer.TyperException as error:
        status = ExitStatus.UNKNOWN
        where = getattr(getattr(error, "ctx", None), "command_path", NAME)
        complain(f"{where}: {' '.join(error.format_message().split())} (see {where} --help)")
    except KeyboardInterrupt:
        status = ExitStatus.INTERRUPTED
    except Exception as error:  # the edge: no traceback unless it is asked for
        logging.getLogger(__name__).debug("unexpected", exc_info=True)
        complain(f"{NAME}: unexpected {type(error).__name__}; --log-level debug shows where")
        status = ExitStatus.UNKNOWN
    if status == ExitStatus.INTERRUPTED:
        complain(f"{NAME}: interrupted")
    return status
