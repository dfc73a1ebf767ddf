"""What the pages and the API show of mailboxes: what the store has, and polls yet to be stored.

No mail server is asked, and the store is only read. Where it cannot be, what memory knows is shown.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from agent.model import Failure, Reading
from agent.rules import thresholds
from agent.standing import State, pauses, standing
from agent.store import StoreError, details, history, told
from agent.store.details import NO_FOLDERS, Spell
from agent.store.history import Series
from agent.web.known import Remembered, Stored
from agent.web.ranking import matching, rank
from agent.web.shown import Listing, Mailbox, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from agent.config.accounts import Account
    from agent.config.settings import Settings
    from agent.model import Poll
    from agent.store import Store
    from agent.store.overview import Overview
    from agent.store.trends import Point
    from agent.web.known import Memory
    from agent.web.shown import Asked

_MOST_PRESSING_FIRST = (
    State.CRITICAL, State.FAILING, State.QUARANTINED, State.WARNING, State.STALE, State.INFO,
    State.NEVER_POLLED, State.OK,
)  # fmt: skip
TREND = timedelta(days=7)  # as far as the forecast looks back


class Fleet:
    """The mailboxes of the settings in force; every method may be called from any thread."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        store: Store,
        memory: Memory,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings, self._store, self._memory, self._clock = settings, store, memory, clock

    def now(self) -> datetime:
        """The time by the agent's clock."""
        return self._clock()

    def listing(self, asked: Asked) -> Listing:
        """The mailboxes asked for, the worst first."""
        settings, now = self._settings(), self._clock()
        problem = self._memory.problem
        try:
            with self._store.reading() as connection:
                stored = Stored(settings, self._memory, connection)
                return _listing(settings, stored, asked, now, problem)
        except StoreError as error:
            remembered = Remembered(settings, self._memory)
            return _listing(settings, remembered, asked, now, problem or str(error))

    def mailbox(self, name: str, days: int) -> Mailbox | None:
        """One mailbox with its history of so many days; None where none of this name is."""
        settings, now = self._settings(), self._clock()
        account = next((each for each in settings.accounts if each.name == name), None)
        if account is None:
            return None
        since, problem = now - timedelta(days=days), self._memory.problem
        try:
            with self._store.reading() as connection:
                stored = Stored(settings, self._memory, connection)
                found = _mailbox(settings, stored, account, now, since, problem)
                return _detailed(found, connection, stored)
        except StoreError as error:
            remembered = Remembered(settings, self._memory)
            return _mailbox(settings, remembered, account, now, since, problem or str(error))


def _listing(
    settings: Settings, source: Remembered, asked: Asked, now: datetime, problem: str | None
) -> Listing:
    ranked = rank(settings, matching(settings.accounts, asked), source.glances(), now)
    counts = Counter(state for *_, state, _ in ranked)
    if asked.state:
        ranked = [each for each in ranked if each[3] is asked.state]
    page = [account for *_, account in ranked[asked.offset : asked.offset + asked.limit]]
    return Listing(
        at=now,
        asked=asked,
        problem=problem,
        configured=len(settings.accounts),
        matching=len(ranked),
        counts={state: counts[state] for state in _MOST_PRESSING_FIRST},
        tags=sorted({tag for each in settings.accounts for tag in each.tags}),
        rows=_rows(settings, source, page, now),
        alerts=source.common(),
        pauses=pauses(settings.accounts, settings.accounts, source.refusals(), now),
    )


def _rows(
    settings: Settings, source: Remembered, accounts: Sequence[Account], now: datetime
) -> list[Row]:
    known = source.overviews([each.name for each in accounts])
    wanted = {name: _shown(each.reading) for name, each in known.items() if each.reading}
    points = source.trends(wanted, now - TREND)
    return [_row(settings, each, known[each.name], now, points) for each in accounts]


def _row(
    settings: Settings,
    account: Account,
    known: Overview,
    now: datetime,
    points: Mapping[str, Sequence[Point]],
) -> Row:
    interval = settings.interval(account)
    longest = settings.alerts.stale_after * interval
    old = known.succeeded_at is not None and now - known.succeeded_at > longest
    one = standing(settings, account, known, now)
    levels = settings.alerts_for(account).levels
    level = thresholds.status(known.reading, levels) if known.reading else None
    return Row(one, interval, old, level, points.get(account.name, ()))


def _shown(reading: Reading) -> Series:
    """The series that says most about a mailbox."""
    tightest = reading.tightest
    return Series("quota", tightest.root, tightest.resource) if tightest else Series("size")


def _mailbox(  # noqa: PLR0913, PLR0917 - what is asked for, and what is known
    settings: Settings,
    source: Remembered,
    account: Account,
    now: datetime,
    since: datetime,
    problem: str | None,
) -> Mailbox:
    server = str(account.server)
    paused = pauses([account], settings.accounts, source.refusals(), now)
    (row,) = _rows(settings, source, [account], now)
    reading = row.reading
    return Mailbox(
        at=now,
        since=since,
        problem=problem,
        row=row,
        alerts=[alert for alert in source.common() if alert.key.root in {"", server}],
        pause=paused[0] if paused else None,
        folders=details.listed(reading.folders, len(reading.folders)) if reading else NO_FOLDERS,
    )


def _detailed(found: Mailbox, connection: Connection, source: Remembered) -> Mailbox:
    name = found.row.name
    read_since = bool(found.row.reading and found.row.reading.folders)
    return replace(
        found,
        folders=found.folders if read_since else details.folders_of(connection, name),
        spells=_with_unwritten(details.spells(connection, name), source.unwritten.get(name, ())),
        notices=told.notices(connection, name),
        history=history.usage(connection, name, found.since),
    )


def _with_unwritten(spells: list[Spell], polls: Iterable[Poll]) -> list[Spell]:
    later = [
        Spell(poll.at, poll.at, 1, poll.outcome)
        for poll in polls
        if isinstance(poll.outcome, Failure)
    ]
    return [*later[::-1], *spells]
