"""Accounts for tests, built as the configuration builds them."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from agent.config.accounts import Account

_ACCOUNT: TypeAdapter[Account] = TypeAdapter(Account)


def account(port: int, protocol: str = "imap", tls: str = "none", **keys: Any) -> Account:
    """A mailbox at a port of this machine; `keys` are further keys of its configuration."""
    settings = {
        "name": "anna",
        "protocol": protocol,
        "server": f"127.0.0.1:{port}",
        "tls": tls,
        "username": "anna",
        "password": "wonderland",
    }
    return _ACCOUNT.validate_python(settings | keys)
