"""Accounts that log in by OAuth2, and the tokens of a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.probe.read import Prober
from tests.support.accounts import account

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.accounts import Account
    from agent.model import Poll
    from tests.support.provider import Provider

PATIENCE = 20.0


def by_token(
    provider: Provider, port: int, protocol: str = "imap", tls: str = "none", **keys: Any
) -> Account:
    """A mailbox whose tokens come from this provider; `oauth2` are further keys of the login."""
    given = {"client_id": "agent", "token_url": f"{provider.address}/token"}
    login = {"password": None, "oauth2": {**given, **keys.pop("oauth2", {})}}
    return account(port, protocol, tls, **{"username": provider.mailbox} | login | keys)


def poll(mailbox: Account, folder: Path, timeout: float = PATIENCE) -> Poll:
    """One poll, with its refresh tokens in a folder."""
    return Prober(timeout, tokens=folder / "tokens").poll(mailbox)
