"""Every metric of the mailboxes, one row each: name, type, meaning, labels, samples.

A new metric is a new row here. Series of `Figures` vanish when they are too old to be true;
series of a `Mailbox` stay for as long as the account is configured. All are collected on the
polls' schedule, never by the scrape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.metrics.family import Family, Sample
from agent.metrics.folders import MOST, MOST_IN_ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from agent.metrics.facts import Certificate, Figures, Mailbox
    from agent.model import Folder, Quota


def _one(value: float | None) -> list[Sample]:
    return [] if value is None else [((), value)]


def _at(moment: datetime | None) -> list[Sample]:
    return _one(None if moment is None else moment.timestamp())


def _quotas(figures: Figures, resource: str) -> list[Quota]:
    """Tightest last: should a server name one root twice, that line is the one that stays."""
    found = (quota for quota in figures.reading.quotas if quota.resource == resource)
    return sorted(found, key=lambda quota: quota.ratio or 0)


def _used(resource: str) -> Callable[[Figures], Iterable[Sample]]:
    return lambda figures: [((q.root,), q.used) for q in _quotas(figures, resource)]


def _limit(resource: str) -> Callable[[Figures], Iterable[Sample]]:
    return lambda figures: [
        ((q.root,), q.limit) for q in _quotas(figures, resource) if q.limit is not None
    ]


def _each_folder(count: Callable[[Folder], int | None]) -> Callable[[Figures], Iterable[Sample]]:
    """What is counted of each folder; largest last, should two have the same printable name."""
    return lambda figures: [
        ((folder.name,), value)
        for folder in reversed(figures.folders)
        if (value := count(folder)) is not None
    ]


def _info(mailbox: Mailbox) -> list[Sample]:
    account = mailbox.account
    return [((account.protocol, str(account.server), ",".join(account.tags)), 1)]


_AS_OF = "as of the last successful poll (collected on a schedule, absent once stale)"
_LAST_POLL = "as of the last poll (collected on a schedule)"
_SOME_FOLDERS = f"of accounts with folder_metrics, their {MOST} largest folders at most"

FIGURES_FAMILIES: tuple[Family[Figures], ...] = (
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
        f"MESSAGE limit of this quota root in messages, {_AS_OF}; absent where it is unlimited.",
        ("quota_root",),
        _limit("message"),
    ),
    Family(
        "mailbox_usage_ratio",
        f"Used share of the tightest limit, 0 to 1 and above, {_AS_OF}; absent without a limit.",
        (),
        lambda figures: _one(figures.reading.usage_ratio),
    ),
    Family(
        "mailbox_size_bytes",
        f"Sum of the counted folders' sizes in bytes, {_AS_OF}.",
        (),
        lambda figures: _one(figures.reading.size_bytes),
    ),
    Family(
        "mailbox_messages",
        f"Messages in the counted folders, {_AS_OF}.",
        (),
        lambda figures: _one(figures.reading.messages),
    ),
    Family(
        "mailbox_unread_messages",
        f"Unread messages in the counted folders, trash and junk left out, {_AS_OF}.",
        (),
        lambda figures: _one(figures.reading.unread),
    ),
    Family(
        "mailbox_reclaimable_bytes",
        f"Bytes that emptying the folders of this role would free, {_AS_OF}; "
        "role deleted: what is marked as deleted in other folders, where the server tells of it.",
        ("role",),
        lambda figures: [((role,), size) for role, size in figures.reading.reclaimable or ()],
    ),
    Family(
        "mailbox_folder_size_bytes",
        f"Size of this folder in bytes, {_AS_OF}; {_SOME_FOLDERS}.",
        ("folder",),
        _each_folder(lambda folder: folder.size_bytes),
    ),
    Family(
        "mailbox_folder_messages",
        f"Messages in this folder, {_AS_OF}; {_SOME_FOLDERS}.",
        ("folder",),
        _each_folder(lambda folder: folder.messages),
    ),
    Family(
        "mailbox_folder_unread_messages",
        f"Unread messages in this folder, {_AS_OF}; {_SOME_FOLDERS}.",
        ("folder",),
        _each_folder(lambda folder: folder.unread),
    ),
    Family(
        "mailbox_folder_overflow",
        "Folders of an account with folder_metrics that have no series of their own, since at "
        f"most {MOST} of an account and {MOST_IN_ALL} of all have, {_AS_OF}.",
        (),
        lambda figures: _one(figures.overflow),
    ),
    Family(
        "mailbox_uncollected_messages",
        f"Messages that wait in a POP3 maildrop with track_messages, {_AS_OF}.",
        (),
        lambda figures: _one(figures.reading.uncollected),
    ),
    Family(
        "mailbox_oldest_uncollected_timestamp_seconds",
        "When the message that waits longest in a POP3 maildrop with track_messages was first "
        f"seen there, in seconds since the epoch, {_AS_OF}; absent where none waits.",
        (),
        lambda figures: _at(figures.reading.oldest_uncollected),
    ),
    Family(
        "mailbox_full_timestamp_seconds",
        "When the mailbox will be full if it goes on growing as in the last seven days, in "
        "seconds since the epoch; reckoned once an hour from what polls found (collected on a "
        "schedule, absent once stale); absent where there is no forecast.",
        (),
        lambda figures: _at(figures.full_at),
    ),
)

MAILBOX_FAMILIES: tuple[Family[Mailbox], ...] = (
    Family(
        "mailbox_poll_success",
        f"Whether the poll yielded a reading: 1, or 0 if it failed, {_LAST_POLL}.",
        (),
        lambda mailbox: _one(None if mailbox.success is None else int(mailbox.success)),
    ),
    Family(
        "mailbox_poll_duration_seconds",
        f"How long the poll took in seconds, failed or not, {_LAST_POLL}.",
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
        "When a poll last succeeded, in seconds since the epoch, "
        "known across restarts (polls run on a schedule).",
        (),
        lambda mailbox: _at(mailbox.last_success),
    ),
    # Absent until the first failure: eleven reasons at 0 would nearly double all series. Who needs
    # the first one looks at mailbox_poll_success, or at mailbox_agent_polls_total, which begins
    # with every reason at 0. A `_created` series would help no Prometheus in its usual
    # configuration, and a 0 shown after the failure would be wrong.
    Family(
        "mailbox_poll_failures_total",
        "Polls that failed since the agent started, by reason, "
        f"{_LAST_POLL}; absent for reasons that did not occur.",
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
        "mailbox_login_plaintext",
        '1 where the account is configured to log in without TLS (tls = "none"), else absent.',
        (),
        lambda mailbox: _one(1 if mailbox.account.tls == "none" else None),
    ),
    Family(
        "mailbox_alert_firing",
        "1 while an alert of this rule and severity fires; judged at each poll (collected on a "
        "schedule) and as time passes.",
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
