"""A server that may hold a mailbox, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from agent.config.endpoint import Endpoint


class Source(StrEnum):
    """Who named a server, the most trustworthy first."""

    PROVIDER = "known provider"
    AUTOCONFIG = "autoconfig of the domain"  # over HTTPS, so the domain itself speaks
    SRV = "SRV record"
    MX = "known provider, by the MX record"
    DATABASE = "Thunderbird's database"
    GUESS = "usual name"

    @property
    def rank(self) -> int:
        """0 for the one to be trusted most."""
        return list(Source).index(self)


@dataclass(frozen=True, slots=True)
class Found:
    """One server; `username` is the login name for the address, None where nobody tells it."""

    protocol: Literal["imap", "pop3"]
    server: Endpoint
    tls: Literal["implicit", "starttls"]
    source: Source
    username: str | None = None
