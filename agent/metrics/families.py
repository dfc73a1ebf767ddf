"""Every metric of the mailboxes, one row each: name, type, meaning, labels, samples.

A new metric is a new row here. Series of a `Reading` vanish when it is too old to be true;
series of a `Mailbox` stay for as long as the account is configured. All are collected on the
polls' schedule, never by the scrape.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from agent.metrics.text import label, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime, timedelta

    from agent.config.accounts import Account
    from agent.model import FailureKind, Quota, Reading

Facts = TypeVar("Facts")
Sample = tuple[tuple[str, ...], float]  # label values in the family's order, and the value


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What the agent knows of one account beside its reading; None is "never happened"."""

    account: Account
    interval: timedelta
    success: bool | None = None
    duration: float | None = None
    last_success: datetime | None = None
    failures: Mapping[FailureKind, int] = field(default_factory=dict)
    firing: tuple[tuple[str, str], ...] = ()  # rule and severity, each pair once
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Certificate:
    """A mail server's certificate, as the latest handshake with that server showed it."""

    server: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Family(Generic[Facts]):
    """One metric; `samples` draws its values from the facts of one mailbox or server."""

    name: str
    explanation: str
    labels: tuple[str, ...]
    samples: Callable[[Facts], Iterable[Sample]]
    kind: Literal["gauge", "counter"] = "gauge"

    def fragment(self, facts: Facts, *lead: str) -> bytes:
        """The sample lines, `lead` being finished label pairs; one line per set of labels."""
        lines = {}
        for values, value in self.samples(facts):
            pairs = ",".join([*lead, *map(label, self.labels, values)])
            lines[pairs] = f"{self.name}{{{pairs}}} {value}\n"
        return "".join(lines.values()).encode()

    def header(self, *, openmetrics: bool) -> bytes:
        """The family's HELP and TYPE lines."""
        return metadata(self.name, self.kind, self.explanation, openmetrics=openmetrics)


def _one(value: float | None) -> list[Sample]:
    return [] if value is None else [((), value)]


def _at(moment: datetime | None) -> list[Sample]:
    return _one(None if moment is None else moment.timestamp())


def _quotas(reading: Reading, resource: str) -> list[Quota]:
    """Tightest last: should a server name one root twice, that line is the one that stays."""
    return sorted((q for q in reading.quotas if q.resource == resource), key=lambda q: q.ratio or 0)


def _used(resource: str) -> Callable[[Reading], Iterable[Sample]]:
    return lambda reading: [((q.root,), q.used) for q in _quotas(reading, resource)]


def _limit(resource: str) -> Callable[[Reading], Iterable[Sample]]:
    return lambda reading: [
        ((q.root,), q.limit) for q in _quotas(reading, resource) if q.limit is not None
    ]


def _info(mailbox: Mailbox) -> list[Sample]:
    account = mailbox.account
    return [((account.protocol, str(account.server), ",".join(account.tags)), 1)]


_AS_OF = "as of the last successful poll (collected on a schedule, absent once stale)"

READING_FAMILIES: tuple[Family[Reading], ...] = (
    Family(
        "mailbox_quota_used_bytes",
        f"Bytes counted against this quota root's STORAGE limit, {_AS_OF}.",
        ("quota_root",),
        _used("storage"),
    ),
    Family(
        "mailbox_quota_limit_bytes",
        f"STORAGE limit of this quota root in bytes, {_AS_OF}; absent where it is unlimited.",
        ("quota_root",),
        _limit("storage"),
    ),
    Family(
        "mailbox_quota_used_messages",
        f"Messages counted against this quota root's MESSAGE limit, {_AS_OF}.",
        ("quota_root",),
        _used("message"),
    ),
    Family(
        "mailbox_quota_limit_messages",
        f"MESSAGE limit of this quota root, {_AS_OF}; absent where it is unlimited.",
        ("quota_root",),
        _limit("message"),
    ),
    Family(
        "mailbox_usage_ratio",
        f"Used share of the tightest limit, 0 to 1 and above, {_AS_OF}; absent without a limit.",
        (),
        lambda reading: _one(reading.usage_ratio),
    ),
    Family(
        "mailbox_size_bytes",
        f"Sum of the counted folders' sizes in bytes, {_AS_OF}.",
        (),
        lambda reading: _one(reading.size_bytes),
    ),
    Family(
        "mailbox_messages",
        f"Messages in the counted folders, {_AS_OF}.",
        (),
        lambda reading: _one(reading.messages),
    ),
    Family(
        "mailbox_unread_messages",
        f"Unread messages in the counted folders, trash and junk left out, {_AS_OF}.",
        (),
        lambda reading: _one(reading.unread),
    ),
    Family(
        "mailbox_reclaimable_bytes",
        f"Bytes that emptying the folders of this role would free, {_AS_OF}; "
        "role deleted: what is marked as deleted in other folders, where the server tells of it.",
        ("role",),
        lambda reading: [((role,), size) for role, size in reading.reclaimable or ()],
    ),
    Family(
        "mailbox_uncollected_messages",
        f"Messages that wait in a POP3 maildrop with track_messages, {_AS_OF}.",
        (),
        lambda reading: _one(reading.uncollected),
    ),
    Family(
        "mailbox_oldest_uncollected_timestamp_seconds",
        "When the message that waits longest in a POP3 maildrop with track_messages was first "
        f"seen there, in seconds since the epoch, {_AS_OF}; absent where none waits.",
        (),
        lambda reading: _at(reading.oldest_uncollected),
    ),
)

MAILBOX_FAMILIES: tuple[Family[Mailbox], ...] = (
    Family(
        "mailbox_poll_success",
        "Whether the last poll yielded a reading: 1, or 0 if it failed.",
        (),
        lambda mailbox: _one(None if mailbox.success is None else int(mailbox.success)),
    ),
    Family(
        "mailbox_poll_duration_seconds",
        "How long the last poll took in seconds, failed or not.",
        (),
        lambda mailbox: _one(mailbox.duration),
    ),
    Family(
        "mailbox_poll_interval_seconds",
        "Seconds from one poll of this account to the next, as configured.",
        (),
        lambda mailbox: _one(mailbox.interval.total_seconds()),
    ),
    Family(
        "mailbox_last_success_timestamp_seconds",
        "When a poll last succeeded, in seconds since the epoch; known across restarts.",
        (),
        lambda mailbox: _at(mailbox.last_success),
    ),
    Family(
        "mailbox_poll_failures_total",
        "Polls that failed since the agent started, by reason.",
        ("reason",),
        lambda mailbox: [((kind,), count) for kind, count in mailbox.failures.items()],
        kind="counter",
    ),
    Family(
        "mailbox_login_quarantined",
        "1 while the login is not tried as scheduled, since the server has rejected it.",
        (),
        lambda mailbox: _one(1 if mailbox.rejected else None),
    ),
    Family(
        "mailbox_alert_firing",
        "1 while an alert of this rule and severity fires.",
        ("rule", "severity"),
        lambda mailbox: [(alert, 1) for alert in mailbox.firing],
    ),
    Family(
        "mailbox_info",
        "1, with what is configured of the account; tags are joined by commas.",
        ("protocol", "server", "tags"),
        _info,
    ),
)

CERTIFICATE_FAMILY: Family[Certificate] = Family(
    "mailbox_tls_certificate_expiry_timestamp_seconds",
    "When the mail server's certificate expires, in seconds since the epoch, "
    "as of the latest TLS handshake (collected on a schedule, absent once stale).",
    ("server",),
    lambda certificate: [((certificate.server,), certificate.expires.timestamp())],
)
