"""What a poll of a mailbox yields: a reading, or the reason why there is none."""

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
