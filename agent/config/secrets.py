"""Secrets: by value, from a file, or from a command; nothing here shows one."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Annotated, cast

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError

from agent.config.base import FOLDER

SECONDS = 10  # until a command, or a pipe in the place of a file, is given up
LARGEST = 64 * 1024  # bytes, of a file or of a command's output


class SecretError(Exception):
    """A secret cannot be had now; the text names the file or the command, never the value."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, or where it is fetched from each time it is needed.

    Exactly one of `value`, `file` and `command` is set; `key` is what the file calls it.
    """

    key: str = "password"
    value: str | None = field(default=None, repr=False)
    file: Path | None = None
    command: tuple[str, ...] | None = field(default=None, repr=False)

    @property
    def given(self) -> bool:
        """Whether there is a secret at all."""
        return any(way is not None for way in (self.value, self.file, self.command))

    def reveal(self) -> str:
        """The secret itself, without one trailing newline.

        Raises SecretError when it cannot be read, is empty, is not UTF-8 or has control characters.
        """
        if self.value is not None:
            return _clean(self.value, self.key)
        if self.file is not None:
            where = f"{self.key}_file {self.file}"
            return _clean(_text(_read(self.file, where), where), where)
        program, *_ = command = self.command or ("",)
        where = f"{self.key}_command {Path(program).name}"
        return _clean(_text(_run(command, where), where), where)


def _read(path: Path, where: str) -> bytes:
    """The file's bytes; one that never ends or never begins (a pipe) is given up."""
    try:
        # A pipe that nobody writes to would block the open itself for ever.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SecretError(f"{where}: {_reason(error)}") from None
    try:
        return _drain(file, time.monotonic() + SECONDS)
    except TimeoutError:
        raise SecretError(f"{where}: no answer within {SECONDS} s") from None
    except OSError as error:
        raise SecretError(f"{where}: {_reason(error)}") from None
    finally:
        os.close(file)


def _run(command: tuple[str, ...], where: str) -> bytes:
    """What the command prints; it and all it started are killed when the time is over."""
    try:
        process = subprocess.Popen(  # noqa: S603  the operator's own command, without a shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise SecretError(f"{where}: {_reason(error)}") from None
    try:
        output, status = _finish(process, time.monotonic() + SECONDS)
    except TimeoutError:
        raise SecretError(f"{where}: no answer within {SECONDS} s") from None
    finally:
        _end(process)
    if status:
        raise SecretError(f"{where}: exited with status {status}")
    return output


def _finish(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, int]:
    """Output and exit status; raises TimeoutError at the deadline (`time.monotonic`)."""
    output = _drain(cast(IO[bytes], process.stdout).fileno(), deadline)
    if len(output) > LARGEST:
        return output, 0  # the caller refuses it, and need not wait for the rest
    try:
        return output, process.wait(max(0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None


def _drain(file: int, deadline: float) -> bytes:
    """All of a file or pipe, or one piece more than allowed; raises TimeoutError, OSError."""
    output = b""
    with selectors.PollSelector() as selector:  # epoll would refuse a plain file
        selector.register(file, selectors.EVENT_READ)
        while len(output) <= LARGEST:
            if not selector.select(max(0, deadline - time.monotonic())):
                raise TimeoutError
            if not (chunk := os.read(file, LARGEST)):
                break
            output += chunk
    return output


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the command's group; before `wait` its id cannot belong to anyone else."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    cast(IO[bytes], process.stdout).close()


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _flaw(secret: str) -> str | None:
    """Why this cannot go onto the wire: CR and LF would end the command that carries it."""
    if not secret:
        return "is empty"
    return "must be one line without NUL" if set(secret) & set("\0\r\n") else None


def _clean(secret: str, where: str) -> str:
    if flaw := _flaw(secret):
        raise SecretError(f"{where}: {flaw}")
    return secret


def _text(raw: bytes, where: str) -> str:
    """Text without its one trailing newline, which editors and `echo` add."""
    if len(raw) > LARGEST:
        raise SecretError(f"{where}: more than {LARGEST // 1024} KiB")
    try:
        return raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SecretError(f"{where}: not UTF-8 text") from None


def _plain(secret: SecretStr) -> SecretStr:
    if flaw := _flaw(secret.get_secret_value()):
        raise ValueError(flaw)
    return secret


def _anchored_command(command: tuple[str, ...]) -> tuple[str, ...]:
    """A program named by a relative path stands beside the configuration file."""
    if any("\0" in word for word in command):
        raise ValueError("must not contain NUL")
    program, *arguments = command
    return (str(FOLDER.get() / program) if "/" in program else program, *arguments)


SecretText = Annotated[SecretStr, AfterValidator(_plain)]
SecretCommand = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1)], ...],
    Field(min_length=1),
    AfterValidator(_anchored_command),
]


def one_of_three(key: str, *others: str, optional: bool = False) -> AfterValidator:
    """For `key_command`, the last field after `key`, `key_file` and `others`: exactly one is set.

    A field that failed its own validation is missing from the data, and counts as set.
    """
    before = (*others, key, f"{key}_file")
    words = {"keys": ", ".join((*before, f"{key}_command"))}

    def check(command: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        given = sum(info.data.get(name, "") is not None for name in before) + (command is not None)
        if given > 1:
            raise PydanticCustomError("too_many_of", "needs only one of {keys}", words)
        if not (given or optional):
            raise PydanticCustomError("none_of", "needs one of {keys}", words)
        return command

    return AfterValidator(check)
