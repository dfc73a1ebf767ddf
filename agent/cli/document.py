"""The document that `check --json` prints; `docs/check.schema.json` describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.model import Failure, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.cli.outcome import Checked
    from agent.model import Folder, Quota

VERSION = 1


def document(checked: Iterable[Checked]) -> dict[str, Any]:
    """All mailboxes in the order asked for; sizes in bytes, durations in seconds."""
    return {"version": VERSION, "mailboxes": [_mailbox(one) for one in checked]}


def _mailbox(checked: Checked) -> dict[str, Any]:
    account, outcome = checked.account, checked.poll.outcome
    return {
        "account": account.name,
        "protocol": account.protocol,
        "server": str(account.server),
        "status": checked.status.value,
        "failure": _failure(outcome) if isinstance(outcome, Failure) else None,
        **_figures(outcome if isinstance(outcome, Reading) else None),
        "duration_seconds": round(checked.poll.duration, 3),
    }


def _failure(failure: Failure) -> dict[str, str]:
    return {"reason": failure.kind.value, "detail": failure.detail}


def _figures(reading: Reading | None) -> dict[str, Any]:
    """The figures of a reading; without one nothing is known: null, and empty lists."""
    return {
        "quota_state": reading.quota_state.value if reading else None,
        "quotas": [_quota(quota) for quota in reading.quotas] if reading else [],
        "usage_ratio": reading.usage_ratio if reading else None,
        "size_bytes": reading.size_bytes if reading else None,
        "messages": reading.messages if reading else None,
        "unread": reading.unread if reading else None,
        "folders": [_folder(folder) for folder in reading.folders] if reading else [],
        "reclaimable_bytes": reading.reclaimable_bytes if reading else None,
    }


def _quota(quota: Quota) -> dict[str, Any]:
    return {
        "root": quota.root,
        "resource": quota.resource,
        "used": quota.used,
        "limit": quota.limit,
        "source": quota.source,
    }


def _folder(folder: Folder) -> dict[str, Any]:
    return {
        "name": folder.name,
        "role": folder.role.value if folder.role else None,
        "messages": folder.messages,
        "unread": folder.unread,
        "size_bytes": folder.size_bytes,
    }
