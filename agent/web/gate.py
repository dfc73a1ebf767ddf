"""What the web configuration file says, ready for use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.web import tls
from agent.web.bucket import Bucket
from agent.web.users import Users

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from agent.config.web import RateLimit, WebFile


@dataclass(frozen=True, slots=True)
class Gate:
    """Who is let in, and how; without arguments: everyone, in plain text."""

    context: ssl.SSLContext | None = None
    needs_certificate: bool = False
    allowed_names: frozenset[str] = frozenset()  # any of them, where there are some
    users: Users | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    bucket: Bucket | None = None

    def lacks(self, other: Gate) -> str | None:
        """The protection that the other one has and this one has not."""
        if other.context and not self.context:
            return "tls_server_config"
        if other.needs_certificate and not self.needs_certificate:
            return "client_auth_type"
        if other.allowed_names and not self.allowed_names:
            return "client_allowed_sans"
        return "basic_auth_users" if other.users and not self.users else None


def gate(file: WebFile, read: tls.Read) -> Gate:
    """The gate that the file describes; what it names is read by `read`. Raises ConfigError."""
    server = file.tls_server_config
    hashes = {name: bcrypt.get_secret_value() for name, bcrypt in file.basic_auth_users.items()}
    return Gate(
        context=tls.context(server, read) if server else None,
        needs_certificate=bool(server and server.client_auth_type == "RequireAndVerifyClientCert"),
        allowed_names=frozenset(server.client_allowed_sans if server else ()),
        users=Users(hashes) if hashes else None,
        headers=file.http_server_config.headers.given(),
        bucket=_bucket(file.rate_limit),
    )


def _bucket(limit: RateLimit) -> Bucket | None:
    interval = limit.interval.total_seconds()
    return Bucket(interval, limit.burst) if interval else None
