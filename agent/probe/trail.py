"""What a session has shown on its way: each step with its time, and what the server announced."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

Stage = Literal[
    "name resolution",
    "connect",
    "TLS handshake",
    "greeting",
    "STARTTLS",
    "login",
    "reading",
    "logout",
]


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a verified certificate tells: until when it holds, for which names, by whose word."""

    expires: datetime
    names: tuple[str, ...]
    issuer: str


@dataclass(frozen=True, slots=True)
class Handshake:
    """A TLS connection whose certificate was accepted."""

    version: str
    cipher: str
    certificate: Certificate


@dataclass(slots=True)
class Trail:
    """How far a session came. Every poll leaves one; only who asks for it looks at it.

    `addresses` are those of the server's name, `address` the one that answered. `announced` are
    the capabilities as last learned, `offered` those before the login; `greeting` is raw.
    """

    steps: list[tuple[Stage, float]] = field(default_factory=list)
    addresses: tuple[str, ...] = ()
    address: str | None = None
    handshake: Handshake | None = None
    greeting: bytes = b""
    offered: frozenset[str] = frozenset()
    announced: frozenset[str] = frozenset()

    def begin(self, stage: Stage) -> None:
        """Note that a step begins; it ends with the next one."""
        self.steps.append((stage, monotonic()))

    def learn(self, capabilities: frozenset[str], *, logged_in: bool) -> None:
        """Note what the server announces."""
        self.announced = capabilities
        if not logged_in:
            self.offered = capabilities
