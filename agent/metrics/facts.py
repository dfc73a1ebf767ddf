"""What metrics are drawn from: a mailbox, its figures, and the certificate of its server."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from agent.config.accounts import Account
    from agent.model import FailureKind, Folder, Reading

_NO_FAILURES: Mapping[FailureKind, int] = MappingProxyType({})  # one for all that never failed


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What the agent knows of one account beside its figures; None is "never happened"."""

    account: Account
    interval: timedelta
    success: bool | None = None
    duration: float | None = None
    last_success: datetime | None = None
    failures: Mapping[FailureKind, int] = field(default_factory=lambda: _NO_FAILURES)
    firing: tuple[tuple[str, str], ...] = ()  # rule and severity, each pair once
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """What the last successful poll told, and when the mailbox will be full by the forecast.

    `folders` are those that get series of their own, and `overflow` counts those that do not;
    None where the account asks for none.
    """

    reading: Reading
    full_at: datetime | None = None
    folders: tuple[Folder, ...] = ()
    overflow: int | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A mail server's certificate, as the latest handshake with that server showed it."""

    server: str
    expires: datetime
