"""Limits from the configuration, for servers that tell of none or of a looser one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agent.model import Quota, QuotaState

if TYPE_CHECKING:
    from agent.config.accounts import Account
    from agent.model import Reading


def with_configured(reading: Reading, account: Account) -> Reading:
    """The reading with the account's own limits, where the server does not set stricter ones."""
    configured = (
        ("storage", reading.size_bytes, account.limit),
        ("message", reading.messages, account.message_limit),
    )
    added = tuple(
        Quota("", resource, used, limit, "config")
        for resource, used, limit in configured
        if used is not None and limit is not None and limit < _server_limit(reading, resource)
    )
    if not added:
        return reading
    return replace(
        reading,
        quota_state=QuotaState.LIMITED,
        quotas=reading.quotas + added,
        partial=reading.quota_state in {QuotaState.INVALID, QuotaState.DENIED},
    )


def _server_limit(reading: Reading, resource: str) -> float:
    limits = [
        quota.limit
        for quota in reading.quotas
        if quota.resource == resource and quota.limit is not None
    ]
    return min(limits, default=float("inf"))
