"""What is shown of mailboxes, as the documents of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.web import documents as api
from agent.web.words import worst_first

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from agent import model
    from agent.memory import Refusal
    from agent.standing import Pause
    from agent.store.details import Spell
    from agent.store.history import Sample, Series
    from agent.store.told import Notice
    from agent.web.shown import Listing, Mailbox, Row


def listed(listing: Listing) -> api.MailboxList:
    """The document of the mailboxes asked for."""
    return api.MailboxList(
        version=api.VERSION,
        at=listing.at,
        store_problem=listing.problem,
        alerts=_alerts(listing.alerts),
        paused_servers=tuple(map(_pause, listing.pauses)),
        configured=listing.configured,
        matching=listing.matching,
        states=dict(listing.counts),
        offset=listing.asked.offset,
        limit=listing.asked.limit,
        mailboxes=tuple(api.Mailbox(**_mailbox(row, listing.at)) for row in listing.rows),
    )


def detailed(found: Mailbox) -> api.MailboxAnswer:
    """The document of one mailbox."""
    details = api.MailboxDetails(
        **_mailbox(found.row, found.at),
        folders=tuple(map(_folder, found.folders.largest)),
        folder_count=found.folders.count,
        history=tuple(_series(of, samples) for of, samples in found.history.items()),
        failures=tuple(map(_spell, found.spells)),
        notifications=tuple(map(_notice, found.notices)),
    )
    return api.MailboxAnswer(
        version=api.VERSION,
        at=found.at,
        store_problem=found.problem,
        alerts=_alerts(found.alerts),
        paused_servers=(_pause(found.pause),) if found.pause else (),
        mailbox=details,
    )


def _mailbox(row: Row, now: datetime) -> dict[str, Any]:
    account, known, reading = row.standing.account, row.standing.known, row.reading
    refusal = row.standing.refusal
    return {
        "account": account.name,
        "protocol": account.protocol,
        "server": str(account.server),
        "tags": account.tags,
        "state": row.standing.state,
        "status": row.status,
        "last_poll_at": known.polled_at,
        "last_success_at": known.succeeded_at,
        "interval_seconds": row.interval.total_seconds(),
        "figures_are_old": row.old,
        "failure": _failure(known.failure) if known.failure else None,
        "quarantine": _quarantine(refusal) if refusal else None,
        "quota_state": reading.quota_state if reading else None,
        "quotas": tuple(_quota(row, quota) for quota in reading.quotas) if reading else (),
        "usage_ratio": reading.usage_ratio if reading else None,
        "size_bytes": reading.size_bytes if reading else None,
        "messages": reading.messages if reading else None,
        "unread": reading.unread if reading else None,
        "reclaimable_bytes": reading.reclaimable_bytes if reading else None,
        "full_at": row.full_at(now),
        "alerts": _alerts(known.alerts),
    }


def _failure(failure: model.Failure) -> api.Failure:
    return api.Failure(reason=failure.kind, detail=failure.detail)


def _quarantine(refusal: Refusal) -> api.Quarantine:
    return api.Quarantine(
        rejections=refusal.times, last_rejection_at=refusal.at, retry_at=refusal.retry_at
    )


def _quota(row: Row, quota: model.Quota) -> api.Quota:
    outlook = row.outlook(quota)
    return api.Quota(
        root=quota.root,
        resource=quota.resource,
        used=quota.used,
        limit=quota.limit,
        source=quota.source,
        growth_per_day=outlook.growth if outlook else None,
        full_at=outlook.full_at if outlook else None,
    )


def _alerts(alerts: Iterable[model.Alert]) -> tuple[api.Alert, ...]:
    return tuple(
        api.Alert(
            rule=alert.key.rule,
            severity=alert.severity,
            root=alert.key.root,
            resource=alert.key.resource,
            since=alert.since,
            told=alert.told,
        )
        for alert in worst_first(alerts)
    )


def _pause(pause: Pause) -> api.Pause:
    return api.Pause(
        server=pause.server,
        until=pause.until,
        others_until=pause.others_until,
        rejected_accounts=pause.accounts,
    )


def _folder(folder: model.Folder) -> api.Folder:
    return api.Folder(
        name=folder.name,
        role=folder.role,
        messages=folder.messages,
        unread=folder.unread,
        size_bytes=folder.size_bytes,
    )


def _series(of: Series, samples: Iterable[Sample]) -> api.Series:
    points = (api.Point(at=each.at, used=each.used, limit=each.limit) for each in samples)
    return api.Series(kind=of.kind, root=of.root, resource=of.resource, points=tuple(points))


def _spell(spell: Spell) -> api.FailureSpell:
    return api.FailureSpell(
        reason=spell.failure.kind,
        detail=spell.failure.detail,
        began_at=spell.began_at,
        last_at=spell.last_at,
        polls=spell.times,
    )


def _notice(notice: Notice) -> api.Notice:
    key = notice.key
    return api.Notice(
        at=notice.at,
        receiver=notice.receiver,
        rule=key.rule,
        root=key.root,
        resource=key.resource,
        severity=notice.severity,
        reason=notice.reason,
        state=notice.state,
    )
