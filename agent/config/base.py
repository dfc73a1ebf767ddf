"""What every table of the configuration has in common."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

FOLDER: ContextVar[Path] = ContextVar("FOLDER", default=Path())
"""The folder that relative paths start from: the configuration file's while it is loaded."""


class Table(BaseModel):
    """A table of the file: frozen, no unknown key, and no value in any error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _anchored(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("must not contain NUL")
    return FOLDER.get() / path


FilePath = Annotated[Path, AfterValidator(_anchored)]
