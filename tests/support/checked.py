"""Mailboxes as `check` might have found them, made without a server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agent.cli.outcome import Checked
from agent.config.settings import AlertSettings
from agent.model import Poll
from agent.rules.thresholds import status
from tests.support.accounts import account

if TYPE_CHECKING:
    from agent.model import Outcome


def found(outcome: Outcome, **keys: Any) -> Checked:
    """A mailbox that was polled with this outcome; `keys` are its account's."""
    mailbox = account(993, **({"server": "mail.example.com", "tls": "implicit"} | keys))
    poll = Poll(mailbox.name, datetime(2026, 1, 1, tzinfo=UTC), 0.04149, outcome)
    return Checked(mailbox, poll, status(outcome, AlertSettings().levels))
