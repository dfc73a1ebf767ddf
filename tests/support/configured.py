"""Settings for tests, through the very door that a user's file comes by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.config.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def mailbox(name: str, port: int, protocol: str = "imap", **keys: Any) -> dict[str, Any]:
    """An account's table: plain text, at a port of this machine."""
    table = {
        "name": name,
        "protocol": protocol,
        "server": f"127.0.0.1:{port}",
        "tls": "none",
        "username": name,
        "password": "wonderland",
    }
    return table | keys


def settings(folder: Path, *accounts: dict[str, Any], **sections: Any) -> Settings:
    """A configuration that polls every second, with its state in `folder`."""
    document: dict[str, Any] = {
        "agent": {"poll_interval": "1s", "timeout": "5s"},
        "store": {"url": f"sqlite:///{folder}/agent.db"},
        "web": {"listen": "127.0.0.1:0"},
        "alerts": {"group_wait": "0s"},
        "accounts": list(accounts),
    }
    return Settings(**document | sections)
