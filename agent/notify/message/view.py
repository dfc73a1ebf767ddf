"""What templates may show of one notification: printed for the reader's language, and harmless.

Each is worked out when a template asks for it, since most templates ask for few.
"""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from agent.model import Reason
from agent.notify.message import inert
from agent.notify.message.local import span

if TYPE_CHECKING:
    from datetime import datetime

    from agent.model import Notification, Severity
    from agent.notify.message.local import Local, Span

REFERENCE_LENGTH = 12  # hexadecimal digits of the idempotency key; enough to tell repeats by
PERCENT = 100
LARGEST = 5  # folders
# A forecast of years says no more than that there is time.
_FORESEEABLE = timedelta(days=366)
# What servers call the one quota root of a mailbox: naming it would tell nobody anything.
_PLAIN_ROOTS = {"", "default", "inbox", "mailbox", "quota", "root", "storage", "user", "user quota"}
_OF_QUOTAS = ("usage", "forecast", "limit")
_OF_SERVERS = ("certificate", "server")  # rules whose root is a mail server of the configuration


class Part(NamedTuple):
    """A folder, or a kind of mail that could be deleted, and how large it is."""

    name: str
    size: str


class View:
    """One notification. Texts are empty where nothing is known, never a guess."""

    def __init__(self, notification: Notification, local: Local) -> None:
        self._notification, self._local = notification, local
        self._transition = notification.transition
        self._finding = self._transition.finding
        self._key = self._transition.alert.key

    @property
    def account(self) -> str:
        """The account's configured name; empty for an alert of a server or of the agent."""
        return inert.name(self._key.account)

    @property
    def argument(self) -> str:
        """The account's name as an argument of a shell command."""
        return shlex.quote(self.account)

    @property
    def server(self) -> str:
        """Of the rules `certificate` and `server`: host and port."""
        return inert.name(self._key.root) if self.rule in _OF_SERVERS else ""

    @property
    def rule(self) -> str:
        """`usage`, `forecast`, `poll` and so on: a template's name without its suffix."""
        return self._key.rule

    @property
    def reason(self) -> str:
        """`first`, `worse`, `reminder`, `resolved`; empty for a change that is told to nobody."""
        return self._transition.reason or ""

    @property
    def resolved(self) -> bool:
        """Whether the alert is over."""
        return self._transition.reason is Reason.RESOLVED

    @property
    def closed(self) -> bool:
        """Whether it is over because its limit, rule or account is gone: nothing has improved."""
        finding = self._finding
        figures = finding.limit is not None or (self.rule != "usage" and finding.used is not None)
        return self.resolved and not figures and finding.moment is None

    @property
    def severity(self) -> Severity:
        """`info`, `warning` or `critical`; of an alert that is over: the last one."""
        return self._transition.alert.severity

    @property
    def resource(self) -> str:
        """`storage`, `message`, or what else the server limits."""
        return inert.words(self._key.resource)

    @property
    def root(self) -> str:
        """The quota root; empty where it only says that it is this mailbox's."""
        if self.server:
            return ""
        root, account = self._key.root, self._key.account
        last = root.rpartition("/")[2].rpartition(".")[2]
        says_nothing = {root.casefold(), last.casefold()} & (_PLAIN_ROOTS | {account.casefold()})
        return "" if says_nothing else inert.words(root, inert.LONGEST_NAME)

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
    def since(self) -> str:
        """When the alert began."""
        return self._moment(self._transition.alert.since)

    @property
    def lasted(self) -> str:
        """How long it has lasted."""
        return self._local.duration(self._at - self._transition.alert.since)

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
    def reference(self) -> str:
        """The same for each repetition of the same message."""
        return self._notification.key[:REFERENCE_LENGTH]

    @property
    def _at(self) -> datetime:
        return self._transition.at

    @property
    def _of_storage(self) -> bool:
        return self._key.resource in ("storage", "")

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

    def _amount(self, value: int | None) -> str:
        if value is None:
            return ""
        is_size = self._key.resource == "storage"
        return self._local.size(value) if is_size else self._local.number(value)

    def _moment(self, at: datetime | None) -> str:
        return self._local.moment(at) if at else ""


def percent(used: int, limit: int) -> int:
    """Used share in whole percent, rounded down; a limit of 0 is full by definition."""
    return used * PERCENT // limit if limit else PERCENT
