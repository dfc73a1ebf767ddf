"""Keeps the gate as the web configuration file says, whenever that changes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import structlog

from agent.config.errors import ConfigError
from agent.config.files import FileError, content
from agent.web.gate import Gate, gate

if TYPE_CHECKING:
    from pathlib import Path

    from agent.web.tls import Read

log = structlog.get_logger()


def read(path: Path, content_of: Read = content) -> Gate:
    """The gate that the file describes. Raises ConfigError, a line for each problem."""
    from agent.config.web import load_web  # noqa: PLC0415 - YAML loads only where there is a file

    file = load_web(path, content_of)
    try:
        return gate(file, content_of)
    except ConfigError as error:
        raise ConfigError(*(f"{path}: {line}" for line in error.lines)) from None


class Keeper:
    """Has the gate for the next connection or request; without a file it is always open.

    The files are read again each time, which costs less than a twentieth of a handshake: so what
    counts is their content, whatever replaced them, and however it set their times.
    """

    def __init__(self, path: Path | None) -> None:
        """Raises ConfigError when the file, or one that it names, cannot be used."""
        self._path = path
        self._files = _Files()
        self._gate = read(path, self._files.content) if path else Gate()

    def gate(self) -> Gate:
        """The gate as it is to be now; a file that cannot be used leaves it as it was."""
        if self._path and self._files.changed():
            self._files = _Files()
            self._renew(self._path)
        return self._gate

    def _renew(self, path: Path) -> None:
        """Take over what has changed, unless it is wrong, or protects less.

        A file that is being written, or was emptied by mistake, must let nobody in.
        """
        try:
            new = read(path, self._files.content)
        except ConfigError as error:
            log.error("web.config_refused", problem="; ".join(error.lines))  # noqa: TRY400 - told
            return
        if lost := new.lacks(self._gate):
            problem = f"{path}: {lost}: protects less than before, which takes a restart"
            log.error("web.config_refused", problem=problem)
            return
        self._gate = new
        log.info("web.config_reloaded", file=str(path))


class _Files:
    """What was read, to be compared with what is there now."""

    def __init__(self) -> None:
        self._seen: dict[Path, bytes | str] = {}

    def content(self, path: Path) -> bytes:
        """As `content`, remembered."""
        try:
            data = content(path)
        except FileError as error:
            self._seen[path] = str(error)
            raise
        self._seen[path] = _digest(data)
        return data

    def changed(self) -> bool:
        """Whether any of the files is not as it was."""
        return any(_now(path) != seen for path, seen in self._seen.items())


def _now(path: Path) -> bytes | str:
    try:
        return _digest(content(path))
    except FileError as error:
        return str(error)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
