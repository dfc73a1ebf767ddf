"""Which mailboxes `check` was asked for: accounts of the configuration, or URLs."""

from __future__ import annotations

import getpass
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.cli.configuration import read_with_warnings, refuse_unknown
from agent.cli.terminal import CommandError, complain
from agent.config.load import ConfigError, account_from_url
from agent.config.secrets import Secret
from agent.config.settings import AgentSettings, AlertSettings, StoreSettings
from agent.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agent.config.accounts import Account
    from agent.config.settings import Settings

PASSWORD_VARIABLE = "MAILBOX_AGENT_PASSWORD"  # noqa: S105 - the variable's name
_NOT_ASKED_YET = Secret(value="-")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The accounts to poll in the order asked for, and by which settings.

    `sweep` says that no mailbox was named: then servers are spared as the daemon spares them.
    """

    accounts: tuple[Account, ...]
    sweep: bool
    agent: AgentSettings
    alerts: AlertSettings
    store: StoreSettings


def choose(asked: Sequence[str], *, config: Path | None, password_file: Path | None) -> Chosen:
    """The accounts for names and URLs, or all accounts of the configuration without any.

    URLs alone need no configuration, and read one only where `config` names it.

    Raises:
        CommandError: nothing to poll, an unknown name, a wrong URL or configuration, no password.
    """
    urls = [word for word in asked if _is_url(word)]
    if password_file and not urls:
        raise CommandError("--password-file is for URLs, and none is given")
    named = len(asked) > len(urls)
    settings = _settings(config) if config or named or not asked else None
    accounts = {account.name: account for account in settings.accounts} if settings else {}
    refuse_unknown((word for word in asked if not _is_url(word)), accounts)
    return Chosen(
        tuple(
            _of_url(word, password_file) if _is_url(word) else accounts[word]
            for word in asked or accounts
        ),
        sweep=not asked,
        agent=settings.agent if settings else AgentSettings(),
        alerts=settings.alerts if settings else AlertSettings(),
        store=settings.store if settings else StoreSettings(),
    )


def _settings(config: Path | None) -> Settings:
    settings, warnings = read_with_warnings(config)
    for line in warnings:
        complain(f"warning: {line}")
    return settings


def _is_url(word: str) -> bool:
    return "://" in word


def _of_url(url: str, password_file: Path | None) -> Account:
    """The account of a URL; what is wrong with the URL is told before a password is asked for."""
    try:
        account = account_from_url(url, _NOT_ASKED_YET)
        if account.password_file:  # the query names one: ?password_file=...
            return account
        return account_from_url(url, _password(account.name, password_file))
    except ConfigError as error:
        raise CommandError(*error.lines) from error


def _password(name: str, password_file: Path | None) -> Secret:
    """From the file, else the environment, else whoever sits at the terminal."""
    if password_file:
        return Secret(file=password_file.absolute())
    if value := os.environ.get(PASSWORD_VARIABLE):
        return Secret(value=value)
    if not sys.stdin or not sys.stdin.isatty():
        raise CommandError(
            f"no password for {name}: give --password-file FILE or set {PASSWORD_VARIABLE}"
        )
    try:
        return Secret(value=getpass.getpass(f"Password for {printable(name)}: "))
    except EOFError:
        raise CommandError(f"no password for {name}") from None
