"""Leads somebody through a consent, and keeps what comes of it."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from agent.cli.terminal import CommandError, ExitStatus, show
from agent.config.units import duration_text
from agent.probe.failures import ProbeError
from agent.probe.oauth.browser import by_browser
from agent.probe.oauth.consent import by_code
from agent.probe.oauth.consent import consent as consent_of
from agent.probe.oauth.grants import Client
from agent.probe.oauth.vault import Vault, VaultError

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.accounts import Account
    from agent.config.oauth2 import OAuth2
    from agent.probe.oauth.answers import Granted
    from agent.probe.oauth.consent import Invitation
    from agent.probe.oauth.vault import Consent

LOCK_SECONDS = 30.0  # longer than an agent holds a token while it renews it


@dataclass(frozen=True, slots=True)
class Kept:
    """What to say of a consent that is kept."""

    line: str
    warnings: tuple[str, ...] = ()


def consent(account: Account, folder: Path, *, browser: bool | None, port: int) -> Kept:
    """Ask for a consent, and keep its refresh token in the folder.

    Raises:
        CommandError: the account needs none, there is none, or it cannot be kept (status 4).
    """
    client = Client(account, _oauth2(account))
    vault = Vault(folder)
    _keep(vault, account, None)  # to find out before anybody is asked for anything
    given = _ask(client, browser=browser, port=port)
    _keep(vault, account, given)
    return _told(account, given, vault)


def _oauth2(account: Account) -> OAuth2:
    """What the account says of OAuth2. Raises CommandError where a consent would be of no use."""
    oauth2 = account.oauth2
    if oauth2 is None:
        raise CommandError(f'account "{account.name}" logs in by a password, not by OAuth2')
    if oauth2.grant != "refresh_token":
        words = f'grant "{oauth2.grant}" needs no consent of anybody; try mailbox-agent check'
        raise CommandError(f'account "{account.name}": {words} {shlex.quote(account.name)}')
    if oauth2.refresh_token_source.given:
        words = "has a refresh token in the configuration, which would go before this one"
        raise CommandError(f'account "{account.name}" {words}')
    return oauth2


def _ask(client: Client, *, browser: bool | None, port: int) -> Consent:
    try:
        return consent_of(client, _granted(client, browser=browser, port=port))
    except ProbeError as error:
        raise CommandError(f'account "{client.account.name}": {error}') from None


def _granted(client: Client, *, browser: bool | None, port: int) -> Granted:
    in_browser = client.oauth2.device_endpoint is None if browser is None else browser
    if in_browser:
        return by_browser(client, _invite, _pasted, port)
    return by_code(client, _invite)


def _keep(vault: Vault, account: Account, given: Consent | None) -> None:
    try:
        with vault.locked(account.name, LOCK_SECONDS) as entry:
            entry.make_room()
            if given:
                entry.write(given)
    except VaultError as error:
        raise CommandError(str(error), status=ExitStatus.STORE) from None
    except TimeoutError:
        words = f"{vault.path(account.name)}: another process has been using it for too long"
        raise CommandError(words, status=ExitStatus.STORE) from None


def _invite(invitation: Invitation) -> None:
    show(
        f"Open this address, and sign in there as somebody who may read the mailbox:\n\n"
        f"  {invitation.address}\n"
    )
    if invitation.code:
        show(f"Enter this code there: {invitation.code}\n")
    else:
        show(
            "If the browser ends at an address of http://localhost that it cannot open, since it "
            "runs\non another machine, copy that address from it, and paste it here.\n"
        )
    show(f"Waiting for at most {duration_text(timedelta(seconds=invitation.seconds))} ...")


def _pasted() -> str | None:
    """The next line that somebody enters here; None where nobody can."""
    return (sys.stdin.readline() if sys.stdin else "") or None


def _told(account: Account, given: Consent, vault: Vault) -> Kept:
    by = given.by or "Somebody whom the provider does not name"
    check = f"mailbox-agent check {shlex.quote(account.name)}"
    line = f"{by} consented; the token is in {vault.path(account.name)}. Next: {check}"
    if given.by is None or given.by.lower() == account.username.lower():
        return Kept(line)
    other = f"{given.by} consented, and the mailbox is {account.username}'s"
    return Kept(line, (f"{other}: that works only where the provider lets them read it",))
