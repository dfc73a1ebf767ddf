"""Notifications on their way: written with the alert they tell of, deleted once sent.

A sent row is not kept: its key cannot be enqueued again, because the alert's step moved on in
the same transaction. What could not be sent in time stays as a dead letter.

Notifications of one alert to one target keep their order: a recovery never overtakes the alarm
it ends, even while the alarm waits for its next attempt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, delete, func, select, tuple_, update

from agent.model import AlertKey, Notification, Reason
from agent.store import facts
from agent.store.sql import chunks, insert_new
from agent.store.tables import outbox

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect

_Subject = tuple[str, ...]  # the values of these columns
_SUBJECT = ("receiver", "target", "account", "rule", "root", "resource")


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one receiver still has to be told: waiting, since when, and given up.

    What was never attempted waits from when it is due: quiet hours hold back, they delay nothing.
    """

    waiting: int
    oldest: datetime | None
    dead: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A notification as it lies in the outbox: waiting or given up, and why it was not accepted.

    `notification.due` is the earliest next attempt; it means nothing where the letter is dead.
    `error` is one line without secrets, None before the first attempt has failed.
    """

    notification: Notification
    dead: bool
    error: str | None


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
        waiting = [_notification(row, row.attempts) for row in rows]
        _delete(
            connection,
            [
                each.key
                for each in waiting
                if each.transition.alert.key in keys
                and each.transition.reason is not Reason.RESOLVED
            ],
        )


def claim(
    connection: Connection, receiver: str, target: str, now: datetime, limit: int
) -> list[Notification]:
    """Return what is due for a target, oldest first, each with one attempt more.

    Commit before sending: an attempt that ends with the process must have been counted.
    """
    due = _ready_at() <= now
    query = select(outbox).where(_waiting(receiver, target), due).order_by(outbox.c.id)
    rows = connection.execute(query.limit(limit)).all()
    _update(connection, (row.key for row in rows), attempts=outbox.c.attempts + 1)
    return [_notification(row, attempts=row.attempts + 1) for row in rows]


def sent(connection: Connection, keys: Collection[str]) -> None:
    """Forget notifications that their target has accepted."""
    _delete(connection, keys)


def retry(connection: Connection, keys: Collection[str], due: datetime, error: str) -> None:
    """Let notifications wait until `due`; `error` is one line without secrets."""
    _update(connection, keys, due=due, error=error)


def bury(connection: Connection, keys: Collection[str], error: str) -> None:
    """Give notifications up, and keep them as dead letters."""
    _update(connection, keys, dead=True, error=error)


def bury_unknown(
    connection: Connection, targets: Collection[tuple[str, str]], error: str
) -> dict[str, int]:
    """Give up what waits for targets that are not among `targets` (receiver, ordinal).

    Returns how many notifications each such receiver will not get.
    """
    where = outbox.c.dead.is_(False)
    query = select(outbox.c.receiver, outbox.c.target, func.count()).where(where)
    counts = connection.execute(query.group_by(outbox.c.receiver, outbox.c.target)).all()
    unknown: dict[str, int] = {}
    for receiver, target, count in counts:
        if (receiver, target) not in targets:
            given_up = update(outbox).where(_waiting(receiver, target))
            connection.execute(given_up.values(dead=True, error=error))
            unknown[receiver] = unknown.get(receiver, 0) + count
    return unknown


def first_due(connection: Connection, receiver: str, now: datetime) -> str | None:
    """Return the target of what is due longest for a receiver; None where nothing is."""
    query = select(outbox.c.target).where(_waits(receiver), _ready_at() <= now)
    return connection.execute(query.order_by(outbox.c.due, outbox.c.id).limit(1)).scalar()


def count(connection: Connection, receiver: str, target: str | None) -> int:
    """Return how many notifications wait for a target; 0 without one."""
    if target is None:
        return 0
    query = select(func.count()).select_from(outbox).where(_waiting(receiver, target))
    return connection.execute(query).scalar_one()


def next_due(connection: Connection, receiver: str, target: str | None) -> datetime | None:
    """Return when something will next be due for a target, or for any without; None for never."""
    where = _waiting(receiver, target) if target is not None else _waits(receiver)
    ready = select(_ready_at().label("at")).where(where).subquery()
    return connection.execute(select(func.min(ready.c.at))).scalar()


def pending(connection: Connection) -> dict[str, Backlog]:
    """Return the backlog of every receiver that has one."""
    waits = outbox.c.dead.is_(False)
    since = case((outbox.c.attempts == 0, outbox.c.due), else_=outbox.c.created_at)
    query = select(
        outbox.c.receiver,
        func.sum(case((waits, 1), else_=0)),
        func.min(case((waits, since))),
        func.sum(case((waits, 0), else_=1)),
    ).group_by(outbox.c.receiver)
    return {receiver: Backlog(*counts) for receiver, *counts in connection.execute(query)}


def letters(connection: Connection) -> list[Letter]:
    """Return all that waits or was given up, in the order in which it was decided."""
    query = select(outbox, _ready_at().label("ready_at")).order_by(outbox.c.id)
    return [
        Letter(
            replace(_notification(row, row.attempts), due=row.ready_at or row.due),
            row.dead,
            row.error,
        )
        for row in connection.execute(query)
    ]


def revive(connection: Connection, keys: Collection[str], due: datetime) -> None:
    """Let dead letters wait again until `due`, with all their attempts ahead and the same keys."""
    _update(connection, keys, dead=False, attempts=0, due=due)


def forget(connection: Connection, keys: Collection[str]) -> None:
    """Remove notifications that nobody is to be told of any more, waiting or dead."""
    _delete(connection, keys)


def _waits(receiver: str) -> ColumnElement[bool]:
    return and_(outbox.c.receiver == receiver, outbox.c.dead.is_(False))


def _waiting(receiver: str, target: str) -> ColumnElement[bool]:
    return and_(_waits(receiver), outbox.c.target == target)


def _ready_at() -> ScalarSelect[datetime | None]:
    """When a row may go: not before those decided earlier for the same alert and target."""
    earlier = outbox.alias("earlier")
    same = tuple_(*(earlier.c[name] for name in _SUBJECT))
    return (
        select(func.max(earlier.c.due))
        .where(
            same == tuple_(*(outbox.c[name] for name in _SUBJECT)),
            earlier.c.id <= outbox.c.id,
            earlier.c.dead.is_(False),
        )
        .correlate(outbox)
        .scalar_subquery()
    )


def _coalesced(connection: Connection, notifications: Iterable[Notification]) -> list[Notification]:
    """The notifications in the place of those of the same alerts that were never attempted."""
    waiting = _never_attempted(connection, {_subject(each) for each in notifications})
    new: dict[_Subject, list[Notification]] = {}
    for each in notifications:
        before = new.get(_subject(each)) or waiting.get(_subject(each), [])
        new[_subject(each)] = _instead(before, each)
    replaced = (one.key for subject in new for one in waiting.get(subject, []))
    _delete(connection, set(replaced) - {one.key for each in new.values() for one in each})
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
            subject = tuple(getattr(row, name) for name in _SUBJECT)
            if subject in subjects:
                found.setdefault(subject, []).append(_notification(row, row.attempts))
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


def _delete(connection: Connection, keys: Iterable[str]) -> None:
    for chunk in chunks(keys):
        connection.execute(delete(outbox).where(outbox.c.key.in_(chunk)))


def _update(connection: Connection, keys: Iterable[str], **values: Any) -> None:
    for chunk in chunks(keys):
        connection.execute(update(outbox).where(outbox.c.key.in_(chunk)).values(**values))


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


def _notification(row: Row[Any], attempts: int) -> Notification:
    return Notification(
        key=row.key,
        receiver=row.receiver,
        target=row.target,
        transition=facts.parse(row.transition),
        due=row.due,
        attempts=attempts,
    )
