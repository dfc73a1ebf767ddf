"""The nouns of pages and API: which mailboxes were asked for, and what is shown of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.model import Status
from agent.store.details import NO_FOLDERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from agent.model import Alert, Outlook, Quota, Reading
    from agent.standing import Pause, Standing, State
    from agent.store.details import Folders, Spell
    from agent.store.history import Sample, Series
    from agent.store.told import Notice
    from agent.store.trends import Point


@dataclass(frozen=True, slots=True)
class Asked:
    """Which mailboxes are asked for, worst first; empty and None are "any"."""

    search: str = ""
    tag: str = ""
    state: State | None = None
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A mailbox as it stands; `points` is the last week of the quota that is nearest its limit."""

    standing: Standing
    interval: timedelta
    old: bool  # its figures, by the time after which they are no longer exported
    level: Status | None  # how full it was when it was last read
    points: Sequence[Point] = ()

    @property
    def name(self) -> str:
        """The account's configured name."""
        return self.standing.account.name

    @property
    def status(self) -> Status | None:
        """The word that `check` would have for the last poll; None where none ended yet."""
        return Status.FAILED if self.standing.known.failure else self.level

    @property
    def reading(self) -> Reading | None:
        """The figures of the last success."""
        return self.standing.known.reading

    @property
    def tightest(self) -> Quota | None:
        """The quota that is nearest to its limit."""
        return self.reading.tightest if self.reading else None

    @property
    def full(self) -> bool:
        """Whether nothing is left of some limit."""
        return self.reading is not None and (self.reading.usage_ratio or 0.0) >= 1.0

    def outlook(self, quota: Quota) -> Outlook | None:
        """How a quota grows, as last worked out; None where the figures are too old."""
        return None if self.old else self.standing.known.outlooks.get((quota.root, quota.resource))

    def full_at(self, now: datetime) -> datetime | None:
        """When the first of its quotas will be full; None where that is not foreseen."""
        quotas = self.reading.quotas if self.reading else ()
        outlooks = (self.outlook(quota) for quota in quotas if quota.limit is not None)
        times = [each.full_at for each in outlooks if each and each.full_at and each.full_at > now]
        return None if self.full else min(times, default=None)


@dataclass(frozen=True, slots=True)
class Listing:
    """The mailboxes asked for, from `asked.offset` on; `matching` is how many there are."""

    at: datetime
    asked: Asked
    problem: str | None
    configured: int
    matching: int
    counts: Mapping[State, int]  # of those that match, whatever their state
    tags: Sequence[str]
    rows: Sequence[Row]
    alerts: Sequence[Alert]  # of servers, and of the agent itself
    pauses: Sequence[Pause]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """All that is known of one mailbox; `history` reaches back to `since`."""

    at: datetime
    since: datetime
    problem: str | None
    row: Row
    alerts: Sequence[Alert]  # of its server, and of the agent itself
    pause: Pause | None
    folders: Folders = NO_FOLDERS
    spells: Sequence[Spell] = ()
    notices: Sequence[Notice] = ()
    history: Mapping[Series, Sequence[Sample]] = field(default_factory=dict)
