"""Which files with secrets other users of the machine can read."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config.alertmanager import AlertmanagerReceiver
from agent.config.receivers import AppriseReceiver, OwnerReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from agent.config.oauth2 import OAuth2
    from agent.config.receivers import Receiver
    from agent.config.settings import Settings

_MOUNTED = Path("/run/secrets")  # the container's runtime sets the modes there
_OTHERS = stat.S_IRGRP | stat.S_IROTH
_PLAIN_HOOKS = ("json", "xml", "form")  # their URL holds a secret only in user or query


def warnings(path: Path, settings: Settings) -> Iterator[str]:
    """A line for the configuration file and one for all secret files, where others can read them.

    Group and others count alike. What cannot be looked at is no matter of privacy.
    """
    if _holds_secrets(settings) and _readable_by_others(path):
        yield f"{path}: holds secrets and can be read by others; chmod 600 it, or use secret files"
    exposed = sorted({file for file in _files(settings) if _readable_by_others(file)})
    if len(exposed) == 1:
        yield f"{exposed[0]}: holds a secret and can be read by others; chmod 600 it"
    elif exposed:
        yield f"{exposed[0]} and {len(exposed) - 1} more: secrets that others can read; chmod 600"


def _holds_secrets(settings: Settings) -> bool:
    return (
        any(account.password or _is_spelled_out(account.oauth2) for account in settings.accounts)
        or any(map(_holds_secret, settings.receivers))
        or settings.alerts.heartbeat_url is not None
    )


def _is_spelled_out(oauth2: OAuth2 | None) -> bool:
    return oauth2 is not None and bool(oauth2.client_secret or oauth2.refresh_token)


def _holds_secret(receiver: Receiver) -> bool:
    match receiver:
        case AppriseReceiver(url=url, target=target) | OwnerReceiver(url=url, target=target):
            of_target = target is not None and bool(target.password or target.params)
            return of_target or (url is not None and _is_secret(url))
        case AlertmanagerReceiver():
            return receiver.secret().value is not None


def _is_secret(url: SecretStr) -> bool:
    schema, _, rest = url.get_secret_value().partition("://")
    # Tokens stand before the host or in the query, where Apprise takes headers from too.
    return "@" in rest or "?" in rest or schema.removesuffix("s") not in _PLAIN_HOOKS


def _files(settings: Settings) -> Iterator[Path]:
    files = [account.password_file for account in settings.accounts]
    for account in settings.accounts:
        files += account.oauth2.secret_files if account.oauth2 else ()
    for receiver in settings.receivers:
        match receiver:
            case AppriseReceiver() | OwnerReceiver():
                target = receiver.target
                files += [receiver.url_file, target.password_file if target else None]
            case AlertmanagerReceiver():
                files.append(receiver.secret().file)
    files.append(settings.alerts.heartbeat_url_file)
    yield from filter(None, files)


def _readable_by_others(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & _OTHERS) and _MOUNTED not in path.parents
