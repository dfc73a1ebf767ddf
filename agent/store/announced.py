"""Alerts as Alertmanagers know them: by their labels, firing or ended a while ago.

To an Alertmanager an alert is its labels and nothing else. So they are kept as they were when it
was announced: whatever the configuration says of its mailbox since, it is ended under the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, func, or_, select, update

from agent.model import Reason, Transition
from agent.store import facts
from agent.store.sql import upsert
from agent.store.tables import announced

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from agent.model import Alert

KEEP_ENDED = timedelta(days=121)  # more than four of the longest intervals between two polls
_SUBJECT = ("account", "rule", "root", "resource")
_OF_ALERT = update(announced).where(
    and_(*(announced.c[name] == bindparam(f"_{name}") for name in _SUBJECT)),
    announced.c.ended_at.is_(None),
)
_END = _OF_ALERT.values(
    ended_at=bindparam("_ended_at"),
    transition=func.coalesce(bindparam("_transition"), announced.c.transition),
)
_RENEW = _OF_ALERT.values(transition=bindparam("_transition"))


@dataclass(frozen=True, slots=True)
class Announced:
    """One set of labels, as JSON, with the last figures under them; `ended_at` None: it fires."""

    identity: str
    since: datetime
    ended_at: datetime | None
    _facts: str

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels themselves."""
        labels: dict[str, str] = json.loads(self.identity)
        return labels

    @property
    def transition(self) -> Transition:
        """The last figures; read only when asked for, since most rows are only looked at."""
        return facts.parse(self._facts)


def announce(
    connection: Connection,
    transitions: Iterable[Transition],
    labels: Callable[[Alert], Mapping[str, str] | None],
) -> None:
    """Keep what transitions, in their order, change; `labels` is None for what is not announced.

    An alert whose labels change, its severity among them, ends under the old ones.
    """
    last = {transition.alert.key: transition for transition in transitions}
    ends, rows = [], []
    for transition in last.values():
        now_known_as = None if transition.reason is Reason.RESOLVED else labels(transition.alert)
        row = _row(transition, now_known_as)
        ends.append(_end(transition, row))
        if now_known_as is not None:
            rows.append(row)
    if ends:
        connection.execute(_END, ends)
    if rows:
        connection.execute(upsert(announced), rows)


def renew(connection: Connection, transitions: Collection[Transition]) -> None:
    """Keep newer figures of alerts that go on as they were."""
    rows = [
        {
            **{f"_{name}": getattr(each.alert.key, name) for name in _SUBJECT},
            "_transition": facts.dump(each),
        }
        for each in transitions
    ]
    if rows:
        connection.execute(_RENEW, rows)


def current(connection: Connection, receiver: str, since: datetime) -> list[Announced]:
    """Return what a receiver is told of: what fires, and what has ended at `since` or later.

    The rows of one alert stand together.
    """
    query = (
        select(*(announced.c[name] for name in ("labels", "since", "ended_at", "transition")))
        .add_columns(announced.c.told)
        .where(or_(announced.c.ended_at.is_(None), announced.c.ended_at >= since))
        .order_by(*(announced.c[name] for name in _SUBJECT))
    )
    rows = connection.execute(query)
    return [Announced(*row) for *row, told in rows if receiver in _names(told)]


def prune(connection: Connection, now: datetime) -> None:
    """Drop what ended so long ago that no Alertmanager can hold it any more."""
    connection.execute(delete(announced).where(announced.c.ended_at < now - KEEP_ENDED))


@cache  # a few lists, in as many rows as there are alerts
def _names(told: str) -> frozenset[str]:
    return frozenset(json.loads(told))


def _row(transition: Transition, labels: Mapping[str, str] | None) -> dict[str, object]:
    key = transition.alert.key
    return {
        "labels": json.dumps(labels, sort_keys=True, ensure_ascii=False) if labels else "",
        **{name: getattr(key, name) for name in _SUBJECT},
        "told": json.dumps(transition.alert.told, ensure_ascii=False),
        "since": transition.alert.since,
        "ended_at": None,
        "transition": facts.dump(transition),
    }


def _end(transition: Transition, row: Mapping[str, object]) -> dict[str, object]:
    """The end of whatever the alert was announced as; RESOLVED brings its last facts.

    It begins again right after where it only goes on, under the same labels or others.
    """
    ended = transition.reason is Reason.RESOLVED
    return {
        **{f"_{name}": row[name] for name in _SUBJECT},
        "_ended_at": transition.at,
        "_transition": row["transition"] if ended else None,
    }
