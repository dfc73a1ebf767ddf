"""Finds and reads the configuration for a command, and tells its problems as lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.options import CONFIG_VARIABLE, DEFAULT_CONFIG
from agent.cli.terminal import CommandError
from agent.config.load import ConfigError, load
from agent.config.privacy import warnings

if TYPE_CHECKING:
    from agent.config.settings import Settings


def path_of(config: Path | None) -> Path:
    """The file that --config names, else the environment, else `./config.toml`.

    Raises:
        CommandError: none of them names a file, and there is no `./config.toml`.
    """
    named = config or os.environ.get(CONFIG_VARIABLE)
    if not named and not DEFAULT_CONFIG.exists():
        raise CommandError(
            f"no configuration: give --config FILE, set {CONFIG_VARIABLE}, "
            f"or write ./{DEFAULT_CONFIG}"
        )
    return Path(named or DEFAULT_CONFIG)


def read_with_warnings(config: Path | None) -> tuple[Settings, list[str]]:
    """The settings as `read` has them, and a line for each secret that others can read."""
    path = path_of(config)
    settings = read(path)
    return settings, list(warnings(path, settings))


def read(config: Path | None) -> Settings:
    """The settings of that file.

    Raises:
        CommandError: there is none, or it is wrong; one line for each problem.
    """
    try:
        return load(path_of(config))
    except ConfigError as error:
        raise CommandError(*error.lines) from error
