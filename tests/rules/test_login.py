"""A rejected login is told once, and when it works again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.memory import MOST_REFUSALS, RETRY_AFTER, Refusal
from agent.model import (
    AlertKey,
    Failure,
    FailureKind,
    Finding,
    Poll,
    QuotaState,
    Reading,
    Severity,
)
from agent.rules.login import login

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = AlertKey("anna", "login")
REJECTED = Failure(FailureKind.AUTH, "login refused: no")


def poll(outcome: Reading | Failure, times: int = 0) -> Poll:
    refusal = Refusal("digest", times, NOON) if times else None
    return Poll("anna", NOON, 0.1, outcome, refusal=refusal)


def test_the_first_rejection_says_when_it_is_tried_again() -> None:
    words, again = "login refused: no", NOON + RETRY_AFTER
    expected = Finding(KEY, Severity.WARNING, detail=words, moment=again)
    assert login(poll(REJECTED, times=1), ()) == [expected]


def test_the_last_rejection_says_that_it_is_not() -> None:
    expected = Finding(KEY, Severity.WARNING, detail="login refused: no")
    assert login(poll(REJECTED, times=MOST_REFUSALS), {KEY}) == [expected]


def test_a_login_that_works_ends_the_alert_and_begins_none() -> None:
    well = poll(Reading(QuotaState.UNLIMITED))
    assert login(well, ()) == []
    assert login(well, {KEY}) == [Finding(KEY, None, moment=NOON)]


@pytest.mark.parametrize("kind", [kind for kind in FailureKind if kind is not FailureKind.AUTH])
def test_a_poll_that_failed_otherwise_says_nothing_of_the_login(kind: FailureKind) -> None:
    assert login(poll(Failure(kind, "no"), times=1), {KEY}) == []
