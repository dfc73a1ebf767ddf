"""A rejected password is tried twice at most, and a server that rejects several is left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from agent.memory import MOST_REFUSALS, RETRY_AFTER, Memory, Refusal
from agent.model import Failure, FailureKind, Poll, QuotaState, Reading
from agent.probe.guard import PAUSE, LoginGuard
from tests.support.accounts import account

if TYPE_CHECKING:
    from agent.config.accounts import Account

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ANNA, BERT, CARL = (account(143, name=name, username=name) for name in ("anna", "bert", "carl"))
OTHERS = (
    FailureKind.TIMEOUT,
    FailureKind.UNAVAILABLE,
    FailureKind.THROTTLED,
    FailureKind.LOCKED,
    FailureKind.DENIED,
)


class Remembered(Memory):
    """What the store would hold."""

    def __init__(self, *polls: Poll) -> None:
        self.held: dict[str, Refusal] = {}
        for poll in polls:
            self.keep(poll)

    def keep(self, poll: Poll) -> None:
        if poll.refusal:
            self.held[poll.account] = poll.refusal

    def refusals(self) -> dict[str, Refusal]:
        return dict(self.held)

    def refusal(self, account: str) -> Refusal | None:
        return self.held.get(account)

    def lift(self, account: str, at: datetime) -> None:
        self.held[account] = Refusal(self.held[account].credential, 0, at)


def guard(memory: Memory | None = None) -> LoginGuard:
    made = LoginGuard([ANNA, BERT, CARL], memory or Memory())
    made.restore()
    return made


def rejected(of: Account = ANNA, at: datetime = NOON, kind: FailureKind = FailureKind.AUTH) -> Poll:
    return Poll(of.name, at, 0.1, Failure(kind, "no"))


def succeeded(of: Account = ANNA, at: datetime = NOON) -> Poll:
    return Poll(of.name, at, 0.1, Reading(QuotaState.UNLIMITED))


def times(poll: Poll) -> int:
    return poll.refusal.times if poll.refusal else 0


def test_an_account_that_was_never_rejected_may_try() -> None:
    assert guard().may_try(ANNA, NOON)


def test_the_second_try_comes_late_and_is_the_last() -> None:
    made = guard()
    assert times(made.note(ANNA, rejected())) == 1
    assert not made.may_try(ANNA, NOON + RETRY_AFTER - SECOND)
    assert made.may_try(ANNA, NOON + RETRY_AFTER)
    assert times(made.note(ANNA, rejected(at=NOON + RETRY_AFTER))) == MOST_REFUSALS
    assert not made.may_try(ANNA, NOON + timedelta(days=365))


@pytest.mark.parametrize("key", ["username", "password", "server"])
def test_another_credential_starts_anew(key: str) -> None:
    made = guard()
    made.note(ANNA, rejected())
    other = account(143, **({"username": "anna"} | {key: "other"}))
    assert made.may_try(other, NOON)
    assert times(made.note(other, rejected())) == 1


def test_a_success_forgets_what_was_rejected_before() -> None:
    made = guard()
    made.note(ANNA, rejected())
    assert made.note(ANNA, succeeded()).refusal is None
    assert made.may_try(ANNA, NOON)
    assert times(made.note(ANNA, rejected())) == 1


@pytest.mark.parametrize("kind", OTHERS)
def test_other_failures_are_not_held_against_the_password(kind: FailureKind) -> None:
    made = guard()
    for _ in range(5):
        assert made.note(ANNA, rejected(kind=kind)).refusal is None
    assert made.may_try(ANNA, NOON)


def test_a_rejection_stays_on_record_through_failures_of_other_kinds() -> None:
    made = guard()
    made.note(ANNA, rejected())
    assert times(made.note(ANNA, rejected(kind=FailureKind.TIMEOUT))) == 1


def test_a_secret_that_cannot_be_had_is_no_rejection() -> None:
    made = guard()
    gone = account(143, password=None, password_file="/nowhere/secret")
    assert made.may_try(gone, NOON)
    made.note(gone, rejected(kind=FailureKind.CONFIG))
    assert made.may_try(gone, NOON)


def test_a_restart_forgets_no_rejection() -> None:
    before = guard()
    once = before.note(ANNA, rejected())
    after = guard(Remembered(once))
    assert not after.may_try(ANNA, NOON + SECOND)
    assert times(after.note(ANNA, rejected(at=NOON + RETRY_AFTER))) == MOST_REFUSALS
    assert not after.may_try(ANNA, NOON + timedelta(days=365))


def test_a_restart_with_another_password_starts_anew() -> None:
    memory = Remembered(guard().note(ANNA, rejected()))
    changed = account(143, username="anna", password="new")
    assert guard(memory).may_try(changed, NOON)


def test_what_is_kept_of_a_password_tells_nothing_of_it() -> None:
    one, other = guard().note(ANNA, rejected()).refusal, guard().note(ANNA, rejected()).refusal
    assert one
    assert other
    assert "wonderland" not in one.credential
    assert one.credential != other.credential


def test_a_quarantine_can_be_lifted_while_the_agent_runs() -> None:
    memory = Remembered()
    made = guard(memory)
    for hour in range(2):
        at = NOON + hour * RETRY_AFTER
        memory.keep(made.note(ANNA, rejected(at=at)))
    later = NOON + timedelta(days=1)
    assert not made.may_try(ANNA, later)
    memory.lift("anna", later)
    assert made.may_try(ANNA, later)
    assert times(made.note(ANNA, rejected(at=later))) == 1


def test_a_quarantine_that_the_store_does_not_know_of_stays() -> None:
    made = guard(Remembered())
    made.note(ANNA, rejected())
    assert not made.may_try(ANNA, NOON + SECOND)


def test_two_accounts_that_are_rejected_pause_their_server_for_all() -> None:
    made = guard()
    made.note(CARL, succeeded(CARL))
    made.note(ANNA, rejected(ANNA))
    assert made.may_try(CARL, NOON + SECOND)
    made.note(BERT, rejected(BERT, NOON + SECOND))
    until = made.paused_until("127.0.0.1:143")
    assert until == NOON + SECOND + PAUSE
    assert not made.may_try(CARL, until - SECOND)
    assert made.may_try(CARL, until)


def test_after_a_pause_those_go_first_that_got_in_before() -> None:
    made = guard()
    for each in (ANNA, BERT):
        made.note(each, rejected(each))
    assert not made.may_try(CARL, NOON + PAUSE)
    assert made.may_try(CARL, NOON + 2 * PAUSE)


def test_one_account_that_is_rejected_twice_pauses_nobody() -> None:
    made = guard()
    for second in range(2):
        made.note(ANNA, rejected(at=NOON + second * SECOND))
    assert made.paused_until("127.0.0.1:143") is None


def test_rejections_far_apart_pause_nobody() -> None:
    made = guard()
    made.note(ANNA, rejected(ANNA))
    made.note(BERT, rejected(BERT, NOON + PAUSE + SECOND))
    assert made.may_try(CARL, NOON + PAUSE + SECOND)


def test_another_server_goes_on() -> None:
    elsewhere = account(993, name="dora")
    made = LoginGuard([ANNA, BERT, elsewhere], Memory())
    for each in (ANNA, BERT):
        made.note(each, rejected(each))
    assert made.may_try(elsewhere, NOON)


@pytest.mark.parametrize("password", ["wonderland", "corrected"])
def test_a_reset_ends_a_pause_whether_or_not_the_password_was_corrected(password: str) -> None:
    memory = Remembered()
    made = guard(memory)
    for each in (ANNA, BERT):
        memory.keep(made.note(each, rejected(each)))
    assert not made.may_try(CARL, NOON + SECOND)
    memory.lift("anna", NOON + SECOND)
    assert made.may_try(account(143, username="anna", password=password), NOON + SECOND)
    assert made.may_try(CARL, NOON + SECOND)


def refused(of: Account = ANNA, at: datetime = NOON) -> Poll:
    """OAuth2's token endpoint has refused the grant: no mail server was asked."""
    failure = Failure(FailureKind.AUTH, "revoked", by_token_endpoint=True)
    return Poll(of.name, at, 0.1, failure)


