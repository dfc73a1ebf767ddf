from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.levels import FreeSpace, Level, Share
from agent.model import (
    AlertKey,
    Failure,
    FailureKind,
    Finding,
    Quota,
    QuotaState,
    Reading,
    Severity,
    Status,
)
from agent.rules.thresholds import status, usage

LEVELS = (
    Level(at=Share(0.8), severity=Severity.WARNING),
    Level(at=Share(0.95), severity=Severity.CRITICAL),
)
KEY = AlertKey("anna", "usage", "User quota", "storage")


def _reading(used: int, limit: int | None = 100, resource: str = "storage") -> Reading:
    state = QuotaState.UNLIMITED if limit is None else QuotaState.LIMITED
    return Reading(state, (Quota("User quota", resource, used, limit),))


def _severity(used: int, held: Severity | None = None) -> Severity | None:
    holding = {KEY: held} if held else {}
    [finding] = usage("anna", _reading(used), LEVELS, 0.05, holding)
    return finding.severity


@pytest.mark.parametrize(
    ("used", "held", "expected"),
    [
        (79, None, None),
        (80, None, Severity.WARNING),
        (94, None, Severity.WARNING),
        (95, None, Severity.CRITICAL),
        (120, None, Severity.CRITICAL),
        (79, Severity.WARNING, Severity.WARNING),
        (75, Severity.WARNING, Severity.WARNING),
        (74, Severity.WARNING, None),
        (91, Severity.CRITICAL, Severity.CRITICAL),
        (89, Severity.CRITICAL, Severity.WARNING),
        (76, Severity.CRITICAL, Severity.WARNING),
        (10, Severity.CRITICAL, None),
        (91, Severity.WARNING, Severity.WARNING),
    ],
)
def test_a_level_is_entered_at_its_share_and_left_below_the_hysteresis(
    used: int, held: Severity | None, expected: Severity | None
) -> None:
    assert _severity(used, held) is expected


@given(
    used=st.integers(0, 130),
    held=st.sampled_from([None, Severity.WARNING, Severity.CRITICAL]),
)
def test_hysteresis_agrees_with_exact_arithmetic(used: int, held: Severity | None) -> None:
    share = Fraction(used, 100)
    warning_from = Fraction(75 if held else 80, 100)
    critical_from = Fraction(90 if held is Severity.CRITICAL else 95, 100)
    expected = None
    if share >= warning_from:
        expected = Severity.WARNING
    if share >= critical_from:
        expected = Severity.CRITICAL
    assert _severity(used, held) is expected


def test_free_space_is_judged_for_storage_only() -> None:
    levels = (Level(at=FreeSpace(30), severity=Severity.CRITICAL),)
    [storage] = usage("anna", _reading(70), levels, 0.05, {})
    [message] = usage("anna", _reading(70, resource="message"), levels, 0.05, {})
    assert storage.severity is Severity.CRITICAL
    assert message.severity is None


@pytest.mark.parametrize(("used", "expected"), [(65, Severity.CRITICAL), (64, None)])
def test_free_space_is_left_when_more_than_the_hysteresis_is_free(
    used: int, expected: Severity | None
) -> None:
    levels = (Level(at=FreeSpace(30), severity=Severity.CRITICAL),)
    [finding] = usage("anna", _reading(used), levels, 0.05, {KEY: Severity.CRITICAL})
    assert finding.severity is expected


@pytest.mark.parametrize("state", [QuotaState.UNSUPPORTED, QuotaState.DENIED, QuotaState.INVALID])
def test_an_answer_without_believable_limits_says_nothing(state: QuotaState) -> None:
    assert usage("anna", Reading(state), LEVELS, 0.05, {KEY: Severity.WARNING}) == []


def test_a_quota_that_became_unlimited_ends_its_alert() -> None:
    held = {KEY: Severity.WARNING, AlertKey("ben", "usage"): Severity.WARNING}
    found = usage("anna", _reading(90, limit=None), LEVELS, 0.05, held)
    assert found == [Finding(KEY, None, used=90)]


def test_a_quota_root_that_vanished_ends_its_alert_and_leaves_the_others() -> None:
    gone = AlertKey("anna", "usage", "Old root", "storage")
    found = usage("anna", _reading(90), LEVELS, 0.05, {gone: Severity.CRITICAL})
    assert found == [
        Finding(KEY, Severity.WARNING, 90, 100),
        Finding(gone, None),
    ]


def test_a_quota_that_is_told_twice_counts_once_at_its_worst() -> None:
    twice = Reading(
        QuotaState.LIMITED,
        (
            Quota("User quota", "storage", 96, 100),
            Quota("User quota", "storage", 10, 100),
        ),
    )
    assert usage("anna", twice, LEVELS, 0.05, {}) == [Finding(KEY, Severity.CRITICAL, 96, 100)]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (_reading(10), Status.OK),
        (_reading(80), Status.WARNING),
        (_reading(95), Status.CRITICAL),
        (_reading(99), Status.CRITICAL),
        (_reading(100), Status.FULL),
        (_reading(0, limit=0), Status.FULL),
        (_reading(2**50 - 1, limit=2**50), Status.CRITICAL),
        (_reading(80, limit=None), Status.UNLIMITED),
        (Reading(QuotaState.UNSUPPORTED), Status.NO_LIMIT),
        (Reading(QuotaState.DENIED), Status.NO_LIMIT),
        (Reading(QuotaState.INVALID), Status.NO_LIMIT),
        (Failure(FailureKind.DNS, "no such host"), Status.FAILED),
    ],
)
def test_the_status_is_one_word_for_the_mailbox(
    outcome: Reading | Failure, expected: Status
) -> None:
    assert status(outcome, LEVELS) is expected


def test_the_status_is_that_of_the_worst_quota() -> None:
    quotas = (Quota("", "storage", 10, 100), Quota("", "message", 85, 100))
    assert status(Reading(QuotaState.LIMITED, quotas), LEVELS) is Status.WARNING
