"""Small files that others write while the agent runs."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 256 * 1024  # bytes


class FileError(Exception):
    """A file cannot be read; the text says why, and names neither file nor content."""


def content(path: Path) -> bytes:
    """All of a plain file. Raises FileError, for a pipe or device too: those may never end."""
    try:
        with open(path, "rb", opener=_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise FileError("is not a plain file")
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise FileError((error.strerror or type(error).__name__).lower()) from None
    if len(data) > LARGEST:
        raise FileError(f"is larger than {LARGEST // 1024} KiB")
    return data


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for someone to write into a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)
