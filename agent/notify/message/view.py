"""What templates may show of one notification: printed for the reader's language, and harmless.

Each is worked out when a template asks for it, since most templates ask for few.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from agent.notify.message import inert
from agent.notify.message.local import span
from agent.notify.message.subject import Subject

if TYPE_CHECKING:
    from datetime import datetime

    from agent.notify.message.local import Span

PERCENT = 100
LARGEST = 5  # folders
# A forecast of years says no more than that there is time.
_FORESEEABLE = timedelta(days=366)
_OF_QUOTAS = ("usage", "forecast", "limit")


class Part(NamedTuple):
    """A folder, or a kind of mail that could be deleted, and how large it is."""

    name: str
    size: str


class View(Subject):
    """One notification. Texts are empty where nothing is known, never a guess."""

    @property
    def percent(self) -> str:
        """Used share in whole percent, rounded down: nothing below its limit reads 100 %."""
        share = self.share
        return "" if share is None else self._local.percent(share)

    @property
    def share(self) -> int | None:
        """The same as a number."""
        used, limit = self._finding.used, self._finding.limit
        if used is None or limit is None or self.rule not in _OF_QUOTAS:
            return None
        return percent(used, limit)

    @property
    def count(self) -> int | None:
        """What is used, waits, is unread or fails, as a number."""
        return self._finding.used

    @property
    def total(self) -> int | None:
        """The limit, or of how many, as a number."""
        return self._finding.limit

    @property
    def used(self) -> str:
        """`count`, printed as a size or as a number."""
        return self._amount(self._finding.used)

    @property
    def limit(self) -> str:
        """`total`, printed likewise."""
        return self._amount(self._finding.limit)

    @property
    def free(self) -> str:
        """What is left of the limit, or by how much it is exceeded (`beyond`)."""
        used, limit = self._finding.used, self._finding.limit
        return "" if used is None or limit is None else self._amount(abs(limit - used))

    @property
    def full(self) -> bool:
        """Whether nothing is left."""
        return self.share is not None and self.share >= PERCENT

    @property
    def beyond(self) -> bool:
        """Whether more is used than the limit allows."""
        return (self.count or 0) > (self.total or 0) and self.total is not None

    @property
    def detail(self) -> str:
        """What failed, as the server says it."""
        return inert.words(self._finding.detail)

    @property
    def moment(self) -> str:
        """The time that the rule is about; which one that is, docs/messages.md says."""
        return self._moment(self._finding.moment)

    @property
    def ago(self) -> str:
        """How long before the alert that was: `3 hours and 5 minutes`; empty if it is to come."""
        at = self._finding.moment
        return "" if at is None or at > self._at else self._local.duration(self._at - at)

    @property
    def ahead(self) -> Span | None:
        """How long after the alert that is; None if it is over."""
        at = self._finding.moment
        return None if at is None or at <= self._at else span(at - self._at)

    @property
    def growth(self) -> str:
        """How much the mailbox grows a day; empty if it does not."""
        situation = self._transition.situation
        if situation is None or not self._of_storage or (situation.growth or 0) <= 0:
            return ""
        return self._local.size(situation.growth or 0)

    @property
    def full_at(self) -> str:
        """When the mailbox will be full at that pace; empty beyond a year."""
        return self._moment(self._expected)

    @property
    def full_on(self) -> str:
        """The same as a date with its weekday."""
        return self._local.day(self._expected) if self._expected else ""

    @property
    def left(self) -> Span | None:
        """How long that is from the alert on."""
        return span(self._expected - self._at) if self._expected else None

    @property
    def reclaimable(self) -> tuple[Part, ...] | None:
        """What could be freed: `trash`, `junk`, `deleted`, those without anything left out."""
        situation = self._transition.situation
        if situation is None or not situation.reclaimable or not self._of_storage:
            return None
        known = situation.reclaimable
        return tuple(Part(kind, self._local.size(octets)) for kind, octets in known if octets)

    @property
    def reclaimable_total(self) -> str:
        """How much that is all in all; empty if it is nothing, or not known."""
        return self._local.size(self._reclaimable()) if self._reclaimable() else ""

    @property
    def trash_and_junk(self) -> str:
        """How much of it is in trash and junk."""
        octets = self._reclaimable("trash", "junk")
        return self._local.size(octets) if octets else ""

    @property
    def largest(self) -> tuple[Part, ...]:
        """The largest folders."""
        situation = self._transition.situation
        if situation is None or not self._of_storage:
            return ()
        return tuple(
            Part(inert.words(folder, inert.LONGEST_NAME), self._local.size(octets))
            for folder, octets in situation.largest[:LARGEST]
        )

    @property
    def _expected(self) -> datetime | None:
        """When it will be full, if that is still to come."""
        situation = self._transition.situation
        at = self._finding.moment if self.rule == "forecast" else None
        if at is None and situation is not None and self._of_storage:
            at = situation.full_at
        soon = at is not None and self._at < at <= self._at + _FORESEEABLE
        return at if soon and not self.full and not self.resolved else None

    def _reclaimable(self, *kinds: str) -> int:
        situation = self._transition.situation
        if situation is None or situation.reclaimable is None or not self._of_storage:
            return 0
        return sum(octets for kind, octets in situation.reclaimable if not kinds or kind in kinds)


def percent(used: int, limit: int) -> int:
    """Used share in whole percent, rounded down; a limit of 0 is full by definition."""
    return used * PERCENT // limit if limit else PERCENT
