"""How bad a mailbox's usage is: each limited quota against the configured levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.config.levels import FreeSpace, Level, Share
from agent.model import (
    AlertKey,
    Failure,
    Finding,
    Outcome,
    Quota,
    QuotaState,
    Reading,
    Severity,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

RULE = "usage"
_STORAGE = "storage"
_STATUSES = {Severity.CRITICAL: Status.CRITICAL, Severity.WARNING: Status.WARNING}
_MILDEST_FIRST = (Status.OK, Status.WARNING, Status.CRITICAL, Status.FULL)


def usage(
    account: str,
    reading: Reading,
    levels: Sequence[Level],
    hysteresis: float,
    held: Mapping[AlertKey, Severity],
) -> list[Finding]:
    """Return one finding for each limited quota, and one for each that is limited no more.

    A severity in `held`, of an alert that fires, ends only `hysteresis` (a share of the limit)
    below its level. A finding without limit and severity says that the limit itself is gone.
    An answer that says nothing of limits (unsupported, denied, invalid) yields no finding.
    """
    match reading.quota_state:
        case QuotaState.UNSUPPORTED | QuotaState.DENIED | QuotaState.INVALID:
            return []
        case QuotaState.LIMITED | QuotaState.UNLIMITED:
            found = _limited(account, reading, levels, hysteresis, held)
            if reading.partial:
                return found
            return [*found, *_gone(account, reading, held, {finding.key for finding in found})]


def status(outcome: Outcome, levels: Sequence[Level]) -> Status:
    """Return the one word for a mailbox: the worst over all its limited quotas."""
    match outcome:
        case Failure():
            return Status.FAILED
        case Reading(quota_state=QuotaState.UNLIMITED):
            return Status.UNLIMITED
        case Reading(quota_state=QuotaState.LIMITED) if outcome.tightest:
            quotas = (quota for quota in outcome.quotas if quota.limit is not None)
            return max((_status(quota, levels) for quota in quotas), key=_MILDEST_FIRST.index)
        case Reading():
            return Status.NO_LIMIT


def _limited(
    account: str,
    reading: Reading,
    levels: Sequence[Level],
    hysteresis: float,
    held: Mapping[AlertKey, Severity],
) -> list[Finding]:
    found: dict[AlertKey, Finding] = {}
    for quota in reading.quotas:
        if quota.limit is None:
            continue
        key = AlertKey(account, RULE, quota.root, quota.resource)
        severity = _severity(quota, levels, hysteresis, held.get(key))
        finding = Finding(key, severity, quota.used, quota.limit)
        found[key] = max(found.get(key, finding), finding, key=_badness)
    return list(found.values())


def _gone(
    account: str,
    reading: Reading,
    held: Mapping[AlertKey, Severity],
    limited: set[AlertKey],
) -> Iterable[Finding]:
    used = {(quota.root, quota.resource): quota.used for quota in reading.quotas}
    for key in held:
        if key.account == account and key.rule == RULE and key not in limited:
            yield Finding(key, None, used.get((key.root, key.resource)))


def _severity(
    quota: Quota, levels: Iterable[Level], hysteresis: float, held: Severity | None
) -> Severity | None:
    """The worst level that the quota has reached, or has reached before and not left since."""
    reached = [
        level.severity
        for level in levels
        if _reaches(quota, level, hysteresis if _holds(held, level) else 0.0)
    ]
    return max(reached, key=lambda severity: severity.rank, default=None)


def _holds(held: Severity | None, level: Level) -> bool:
    return held is not None and held.rank >= level.severity.rank


def _reaches(quota: Quota, level: Level, slack: float) -> bool:
    """Whether usage is at the level, or above, or below it by no more than `slack`."""
    if quota.limit is None or quota.ratio is None:
        return False
    match level.at:
        case Share(ratio):
            return quota.ratio >= ratio - slack
        case FreeSpace(free):
            left = quota.limit - quota.used
            return quota.resource == _STORAGE and left <= free + slack * quota.limit


def _status(quota: Quota, levels: Sequence[Level]) -> Status:
    if quota.limit is not None and quota.used >= quota.limit:
        return Status.FULL
    severity = _severity(quota, levels, hysteresis=0.0, held=None)
    return _STATUSES.get(severity, Status.OK) if severity else Status.OK


def _badness(finding: Finding) -> tuple[int, int]:
    return (finding.severity.rank if finding.severity else -1, finding.used or 0)
