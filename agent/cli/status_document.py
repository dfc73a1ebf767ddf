"""The document that `status --json` prints; `docs/status.schema.json` describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from agent.memory import Refusal
    from agent.model import Alert, Failure, Quota
    from agent.standing import Pause, Standing, Survey

VERSION = 1


def document(survey: Survey) -> dict[str, Any]:
    """All mailboxes in the configuration's order; sizes in bytes, times in UTC."""
    return {
        "version": VERSION,
        "at": _time(survey.at),
        "mailboxes": [_mailbox(one) for one in survey.standings],
        "paused_servers": [_pause(pause) for pause in survey.pauses],
    }


def _mailbox(one: Standing) -> dict[str, Any]:
    account, known, reading = one.account, one.known, one.known.reading
    return {
        "account": account.name,
        "protocol": account.protocol,
        "server": str(account.server),
        "state": one.state.value,
        "last_poll_at": _time(known.polled_at),
        "last_success_at": _time(known.succeeded_at),
        "failure": _failure(known.failure) if known.failure else None,
        "quarantine": _quarantine(one.refusal) if one.refusal else None,
        "quotas": [_quota(quota) for quota in reading.quotas] if reading else [],
        "usage_ratio": reading.usage_ratio if reading else None,
        "size_bytes": reading.size_bytes if reading else None,
        "alerts": [_alert(alert) for alert in known.alerts],
    }


def _failure(failure: Failure) -> dict[str, str]:
    return {"reason": failure.kind.value, "detail": failure.detail}


def _quarantine(refusal: Refusal) -> dict[str, Any]:
    return {
        "rejections": refusal.times,
        "last_rejection_at": _time(refusal.at),
        "retry_at": _time(refusal.retry_at),
    }


def _quota(quota: Quota) -> dict[str, Any]:
    return {
        "root": quota.root,
        "resource": quota.resource,
        "used": quota.used,
        "limit": quota.limit,
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "rule": alert.key.rule,
        "severity": alert.severity.value,
        "root": alert.key.root,
        "resource": alert.key.resource,
        "since": _time(alert.since),
    }


def _pause(pause: Pause) -> dict[str, Any]:
    return {
        "server": pause.server,
        "until": _time(pause.until),
        "others_until": _time(pause.others_until),
        "rejected_accounts": list(pause.accounts),
    }


def _time(moment: datetime | None) -> str | None:
    """Whole seconds (RFC 3339), or None."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else None
