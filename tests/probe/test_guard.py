"""A refused password is tried twice at most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from agent.model import Failure, FailureKind, Poll, QuotaState, Reading
from agent.probe.guard import MOST_REFUSALS, RETRY_AFTER, LoginGuard
from tests.support.accounts import account

if TYPE_CHECKING:
    from agent.config.accounts import Account

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANNA = account(143)
OTHERS = (
    FailureKind.TIMEOUT,
    FailureKind.UNAVAILABLE,
    FailureKind.THROTTLED,
    FailureKind.LOCKED,
    FailureKind.DENIED,
)


def refused(kind: FailureKind = FailureKind.AUTH, at: datetime = NOON) -> Poll:
    return Poll("anna", at, 0.1, Failure(kind, "no"))


def changed(**keys: str) -> Account:
    return account(143, **keys)


def test_an_account_that_was_never_refused_may_try() -> None:
    assert LoginGuard().may_try(ANNA, NOON)


def test_the_second_try_comes_late_and_is_the_last() -> None:
    guard = LoginGuard()
    assert guard.note(ANNA, refused()) == 1
    assert not guard.may_try(ANNA, NOON + RETRY_AFTER - timedelta(seconds=1))
    assert guard.may_try(ANNA, NOON + RETRY_AFTER)
    assert guard.note(ANNA, refused(at=NOON + RETRY_AFTER)) == MOST_REFUSALS
    assert not guard.may_try(ANNA, NOON + timedelta(days=365))


@pytest.mark.parametrize("key", ["username", "password"])
def test_another_credential_starts_anew(key: str) -> None:
    guard = LoginGuard()
    guard.note(ANNA, refused())
    guard.note(ANNA, refused())
    assert guard.may_try(changed(**{key: "other"}), NOON)


def test_a_success_forgets_what_was_refused_before() -> None:
    guard = LoginGuard()
    guard.note(ANNA, refused())
    guard.note(ANNA, Poll("anna", NOON, 0.1, Reading(QuotaState.UNLIMITED)))
    assert guard.may_try(ANNA, NOON)
    assert guard.note(ANNA, refused()) == 1


@pytest.mark.parametrize("kind", OTHERS)
def test_other_failures_are_not_held_against_the_password(kind: FailureKind) -> None:
    guard = LoginGuard()
    for _ in range(5):
        assert guard.note(ANNA, refused(kind)) == 0
    assert guard.may_try(ANNA, NOON)


def test_a_secret_that_cannot_be_had_is_no_refusal() -> None:
    guard = LoginGuard()
    gone = account(143, password=None, password_file="/nowhere/secret")
    assert guard.may_try(gone, NOON)
    guard.note(gone, refused(FailureKind.CONFIG))
    assert guard.may_try(gone, NOON)
