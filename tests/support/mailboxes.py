"""Accounts, readings and polls for tests that care about a few of their fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from agent.config.settings import Settings
from agent.model import Failure, FailureKind, Poll, Quota, QuotaState, Reading

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def settings(*names: str, url: str = "sqlite:///agent.db", **alerts: object) -> Settings:
    """Settings with these accounts, and a receiver `ops` with one target."""
    return Settings.model_validate(
        {
            "store": {"url": url},
            "alerts": {"group_wait": "0s", **alerts},
            "accounts": [
                {
                    "name": name,
                    "protocol": "imap",
                    "server": "mail.example.com",
                    "username": name,
                    "password": "not shown",
                }
                for name in names
            ],
            "receivers": [{"name": "ops", "type": "apprise", "url": "json://127.0.0.1:9/hook"}],
        }
    )


def reading(used: int, limit: int | None = 100, *, root: str = "User quota") -> Reading:
    """A mailbox with one storage quota."""
    return Reading(
        quota_state=QuotaState.UNLIMITED if limit is None else QuotaState.LIMITED,
        quotas=(Quota(root, "storage", used, limit),),
        size_bytes=used,
        messages=3,
    )


def poll(account: str, used: int, *, minute: int = 0, limit: int | None = 100) -> Poll:
    """A successful poll, so many minutes after noon."""
    return Poll(account, NOON + timedelta(minutes=minute), 0.1, reading(used, limit))


def failed(account: str, *, minute: int = 0) -> Poll:
    """A failed poll, so many minutes after noon."""
    outcome = Failure(FailureKind.TIMEOUT, "no answer within 30 s")
    return Poll(account, NOON + timedelta(minutes=minute), 30.0, outcome)
