"""What every command needs to speak: exit statuses, safe text, and one line for an error."""

from __future__ import annotations

import os
import sys
from enum import IntEnum

from agent.text import printable

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


def _discard(descriptor: int) -> None:
    """Point a broken stream to nowhere, so that the flush at exit cannot fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
