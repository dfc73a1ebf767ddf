"""The nouns that travel through the agent, from a probe's reading to a notification.

Standard library only: every other room may import this one, and it imports none of them.
Sizes are bytes (octets), times are timezone-aware UTC datetimes, durations are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from agent.memory import Learned, Refusal

LARGEST_COUNT = 2**63 - 1  # RFC 9208, section 4.1: usage and limit are number64, 63 bits wide.


class FailureKind(StrEnum):
    """Why a poll yielded no reading; the values are the metric's and the document's `reason`."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    AUTH = "auth"
    DENIED = "denied"
    THROTTLED = "throttled"
    LOCKED = "locked"
    UNAVAILABLE = "unavailable"
    PROTOCOL = "protocol"
    CONFIG = "config"


class QuotaState(StrEnum):
    """What is known of a mailbox's limits; only LIMITED feeds thresholds."""

    LIMITED = "limited"
    UNLIMITED = "unlimited"
    UNSUPPORTED = "unsupported"
    DENIED = "denied"
    INVALID = "invalid"


class Status(StrEnum):
    """One word for a mailbox after a poll, as `check` prints it."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    FULL = "full"
    UNLIMITED = "unlimited"
    NO_LIMIT = "no_limit"
    FAILED = "failed"


class Role(StrEnum):
    """A folder's special use (RFC 6154), INBOX included."""

    INBOX = "inbox"
    SENT = "sent"
    DRAFTS = "drafts"
    TRASH = "trash"
    JUNK = "junk"
    ARCHIVE = "archive"
    ALL = "all"
    FLAGGED = "flagged"


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
class Quota:
    """One resource of one quota root (RFC 9208): bytes for `storage`, else a count."""

    root: str
    resource: str
    used: int
    limit: int | None
    source: Literal["server", "config"] = "server"

    @property
    def ratio(self) -> float | None:
        """Used share of the limit, 0 to 1 and above; None where the resource is unlimited.

        A limit of 0 (kept by `zero_limit = "full"`) is full by definition: 1.
        """
        if self.limit is None:
            return None
        return self.used / self.limit if self.limit else 1.0


@dataclass(frozen=True, slots=True)
class Folder:
    """One selectable folder, its name already decoded and made printable.

    `deleted_bytes` is the size of what is marked as deleted, and not yet removed.
    """

    name: str
    role: Role | None = None
    messages: int | None = None
    unread: int | None = None
    size_bytes: int | None = None
    deleted_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one successful poll learned; None is "not known", never 0.

    `size_bytes`, `messages` and `unread` are sums over `folders` (for POP3: the maildrop).
    `reclaimable` holds the bytes that could be freed: all in `trash` and `junk`, and what is marked
    `deleted` elsewhere, where the server tells of it.
    `uncollected` counts the messages that wait in a POP3 maildrop whose messages are tracked, and
    `oldest_uncollected` is when the one that waits longest was first seen there.
    `partial` says that the limits are the configured ones only, since the server's own answer
    could not be used this time: what it usually limits is not known.
    """

    quota_state: QuotaState
    quotas: tuple[Quota, ...] = ()
    folders: tuple[Folder, ...] = ()
    size_bytes: int | None = None
    messages: int | None = None
    unread: int | None = None
    reclaimable: tuple[tuple[str, int], ...] | None = None
    uncollected: int | None = None
    oldest_uncollected: datetime | None = None
    partial: bool = False

    @property
    def tightest(self) -> Quota | None:
        """The quota nearest to its limit, or None where nothing limits the mailbox."""
        limited = [quota for quota in self.quotas if quota.limit is not None]
        return max(limited, key=lambda quota: quota.ratio or 0.0, default=None)

    @property
    def usage_ratio(self) -> float | None:
        """Used share of the tightest limited quota, 0 to 1 and above."""
        return self.tightest.ratio if self.tightest else None

    @property
    def reclaimable_bytes(self) -> int | None:
        """What could be freed, all in all."""
        if self.reclaimable is None:
            return None
        return sum(size for _, size in self.reclaimable)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a poll yielded no reading; `detail` is one printable line without secrets.

    `retry_after` are the seconds for which the server asked to be left alone. `by_token_endpoint`
    says that OAuth2's token endpoint failed or refused, and the mail server was not asked.
    """

    kind: FailureKind
    detail: str
    retry_after: float | None = None
    by_token_endpoint: bool = False


Outcome = Reading | Failure


@dataclass(frozen=True, slots=True)
class Poll:
    """One finished poll: the outcome, when it ended, and how long it took in seconds.

    `login_delay` are the seconds that the server wants between two logins (RFC 2449, 6.5),
    `refusal` is how often it has rejected the login, None where it has not; `learned` is what
    later polls of the mailbox need.
    """

    account: str
    at: datetime
    duration: float
    outcome: Outcome
    certificate_expires: datetime | None = None
    login_delay: float | None = None
    refusal: Refusal | None = None
    learned: Learned | None = None


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
    `told` names the receivers that know of the episode, and so must hear of its end.
    """

    key: AlertKey
    severity: Severity
    since: datetime
    told_at: datetime
    step: int = 0
    reminders: int = 0
    told: tuple[str, ...] = ()


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
class Transition:
    """A change of one alert; `alert` is the state after it (for RESOLVED: the last one).

    A change without a reason is kept and told to nobody: critical that eased to warning.
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
