"""A metrics page with every metric on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agent.config.accounts import ImapAccount, Pop3Account
from agent.memory import Refusal
from agent.metrics import Exposition, OwnMetrics, page
from agent.metrics.own import Waiting
from agent.model import (
    Alert,
    AlertKey,
    Failure,
    FailureKind,
    Folder,
    Poll,
    Quota,
    QuotaState,
    Reading,
    Role,
    Severity,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ANNA = ImapAccount(
    name="anna",
    protocol="imap",
    server="mail.example.com",
    username="anna@example.com",
    password="x",
    tags=("vip", "berlin"),
    folder_metrics=True,
)
BEN = Pop3Account(
    name="ben",
    protocol="pop3",
    server="pop.example.com",
    tls="none",
    username="ben",
    password="x",
    track_messages=True,
)
READING = Reading(
    QuotaState.LIMITED,
    quotas=(Quota("User quota", "storage", 19456, 20480), Quota("User quota", "message", 2, 1000)),
    folders=(Folder("INBOX", Role.INBOX, 2, 1, 18478),),
    size_bytes=18478,
    messages=2,
    unread=1,
    reclaimable=((Role.TRASH, 100), (Role.JUNK, 0)),
)
WAITING = Reading(QuotaState.UNSUPPORTED, messages=3, uncollected=3, oldest_uncollected=T0)
FULL_AT = T0 + timedelta(days=6)
EXPIRES = T0 + timedelta(days=30)


def firing(account: str, severity: Severity, root: str = "") -> Alert:
    """An alert on usage."""
    return Alert(AlertKey(account, "usage", root, "storage"), severity, since=T0, told_at=T0)


def everything() -> Exposition:
    """Two mailboxes that have every series between them."""
    exposition = Exposition()
    anna = Poll("anna", T0, 0.041, READING, EXPIRES)
    exposition.record(ANNA, MINUTE, anna, [firing("anna", Severity.CRITICAL)], FULL_AT)
    ben = Poll("ben", T0, 0.02, WAITING, EXPIRES)
    exposition.record(BEN, MINUTE, ben, ())
    refused = Poll("ben", T0, 0.02, Failure(FailureKind.AUTH, "no"), refusal=Refusal("x", 1, T0))
    exposition.record(BEN, MINUTE, replace(refused, certificate_expires=EXPIRES), ())
    return exposition


def own() -> OwnMetrics:
    """An agent's own metrics, of one that has one receiver."""
    metrics = OwnMetrics(lambda: T0)
    metrics.receivers(["ops"])
    metrics.outbox({"ops": Waiting(1, T0)})
    metrics.reloaded(T0, successful=True)
    return metrics


def whole(*, openmetrics: bool) -> str:
    """The page."""
    return b"".join(page(own(), everything(), openmetrics=openmetrics)).decode()
