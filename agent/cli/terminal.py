"""What every command needs to speak: exit statuses, safe text, and one line for an error."""

from __future__ import annotations

import os
import sys
from enum import IntEnum
from typing import TYPE_CHECKING

from agent.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 10  # of the things that a question is about
LONGEST_LINE = 2000  # characters; a name, a server's words and our hint always fit


class ExitStatus(IntEnum):
    """Exit statuses of all commands; 0 to 3 are those of monitoring plugins."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3  # a poll failed, the command line or the configuration is wrong
    STORE = 4  # another agent holds the state, or a newer agent wrote it
    LISTEN = 5  # the address to listen on cannot be had
    INTERRUPTED = 130  # Ctrl-C, as shells count: 128 + SIGINT


class CommandError(Exception):
    """A command cannot do what was asked; `lines` say why, without secrets."""

    def __init__(self, *lines: str, status: ExitStatus = ExitStatus.UNKNOWN) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines
        self.status = status


def complain(line: str) -> None:
    """Write one line to stderr; nobody reading it is no reason to fail."""
    try:
        print(printable(line, LONGEST_LINE), file=sys.stderr, flush=True)
    except OSError:
        _discard(2)


def show(text: str) -> None:
    """Write text to stdout; a reader that left early (`| head`) is no error.

    Raises:
        CommandError: stdout cannot be written, as on a full disk.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _discard(1)
    except OSError as error:
        _discard(1)
        raise CommandError(f"cannot write the output: {error.strerror}") from error


def confirm(things: Sequence[str], question: str) -> None:
    """Show what a question is about, ask it on stderr, and go on where the answer is yes.

    Raises:
        CommandError: there is no terminal to ask at, or the answer is no.
    """
    if not sys.stdin or not sys.stdin.isatty():
        raise CommandError("nothing was done: there is no terminal to ask at; give --yes")
    for each in things[:_SHOWN]:
        complain(each)
    if len(things) > _SHOWN:
        complain(f"and {len(things) - _SHOWN} more")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandError("nothing was done")


def _discard(descriptor: int) -> None:
    """Point a broken stream to nowhere, so that the flush at exit cannot fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
