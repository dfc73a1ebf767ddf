"""`mailbox-agent validate`: everything that can be wrong without asking a server."""

from __future__ import annotations

import os
import shutil
import ssl
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.options import ConfigFile  # noqa: TC001 - Typer reads it from the signature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.accounts import Account
    from agent.config.receivers import Receiver
    from agent.config.secrets import Secret
    from agent.config.settings import Settings
    from agent.config.targets import OwnersMail, Target

_SOME_OWNER = "owner@example.com"


def validate(*, config: ConfigFile = None) -> int:
    """Check the configuration, the receivers and that secrets are there; connect to nothing.

    \b
      mailbox-agent validate
      mailbox-agent validate --config /etc/mailbox-agent/config.toml

    Prints a line for each problem. Exit status: 0 valid, 3 not.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    from agent.cli import configuration
    from agent.cli.terminal import ExitStatus, complain, show
    from agent.config.privacy import warnings

    path = configuration.path_of(config)
    settings = configuration.read(path)
    for line in warnings(path, settings):
        complain(f"warning: {line}")
    problems = [f"{path}: {line}" for line in _problems(settings)]
    for line in problems:
        complain(line)
    if problems:
        return ExitStatus.UNKNOWN
    show(f"{path}: {_summary(settings)}: valid")
    return ExitStatus.OK


def _summary(settings: Settings) -> str:
    counts = {
        "account": len(settings.accounts),
        "receiver": len(settings.receivers),
        "route": len(settings.routes),
    }
    return ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in counts.items())


def _problems(settings: Settings) -> Iterator[str]:
    for account in settings.accounts:
        where = f'account "{account.name}"'
        yield from (f"{where}: {line}" for line in _problems_of_login(account))
        if account.ca_file and (problem := _untrusted(account.ca_file)):
            yield f"{where}: ca_file {account.ca_file}: {problem}"
    for receiver in settings.receivers:
        for problem in dict.fromkeys(_problems_of(receiver)):  # targets share what is wrong
            yield f'receiver "{receiver.name}": {problem}'
    if settings.web.config_file:
        yield from _problems_of_web(settings.web.config_file)
    heartbeat = settings.alerts.heartbeat()
    if heartbeat.given and (problem := _missing(heartbeat)):
        yield f"[alerts]: {problem}"


def _problems_of_login(account: Account) -> Iterator[str]:
    """What is wrong with a password, or with what tokens are asked for with."""
    oauth2 = account.oauth2
    if oauth2 is None:
        yield from filter(None, [_missing(account.secret())])
        return
    sources = (oauth2.client_secret_source, oauth2.refresh_token_source)
    yield from filter(None, (_missing(each) for each in sources if each.given))
    for file in filter(None, (oauth2.certificate_file, oauth2.key_file)):
        if not os.access(file, os.R_OK):
            yield f"{file}: cannot be read"
    if oauth2.ca_file and (problem := _untrusted(oauth2.ca_file)):
        yield f"oauth2: ca_file {oauth2.ca_file}: {problem}"


def _problems_of(receiver: Receiver) -> Iterator[str]:
    """What is wrong with a receiver; of owners, any address is an example."""
    from agent.config.alertmanager import AlertmanagerReceiver
    from agent.config.receivers import AppriseReceiver, OwnerReceiver

    match receiver:
        case AppriseReceiver():
            yield from filter(None, map(_unusable, receiver.targets()))
        case OwnerReceiver():
            yield from filter(None, [_unusable(receiver.mail_to(_SOME_OWNER))])
        case AlertmanagerReceiver(ca_file=ca_file):
            if receiver.secret().given and (problem := _missing(receiver.secret())):
                yield problem
            if ca_file and (problem := _untrusted(ca_file)):
                yield f"ca_file {ca_file}: {problem}"


def _problems_of_web(file: Path) -> Iterator[str]:
    """What is wrong with the web configuration file, or with the files that it names."""
    from agent.config.errors import ConfigError
    from agent.web.keeper import read

    try:
        read(file)
    except ConfigError as error:
        for line in error.lines:
            yield f"[web]: config_file {line}"


@cache  # accounts by the thousand share one file
def _untrusted(file: Path) -> str | None:
    """Why no server can be trusted by this file, or None where it holds certificates."""
    try:
        ssl.create_default_context(cafile=file)
    except ssl.SSLError:
        return "holds no certificates in PEM form"
    except OSError:
        return "cannot be read"
    return None


def _missing(secret: Secret) -> str | None:
    """Why a secret cannot be had; a command is only looked for, since it may ask someone."""
    from agent.config.secrets import SecretError

    if secret.command:
        program = secret.command[0]
        found = shutil.which(program)
        return None if found else f"{secret.key}_command: no program {Path(program).name}"
    try:
        secret.reveal()
    except SecretError as error:
        return str(error)
    return None


def _unusable(target: Secret | Target | OwnersMail) -> str | None:
    from agent.config.secrets import Secret
    from agent.notify.apprise import check

    secret = target if isinstance(target, Secret) else target.secret()
    if secret.given and (problem := _missing(secret)):
        return problem
    return None if secret.command else check(target)
