"""Into the outbox: what is decided, together with what waits already, or in its place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from agent.model import AlertKey, Notification, Reason
from agent.store import facts
from agent.store.outbox.rows import SUBJECT, read, remove
from agent.store.sql import chunks, insert_new
from agent.store.tables import outbox

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

_Subject = tuple[str, ...]  # the values of the columns SUBJECT


def enqueue(connection: Connection, notifications: Collection[Notification]) -> None:
    """Add notifications in the order given; one whose key is there already is ignored.

    One that comes while others wait for their first attempt goes with them: an alert waits for
    its group once, and none waits longer than it was told to. Of one alert only the latest waits:
    what nobody was told of cannot get worse, and needs no end.
    """
    if not notifications:
        return
    groups = _groups(connection)
    latest = _coalesced(connection, notifications)
    rows = [_row(each, groups.get((each.receiver, each.target))) for each in latest]
    if rows:
        connection.execute(insert_new(outbox), rows)


def withdraw(connection: Connection, ended: Iterable[AlertKey]) -> None:
    """Forget what nobody was told of alerts that ended, but for the ends themselves."""
    keys = set(ended)
    fresh = and_(outbox.c.attempts == 0, outbox.c.dead.is_(False))
    for chunk in chunks({key.account for key in keys}):
        rows = connection.execute(select(outbox).where(fresh, outbox.c.account.in_(chunk)))
        waiting = [read(row, row.attempts) for row in rows]
        remove(
            connection,
            [
                each.key
                for each in waiting
                if each.transition.alert.key in keys
                and each.transition.reason is not Reason.RESOLVED
            ],
        )


def _coalesced(connection: Connection, notifications: Iterable[Notification]) -> list[Notification]:
    """The notifications in the place of those of the same alerts that were never attempted."""
    waiting = _never_attempted(connection, {_subject(each) for each in notifications})
    new: dict[_Subject, list[Notification]] = {}
    for each in notifications:
        before = new.get(_subject(each)) or waiting.get(_subject(each), [])
        new[_subject(each)] = _instead(before, each)
    replaced = (one.key for subject in new for one in waiting.get(subject, []))
    remove(connection, set(replaced) - {one.key for each in new.values() for one in each})
    return [one for each in new.values() for one in each]


def _instead(before: Sequence[Notification], after: Notification) -> list[Notification]:
    """What is to be told, where `before` was to be told and was not."""
    reason = after.transition.reason
    if not before:
        return [after]
    match before[-1].transition.reason:
        case Reason.FIRST if reason is Reason.RESOLVED:
            return []
        case Reason.FIRST:
            reason = Reason.FIRST
        case Reason.RESOLVED:  # they know of the alert that ended, and must hear of its new end
            worse = after.transition.alert.severity.rank > before[-1].transition.alert.severity.rank
            reason = Reason.WORSE if worse else Reason.REMINDER
        case Reason.WORSE if reason is Reason.REMINDER:
            reason = Reason.WORSE
        case _:
            pass
    return [replace(after, transition=replace(after.transition, reason=reason))]


def _never_attempted(
    connection: Connection, subjects: Collection[_Subject]
) -> dict[_Subject, list[Notification]]:
    found: dict[_Subject, list[Notification]] = {}
    fresh = and_(outbox.c.attempts == 0, outbox.c.dead.is_(False))
    for chunk in chunks({subject[2] for subject in subjects}):
        query = select(outbox).where(fresh, outbox.c.account.in_(chunk)).order_by(outbox.c.id)
        for row in connection.execute(query):
            subject = tuple(getattr(row, name) for name in SUBJECT)
            if subject in subjects:
                found.setdefault(subject, []).append(read(row, row.attempts))
    return found


def _subject(notification: Notification) -> _Subject:
    key = notification.transition.alert.key
    where = (notification.receiver, notification.target)
    return (*where, key.account, key.rule, key.root, key.resource)


def _groups(connection: Connection) -> dict[tuple[str, str], datetime]:
    """When each target's first attempt is due, for targets that have one before them."""
    fresh = and_(outbox.c.attempts == 0, outbox.c.dead.is_(False))
    query = select(outbox.c.receiver, outbox.c.target, func.min(outbox.c.due)).where(fresh)
    rows = connection.execute(query.group_by(outbox.c.receiver, outbox.c.target))
    return {(receiver, target): due for receiver, target, due in rows}


def _row(notification: Notification, group_due: datetime | None) -> dict[str, object]:
    transition = notification.transition
    alert = transition.alert.key
    together = group_due or notification.due
    return {
        "key": notification.key,
        "receiver": notification.receiver,
        "target": notification.target,
        "account": alert.account,
        "rule": alert.rule,
        "root": alert.root,
        "resource": alert.resource,
        "transition": facts.dump(transition),
        "created_at": transition.at,
        "due": notification.due if notification.held else min(notification.due, together),
        "attempts": notification.attempts,
        "dead": False,
    }
