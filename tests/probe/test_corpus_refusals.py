"""Recorded refusals and warnings: each is told by its kind, and no hint is taken for a figure."""

from __future__ import annotations

import pytest

from agent.model import Failure, FailureKind, QuotaState, Reading
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.corpus import Row, assert_agrees, quota_figures, rows_of
from tests.support.scripted import CAPABILITIES, NEARLY_FULL, Scripted, imap

LOGIN = rows_of("LOGIN", "AUTHENTICATE")
THROTTLED = [row for row in rows_of("SELECT") if row.expect["quota_state"] == "throttled"]
# What APPEND and SELECT say of a full mailbox; neither is sent, but any server may say it unasked.
WARNINGS = rows_of("APPEND") + [
    row for row in rows_of("SELECT") if row.expect["quota_state"] in {"near-full", "over"}
]
REPLAYED = LOGIN + THROTTLED + WARNINGS
REFUSALS = [row for row in WARNINGS if b"<tag> NO" in row.answer]

ONLY_SASL = b"IMAP4rev1 LOGINDISABLED AUTH=PLAIN"


def outcome_of(
    replies: dict[bytes, bytes], capabilities: bytes = CAPABILITIES
) -> Reading | Failure:
    with Scripted(imap(replies, capabilities)) as server:
        return poll(account(server.port), 5).outcome


def failed(replies: dict[bytes, bytes], capabilities: bytes = CAPABILITIES) -> FailureKind:
    outcome = outcome_of(replies, capabilities)
    assert isinstance(outcome, Failure), outcome
    return outcome.kind


@pytest.mark.parametrize("row", LOGIN + THROTTLED, ids=str)
def test_a_refused_login_is_told_by_its_kind(row: Row) -> None:
    assert_agrees(row, {"quota_state": failed({b"LOGIN": row.answer})})
    assert_agrees(row, {"quota_state": failed({b"AUTHENTICATE": row.answer}, ONLY_SASL)})


@pytest.mark.parametrize("command", [b"LIST", b"GETQUOTAROOT"])
@pytest.mark.parametrize("row", THROTTLED, ids=str)
def test_throttling_is_no_answer_to_the_question(row: Row, command: bytes) -> None:
    assert_agrees(row, {"quota_state": failed({command: row.answer})})


def unasked(row: Row) -> bytes:
    """The warning as untagged data."""
    return row.untagged or row.answer.replace(b"<tag>", b"*")


@pytest.mark.parametrize("row", WARNINGS, ids=str)
def test_a_warning_of_a_full_mailbox_changes_no_figure(row: Row) -> None:
    full = {b"GETQUOTAROOT": NEARLY_FULL[b"GETQUOTAROOT"].replace(b"90 100", b"99 100")}
    quiet = NEARLY_FULL | full
    warned = {command: unasked(row) + answer for command, answer in quiet.items()}
    outcome = outcome_of(warned | {b"LOGIN": unasked(row) + b"<tag> OK in\r\n"})
    assert isinstance(outcome, Reading), outcome
    assert outcome == outcome_of(quiet)
    assert_agrees(row, {"quota_state": quota_figures(outcome)["quota_state"]})


@pytest.mark.parametrize("row", REFUSALS, ids=str)
def test_a_refusal_for_a_full_mailbox_is_no_figure_where_we_only_read(row: Row) -> None:
    outcome = outcome_of(NEARLY_FULL | {b"GETQUOTAROOT": row.answer})
    assert isinstance(outcome, Reading), outcome
    assert (outcome.quota_state, outcome.quotas) == (QuotaState.INVALID, ())
    assert outcome.messages == 3


def test_a_login_refused_for_a_full_mailbox_is_no_wrong_password() -> None:
    (dovecot,) = (row for row in REFUSALS if row.server == "dovecot")
    assert failed({b"LOGIN": dovecot.answer}) is FailureKind.UNAVAILABLE


def test_an_endless_refusal_is_understood_within_the_deadline() -> None:
    endless = b"<tag> NO [" + b"A" * 500_000 + b"\r\n"
    with Scripted(imap({b"LOGIN": endless})) as server:
        done = poll(account(server.port), 5)
    assert isinstance(done.outcome, Failure)
    assert done.outcome.kind is FailureKind.AUTH
    assert done.duration < 6