def test_a_grant_that_is_refused_is_tried_twice_at_most_and_pauses_no_mail_server() -> None:
    memory = Remembered()
    made = guard(memory)
    for each in (ANNA, BERT):
        memory.keep(made.note(each, refused(each)))
        assert not made.may_try(each, NOON + RETRY_AFTER - SECOND)
        assert made.may_try(each, NOON + RETRY_AFTER)
    assert made.paused_until("127.0.0.1:143") is None
    assert made.may_try(CARL, NOON)
    again = guard(memory)
    assert again.paused_until("127.0.0.1:143") is None
    assert times(again.note(ANNA, refused(at=NOON + RETRY_AFTER))) == MOST_REFUSALS
    assert not again.may_try(ANNA, NOON + timedelta(days=365))


def test_what_an_endpoint_refused_and_what_a_server_refused_are_counted_apart() -> None:
    made = guard()
    made.note(ANNA, refused())
    assert times(made.note(ANNA, rejected())) == 1
    made.note(BERT, rejected(BERT))
    assert made.paused_until("127.0.0.1:143")


def test_a_new_consent_starts_anew() -> None:
    consent = ["one"]
    made = LoginGuard([ANNA], Memory(), lambda _: consent[0])
    made.note(ANNA, refused())
    assert not made.may_try(ANNA, NOON + SECOND)
    consent[0] = "another"
    assert made.may_try(ANNA, NOON + SECOND)
