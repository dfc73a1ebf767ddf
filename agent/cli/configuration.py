"""Finds and reads the configuration for a command, and tells its problems as lines."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.options import CONFIG_VARIABLE, DEFAULT_CONFIG
from agent.cli.terminal import CommandError
from agent.config.load import ConfigError, load
from agent.config.privacy import warnings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from agent.config.accounts import Account
    from agent.config.settings import Settings

_NOT_CONFIGURED = 'no account "{}" in the configuration'


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


def named(settings: Settings, names: Collection[str]) -> tuple[Account, ...]:
    """The accounts with these names, in the configuration's order; all of them without any.

    Raises:
        CommandError: a name that no account has.
    """
    accounts = {account.name: account for account in settings.accounts}
    refuse_unknown(names, accounts)
    return tuple(each for each in settings.accounts if not names or each.name in names)


def refuse_unknown(
    names: Iterable[str], known: Collection[str], complaint: str = _NOT_CONFIGURED
) -> None:
    """Raise CommandError, with the nearest one, for a name that is not among the known ones."""
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            meant = f'; did you mean "{close[0]}"?' if close else ""
            raise CommandError(f"{complaint.format(name)}{meant}")
