"""What is made of a poll: findings, alerts, and who is told of their changes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Severity(StrEnum):
    """How bad a finding is, mildest first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the mildest; the text itself sorts by alphabet and must not be compared."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Reason(StrEnum):
    """Why a notification is sent."""

    FIRST = "first"
    WORSE = "worse"
    REMINDER = "reminder"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class AlertKey:
    """What an alert is about: one rule for one quota (root and resource) of one account."""

    account: str
    rule: str
    root: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of one quota now; severity None says that all is well.

    No finding at all for a key means "not known", which changes no alert. `used` and `limit` are
    figures of a quota, None where the rule is about something else or the limit is gone; `detail`
    is a server's own words as one printable line, `moment` the time that the rule is about.
    """

    key: AlertKey
    severity: Severity | None
    used: int | None = None
    limit: int | None = None
    detail: str = ""
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """A firing alert as it was last told; it exists from FIRST until RESOLVED.

    `step` counts the transitions of this episode; with `since` it makes every notification
    of the episode distinguishable, and the same one recognisable when it is sent twice.
    `told` names the receivers that know of the episode, and so must hear of its end; `told_as` is
    the severity that they know, where a silence keeps back that it got worse.
    """

    key: AlertKey
    severity: Severity
    since: datetime
    told_at: datetime
    step: int = 0
    reminders: int = 0
    told: tuple[str, ...] = ()
    told_as: Severity | None = None

    @property
    def heard(self) -> Severity:
        """How bad it is as far as people know."""
        return self.told_as or self.severity


@dataclass(frozen=True, slots=True)
class Flapping:
    """How an alert comes and goes: how often it has begun lately, if all is well, since when.

    It outlives the alert by a day.
    """

    episodes: int
    well: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """What else helps to understand an alert of a mailbox; None and empty are "not known".

    `growth` is in bytes a day and `full_at` when the mailbox will be full at that pace;
    `reclaimable` is as in the reading, `largest` are the five largest folders with their bytes.
    """

    growth: int | None = None
    full_at: datetime | None = None
    reclaimable: tuple[tuple[str, int], ...] | None = None
    largest: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a quota grows, in bytes or messages a day, and when it will be full at that pace."""

    growth: float | None
    full_at: datetime | None


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of one alert; `alert` is the state after it (for RESOLVED: the last one).

    A change without a reason is kept and told to nobody: critical that eased to warning, or that
    came within a silence.
    """

    reason: Reason | None
    alert: Alert
    finding: Finding
    at: datetime
    situation: Situation | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """One transition for one target of one receiver, as it waits in the outbox.

    `key` is the idempotency key: the same notification carries it however often it is sent.
    `held` says that it is due at the end of quiet hours, and does not go with others before.
    """

    key: str
    receiver: str
    target: str
    transition: Transition
    due: datetime
    attempts: int = 0
    held: bool = False
