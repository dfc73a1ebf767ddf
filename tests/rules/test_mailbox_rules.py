"""Unread and uncollected mail, limits, certificates and figures that are too old: at the edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.model import AlertKey, Failure, FailureKind, Finding, Poll, QuotaState, Reading, Severity
from agent.rules import certificate as certificates
from agent.rules import mailbox, stale
from agent.rules.certificate import certificate
from agent.rules.watch import Watched

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
UNREAD, UNCOLLECTED = AlertKey("anna", "unread"), AlertKey("anna", "uncollected")
LIMIT, STALE = AlertKey("anna", "limit"), AlertKey("anna", "stale")
SERVER = "mail.example.com:993"
CERTIFICATE = AlertKey("", "certificate", root=SERVER)
DOWN = Failure(FailureKind.TIMEOUT, "no answer")


def unread(count: int | None, *held: AlertKey, most: int | None = 100) -> list[Finding]:
    reading = Reading(QuotaState.UNSUPPORTED, unread=count)
    return mailbox.unread("anna", reading, most, 0.05, held)


@pytest.mark.parametrize(("count", "severity"), [(0, None), (100, None), (101, Severity.WARNING)])
def test_more_than_so_many_unread_messages_are_told(count: int, severity: Severity | None) -> None:
    assert unread(count) == [Finding(UNREAD, severity, count, 100)]


@pytest.mark.parametrize(("count", "severity"), [(96, Severity.WARNING), (95, None), (0, None)])
def test_the_alert_of_unread_mail_ends_only_well_below(
    count: int, severity: Severity | None
) -> None:
    assert unread(count, UNREAD) == [Finding(UNREAD, severity, count, 100)]


def test_not_a_single_unread_message_may_be_the_bound() -> None:
    assert unread(1, most=0) == [Finding(UNREAD, Severity.WARNING, 1, 0)]
    assert unread(0, UNREAD, most=0) == [Finding(UNREAD, None, 0, 0)]


def test_an_unknown_number_of_unread_messages_changes_nothing() -> None:
    assert unread(None) == unread(None, UNREAD) == []


def test_unread_mail_that_is_watched_no_more_ends_its_alert_even_where_the_number_is_unknown() -> (
    None
):
    assert unread(500, most=None) == []
    assert unread(None, UNREAD, most=None) == [Finding(UNREAD, None)]


def waits(
    count: int | None, oldest: datetime | None, *held: AlertKey, longest: timedelta | None = DAY
) -> list[Finding]:
    reading = Reading(QuotaState.UNSUPPORTED, uncollected=count, oldest_uncollected=oldest)
    return mailbox.uncollected("anna", reading, longest, NOON, held)


@pytest.mark.parametrize(
    ("age", "severity"),
    [(DAY - SECOND, None), (DAY, Severity.WARNING), (9 * DAY, Severity.WARNING)],
)
def test_mail_that_waits_long_enough_is_told(age: timedelta, severity: Severity | None) -> None:
    assert waits(3, NOON - age) == [Finding(UNCOLLECTED, severity, 3, moment=NOON - age)]


def test_an_empty_maildrop_ends_the_alert() -> None:
    assert waits(0, None, UNCOLLECTED) == [Finding(UNCOLLECTED, None, 0)]


def test_mail_of_unknown_age_and_messages_that_are_not_tracked_change_nothing() -> None:
    assert waits(3, None, UNCOLLECTED) == waits(None, None, UNCOLLECTED) == []


def test_mail_that_is_not_waited_for_any_more_ends_its_alert() -> None:
    assert waits(3, NOON - 9 * DAY, longest=None) == []
    assert waits(None, None, UNCOLLECTED, longest=None) == [Finding(UNCOLLECTED, None)]


def after(*states: QuotaState | None) -> Watched:
    """A mailbox after readings of these kinds, None for a poll that failed."""
    watched = Watched(SERVER)
    for number, state in enumerate(states):
        outcome = Reading(state) if state else DOWN
        watched = watched.after(Poll("anna", NOON + number * DAY, 0.1, outcome))
    return watched


UNKNOWN = (QuotaState.UNSUPPORTED, QuotaState.DENIED, QuotaState.INVALID)


@pytest.mark.parametrize("state", UNKNOWN)
def test_the_third_reading_in_a_row_without_a_limit_is_told(state: QuotaState) -> None:
    assert mailbox.limit("anna", after(state, state), ()) == []
    assert mailbox.limit("anna", after(state, state, state), ()) == [Finding(LIMIT, Severity.INFO)]


@pytest.mark.parametrize("state", [QuotaState.LIMITED, QuotaState.UNLIMITED])
def test_a_limit_that_is_known_again_ends_that(state: QuotaState) -> None:
    assert mailbox.limit("anna", after(*UNKNOWN, state), ()) == []
    known = after(*UNKNOWN, state)
    over = Finding(LIMIT, None, moment=known.polled_at)
    assert mailbox.limit("anna", known, {LIMIT}) == [over]
    assert mailbox.limit("anna", after(*UNKNOWN[1:], state, *UNKNOWN[1:]), ()) == []


def test_after_a_start_readings_are_counted_anew_and_the_alert_goes_on() -> None:
    assert mailbox.limit("anna", after(*UNKNOWN[1:]), {LIMIT}) == []


def expiring(
    left: timedelta | None, *held: AlertKey, ahead: timedelta | None = 14 * DAY
) -> list[Finding]:
    expires = None if left is None else NOON + left
    return certificate(SERVER, expires, ahead, NOON, held)


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (14 * DAY, None),
        (14 * DAY - SECOND, Severity.WARNING),
        (3 * DAY, Severity.WARNING),
        (3 * DAY - SECOND, Severity.CRITICAL),
        (-DAY, Severity.CRITICAL),
    ],
)
def test_a_certificate_is_told_before_its_end(left: timedelta, severity: Severity | None) -> None:
    assert expiring(left) == [Finding(CERTIFICATE, severity, moment=NOON + left)]


def test_a_certificate_told_at_the_last_moment_only_is_critical_then_and_well_before() -> None:
    assert expiring(2 * DAY, ahead=DAY) == [Finding(CERTIFICATE, None, moment=NOON + 2 * DAY)]
    found = expiring(DAY - SECOND, ahead=DAY)
    assert [each.severity for each in found] == [Severity.CRITICAL]
    assert certificates.CRITICAL > DAY


def test_a_poll_that_saw_no_certificate_says_nothing_of_it() -> None:
    assert expiring(None, CERTIFICATE) == []


def test_certificates_that_are_watched_no_more_end_their_alerts() -> None:
    assert expiring(DAY, ahead=None) == []
    assert expiring(None, CERTIFICATE, ahead=None) == [Finding(CERTIFICATE, None)]


def old(watched: Watched, age: timedelta, *held: AlertKey) -> list[Finding]:
    return stale.stale("anna", watched, DAY, NOON + age, held)


READ = after(QuotaState.LIMITED)


def test_figures_are_stale_when_they_are_older_than_that() -> None:
    assert old(READ, DAY) == []
    assert old(READ, DAY + SECOND) == [Finding(STALE, Severity.WARNING, moment=NOON)]


def test_a_success_ends_staleness() -> None:
    assert old(READ, DAY, STALE) == [Finding(STALE, None, moment=NOON)]


@pytest.mark.parametrize("watched", [Watched(SERVER), after(None)])
def test_what_was_never_read_cannot_become_stale(watched: Watched) -> None:
    assert old(watched, 9 * DAY, STALE) == []


def test_polls_that_fail_are_told_as_such_and_keep_what_was_told() -> None:
    failing = after(QuotaState.LIMITED, None)
    assert old(failing, 9 * DAY) == old(failing, DAY, STALE) == []
