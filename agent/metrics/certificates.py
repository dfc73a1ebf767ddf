"""The certificates of mail servers: one series a server, however many accounts see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.metrics.families import CERTIFICATE_FAMILY

if TYPE_CHECKING:
    from datetime import datetime

    from agent.metrics.facts import Certificate


@dataclass(slots=True)
class _Seen:
    """A server's fragment, and until when each account's sight of its certificate counts."""

    fragment: bytes
    until: dict[str, datetime] = field(default_factory=dict)


class Certificates:
    """What accounts have seen of their servers; one thread writes, any thread reads."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def see(self, certificate: Certificate, account: str, until: datetime) -> None:
        """Show what an account saw last; it counts until then."""
        fragment = CERTIFICATE_FAMILY.fragment(certificate)
        seen = self._seen.setdefault(certificate.server, _Seen(fragment))
        seen.fragment = fragment
        seen.until[account] = until

    def forget(self, server: str, account: str) -> None:
        """Drop an account's sight, and the server's series with the last one."""
        seen = self._seen.get(server)
        if seen and seen.until.pop(account, None) and not seen.until:
            del self._seen[server]

    def expire(self, now: datetime) -> None:
        """Drop what no account has confirmed in time."""
        for server, seen in list(self._seen.items()):
            for account in [name for name, until in seen.until.items() if until < now]:
                self.forget(server, account)

    def fragments(self) -> list[bytes]:
        """Every server's line."""
        return [seen.fragment for seen in list(self._seen.values())]
