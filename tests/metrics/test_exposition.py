"""The mailboxes' series: literal pages, staleness, shared servers, and any label value."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from agent.config.accounts import ImapAccount, Pop3Account
from agent.memory import Refusal
from agent.metrics import Exposition, page
from agent.metrics.exposition import ROWS
from agent.metrics.families import FIGURES_FAMILIES, MAILBOX_FAMILIES
from agent.model import Failure, FailureKind, Poll, Quota, QuotaState, Reading, Severity
from tests.support.pages import (
    ANNA,
    BEN,
    EXPIRES,
    FULL_AT,
    MINUTE,
    READING,
    T0,
    everything,
    firing,
    own,
)

if TYPE_CHECKING:
    from agent.config.accounts import Account

TIMEOUT = Failure(FailureKind.TIMEOUT, "no answer")


def imap(name: str, server: str = "mail.example.com", username: str = "someone") -> ImapAccount:
    return ImapAccount(name=name, protocol="imap", server=server, username=username, password="x")


def poll(
    account: Account,
    outcome: Reading | Failure = READING,
    at: datetime = T0,
    expires: datetime | None = None,
) -> Poll:
    return Poll(account.name, at, 0.041, outcome, expires)


def quoted(*quotas: Quota) -> Reading:
    return Reading(QuotaState.LIMITED, quotas=quotas)


def lines(exposition: Exposition, *prefixes: str) -> list[str]:
    """The sample lines, or those of the named families."""
    text = exposition.render(openmetrics=False).decode()
    return [
        line
        for line in text.splitlines()
        if not line.startswith("#") and (not prefixes or line.partition("{")[0] in prefixes)
    ]


def names(exposition: Exposition) -> set[str]:
    return {line.partition("{")[0] for line in lines(exposition)}


INFO = (
    'mailbox_info{account="anna",protocol="imap",server="mail.example.com:993",tags="vip,berlin"} 1'
)
PAGE = """\
mailbox_quota_used_bytes{account="anna",quota_root="User quota"} 19456
mailbox_quota_limit_bytes{account="anna",quota_root="User quota"} 20480
mailbox_quota_used_messages{account="anna",quota_root="User quota"} 2
mailbox_quota_limit_messages{account="anna",quota_root="User quota"} 1000
mailbox_usage_ratio{account="anna"} 0.95
mailbox_size_bytes{account="anna"} 18478
mailbox_messages{account="anna"} 2
mailbox_unread_messages{account="anna"} 1
mailbox_reclaimable_bytes{account="anna",role="trash"} 100
mailbox_reclaimable_bytes{account="anna",role="junk"} 0
mailbox_folder_size_bytes{account="anna",folder="INBOX"} 18478
mailbox_folder_messages{account="anna",folder="INBOX"} 2
mailbox_folder_unread_messages{account="anna",folder="INBOX"} 1
mailbox_folder_overflow{account="anna"} 0
mailbox_full_timestamp_seconds{account="anna"} 1767744000.0
mailbox_poll_success{account="anna"} 1
mailbox_poll_duration_seconds{account="anna"} 0.041
mailbox_poll_interval_seconds{account="anna"} 60.0
mailbox_last_success_timestamp_seconds{account="anna"} 1767225600.0
mailbox_alert_firing{account="anna",rule="usage",severity="critical"} 1
mailbox_info{account="anna",protocol="imap",server="mail.example.com:993",tags="vip,berlin"} 1
mailbox_tls_certificate_expiry_timestamp_seconds{server="mail.example.com:993"} 1769817600.0
"""


def test_a_reading_becomes_this_page() -> None:
    exposition = Exposition()
    alerts = [firing("anna", Severity.CRITICAL)]
    exposition.record(ANNA, MINUTE, poll(ANNA, expires=EXPIRES), alerts, FULL_AT)
    assert "\n".join(lines(exposition)) + "\n" == PAGE


def test_every_family_says_what_it_is_once_and_before_its_samples() -> None:
    exposition = Exposition()
    for account in (imap("a"), imap("b")):
        exposition.record(account, MINUTE, poll(account), ())
    text = exposition.render(openmetrics=False).decode()
    assert text.startswith(
        "# HELP mailbox_quota_used_bytes Bytes counted against this quota root's STORAGE limit, "
        "as of the last successful poll (collected on a schedule, absent once stale).\n"
        "# TYPE mailbox_quota_used_bytes gauge\n"
        'mailbox_quota_used_bytes{account="a",quota_root="User quota"} 19456\n'
        'mailbox_quota_used_bytes{account="b",quota_root="User quota"} 19456\n'
        "# HELP mailbox_quota_limit_bytes "
    )
    assert text.count("# TYPE mailbox_usage_ratio gauge\n") == 1


def test_families_without_a_sample_are_not_on_the_page() -> None:
    assert Exposition().render(openmetrics=False) == b""
    exposition = Exposition()
    exposition.restore(ANNA, MINUTE)
    text = exposition.render(openmetrics=False).decode()
    assert [line for line in text.splitlines() if line.startswith("# TYPE")] == [
        "# TYPE mailbox_poll_interval_seconds gauge",
        "# TYPE mailbox_info gauge",
    ]


def test_counters_are_named_as_each_format_wants_them() -> None:
    exposition = Exposition()
    exposition.record(ANNA, MINUTE, poll(ANNA, TIMEOUT), ())
    sample = 'mailbox_poll_failures_total{account="anna",reason="timeout"} 1\n'
    said = (
        "Polls that failed since the agent started, by reason, as of the last poll "
        "(collected on a schedule); absent for reasons that did not occur."
    )
    text = exposition.render(openmetrics=False).decode()
    assert (
        f"# HELP mailbox_poll_failures_total {said}\n"
        f"# TYPE mailbox_poll_failures_total counter\n{sample}" in text
    )
    openmetrics = exposition.render(openmetrics=True).decode()
    assert (
        f"# HELP mailbox_poll_failures {said}\n"
        f"# TYPE mailbox_poll_failures counter\n{sample}" in openmetrics
    )


def test_what_is_not_known_is_absent_and_never_zero() -> None:
    exposition = Exposition()
    archive = Pop3Account(
        name="archive",
        protocol="pop3",
        server="pop.example.com:1995",
        username="archive",
        password="x",
    )
    unsupported = Reading(QuotaState.UNSUPPORTED, size_bytes=0, messages=0)
    exposition.record(archive, 2 * MINUTE, poll(archive, unsupported), ())
    assert lines(exposition) == [
        'mailbox_size_bytes{account="archive"} 0',
        'mailbox_messages{account="archive"} 0',
        'mailbox_poll_success{account="archive"} 1',
        'mailbox_poll_duration_seconds{account="archive"} 0.041',
        'mailbox_poll_interval_seconds{account="archive"} 120.0',
        'mailbox_last_success_timestamp_seconds{account="archive"} 1767225600.0',
        'mailbox_info{account="archive",protocol="pop3",server="pop.example.com:1995",tags=""} 1',
    ]


def test_an_unlimited_root_has_usage_and_no_limit() -> None:
    exposition = Exposition()
    reading = quoted(Quota("a", "storage", 5, None), Quota("b", "storage", 1, 2))
    exposition.record(ANNA, MINUTE, poll(ANNA, reading), ())
    assert lines(exposition, "mailbox_quota_used_bytes", "mailbox_quota_limit_bytes") == [
        'mailbox_quota_used_bytes{account="anna",quota_root="a"} 5',
        'mailbox_quota_used_bytes{account="anna",quota_root="b"} 1',
        'mailbox_quota_limit_bytes{account="anna",quota_root="b"} 2',
    ]


def test_a_resource_without_a_unit_of_ours_counts_in_the_ratio_only() -> None:
    exposition = Exposition()
    account = imap("anna")
    exposition.record(account, MINUTE, poll(account, quoted(Quota("", "mailbox", 3, 4))), ())
    assert lines(exposition)[:2] == [
        'mailbox_usage_ratio{account="anna"} 0.75',
        'mailbox_poll_success{account="anna"} 1',
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_one_root_named_twice_is_one_series_with_the_tightest_numbers(order: int) -> None:
    exposition = Exposition()
    twice = (Quota("", "storage", 9, 10), Quota("", "storage", 1, 20))[::order]
    exposition.record(ANNA, MINUTE, poll(ANNA, quoted(*twice)), ())
    names = ("mailbox_quota_used_bytes", "mailbox_quota_limit_bytes", "mailbox_usage_ratio")
    assert lines(exposition, *names) == [
        'mailbox_quota_used_bytes{account="anna",quota_root=""} 9',
        'mailbox_quota_limit_bytes{account="anna",quota_root=""} 10',
        'mailbox_usage_ratio{account="anna"} 0.9',
    ]


def test_alerts_of_two_roots_at_one_severity_are_one_series() -> None:
    exposition = Exposition()
    alerts = [
        firing("anna", Severity.WARNING, "b"),
        firing("anna", Severity.WARNING, "a"),
        firing("anna", Severity.CRITICAL, "c"),
    ]
    exposition.record(ANNA, MINUTE, poll(ANNA), alerts)
    assert lines(exposition, "mailbox_alert_firing") == [
        'mailbox_alert_firing{account="anna",rule="usage",severity="critical"} 1',
        'mailbox_alert_firing{account="anna",rule="usage",severity="warning"} 1',
    ]
    exposition.record(ANNA, MINUTE, poll(ANNA), ())
    assert lines(exposition, "mailbox_alert_firing") == []


def test_a_failed_poll_keeps_the_reading_and_the_last_success() -> None:
    exposition = Exposition()
    exposition.record(ANNA, MINUTE, poll(ANNA), ())
    for attempt in (1, 2):
        exposition.record(ANNA, MINUTE, poll(ANNA, TIMEOUT, T0 + attempt * MINUTE), ())
    names = (
        "mailbox_usage_ratio",
        "mailbox_poll_success",
        "mailbox_last_success_timestamp_seconds",
        "mailbox_poll_failures_total",
    )
    assert lines(exposition, *names) == [
        'mailbox_usage_ratio{account="anna"} 0.95',
        'mailbox_poll_success{account="anna"} 0',
        'mailbox_last_success_timestamp_seconds{account="anna"} 1767225600.0',
        'mailbox_poll_failures_total{account="anna",reason="timeout"} 2',
    ]


def test_failures_stay_after_a_success_and_are_counted_by_reason() -> None:
    exposition = Exposition()
    for outcome in (TIMEOUT, Failure(FailureKind.AUTH, "refused"), READING, TIMEOUT, READING):
        exposition.record(ANNA, MINUTE, poll(ANNA, outcome), ())
    assert lines(exposition, "mailbox_poll_failures_total", "mailbox_poll_success") == [
        'mailbox_poll_success{account="anna"} 1',
        'mailbox_poll_failures_total{account="anna",reason="timeout"} 2',
        'mailbox_poll_failures_total{account="anna",reason="auth"} 1',
    ]


def test_a_reading_vanishes_after_three_missed_intervals_and_not_before() -> None:
    exposition = Exposition(stale_after=3)
    alert = firing("anna", Severity.WARNING)
    exposition.record(ANNA, MINUTE, poll(ANNA, expires=EXPIRES), [alert])
    failed = poll(ANNA, TIMEOUT, T0 + 3 * MINUTE)
    exposition.record(ANNA, MINUTE, failed, [alert])
    exposition.expire(T0 + 3 * MINUTE)
    assert 'mailbox_usage_ratio{account="anna"} 0.95' in lines(exposition)

    exposition.expire(T0 + 3 * MINUTE + timedelta(seconds=1))
    stale = [
        'mailbox_poll_success{account="anna"} 0',
        'mailbox_poll_duration_seconds{account="anna"} 0.041',
        'mailbox_poll_interval_seconds{account="anna"} 60.0',
        'mailbox_last_success_timestamp_seconds{account="anna"} 1767225600.0',
        'mailbox_poll_failures_total{account="anna",reason="timeout"} 1',
        'mailbox_alert_firing{account="anna",rule="usage",severity="warning"} 1',
        INFO,
    ]
    assert lines(exposition) == stale

    exposition.record(ANNA, MINUTE, failed, [alert])
    assert lines(exposition, "mailbox_usage_ratio") == []
    exposition.record(ANNA, MINUTE, poll(ANNA, at=T0 + 9 * MINUTE), [alert])
    assert lines(exposition, "mailbox_usage_ratio") == ['mailbox_usage_ratio{account="anna"} 0.95']


def test_of_every_series_those_of_a_reading_vanish_when_it_is_stale_and_no_others() -> None:
    exposition = everything()
    before = names(exposition)
    figures = {family.name for family in FIGURES_FAMILIES}
    assert figures < before
    exposition.expire(T0 + 3 * MINUTE)
    assert names(exposition) == before
    exposition.expire(T0 + 3 * MINUTE + timedelta(seconds=1))
    assert names(exposition) == {family.name for family in MAILBOX_FAMILIES}


def test_of_a_removed_account_no_series_is_left_at_all() -> None:
    exposition = everything()
    exposition.forget("anna")
    left = lines(exposition)
    assert left
    assert not [line for line in left if "anna" in line or "mail.example.com" in line]
    exposition.forget("ben")
    assert lines(exposition) == []


def test_the_forecast_is_shown_where_there_is_one_and_the_mailbox_is_limited_and_not_full() -> None:
    exposition = Exposition()
    name = "mailbox_full_timestamp_seconds"
    shown = ['mailbox_full_timestamp_seconds{account="anna"} 1767744000.0']
    exposition.record(ANNA, MINUTE, poll(ANNA), (), FULL_AT)
    assert lines(exposition, name) == shown
    exposition.record(ANNA, MINUTE, poll(ANNA, TIMEOUT), (), FULL_AT)
    assert lines(exposition, name) == shown
    for reading in (
        quoted(Quota("a", "storage", 10, 10)),
        quoted(Quota("a", "storage", 10, None)),
        Reading(QuotaState.UNSUPPORTED),
    ):
        exposition.record(ANNA, MINUTE, poll(ANNA, reading), (), FULL_AT)
        assert lines(exposition, name) == []
    exposition.record(ANNA, MINUTE, poll(ANNA), (), None)
    assert lines(exposition, name) == []


def test_an_account_that_logs_in_without_tls_is_shown_before_its_first_poll() -> None:
    exposition = Exposition()
    exposition.restore(imap("a"), MINUTE)
    exposition.restore(BEN, MINUTE)
    name = "mailbox_login_plaintext"
    assert lines(exposition, name) == ['mailbox_login_plaintext{account="ben"} 1']


def test_a_page_of_many_mailboxes_is_whole_and_each_family_stands_together() -> None:
    exposition = Exposition()
    wanted = [f"box-{number:04}" for number in range(2 * ROWS + 5)]
    for each in wanted:
        exposition.record(imap(each), MINUTE, poll(imap(each)), ())
    text = b"".join(page(own(), exposition, openmetrics=False)).decode()
    for family in text_string_to_metric_families(text):
        if family.name == "mailbox_messages":
            assert [sample.labels["account"] for sample in family.samples] == wanted
    heads = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads))


def test_a_server_many_accounts_share_has_one_certificate_series_until_the_last_is_gone() -> None:
    exposition = Exposition()
    family = "mailbox_tls_certificate_expiry_timestamp_seconds"
    first, renewed = T0 + timedelta(days=1), T0 + timedelta(days=91)
    exposition.record(imap("a"), MINUTE, poll(imap("a"), expires=first), ())
    exposition.record(imap("b"), MINUTE, poll(imap("b"), TIMEOUT, expires=renewed), ())
    series = [f'{family}{{server="mail.example.com:993"}} 1775088000.0']
    assert lines(exposition, family) == series
    exposition.forget("a")
    assert lines(exposition, family) == series
    exposition.forget("b")
    assert lines(exposition) == []


def test_a_certificate_lives_as_long_as_some_account_of_the_server_sees_it() -> None:
    exposition = Exposition()
    family = "mailbox_tls_certificate_expiry_timestamp_seconds"
    for account, interval in ((imap("a"), MINUTE), (imap("b"), 10 * MINUTE)):
        exposition.record(account, interval, poll(account, expires=T0), ())
    exposition.expire(T0 + 20 * MINUTE)
    assert len(lines(exposition, family)) == 1
    exposition.expire(T0 + 31 * MINUTE)
    assert lines(exposition, family) == []


def test_forgetting_removes_every_series_of_that_account_and_no_other() -> None:
    exposition = Exposition()
    for account in (ANNA, imap("ann")):
        exposition.record(account, MINUTE, poll(account, expires=T0), ())
    exposition.forget("ann")
    exposition.forget("never heard of")
    assert [line for line in lines(exposition) if 'account="ann"' in line] == []
    assert len(lines(exposition)) == 20


def test_after_a_restart_the_last_success_is_known_and_the_reading_is_not() -> None:
    exposition = Exposition()
    exposition.restore(ANNA, MINUTE, T0, [firing("anna", Severity.WARNING)])
    restored = [
        'mailbox_poll_interval_seconds{account="anna"} 60.0',
        'mailbox_last_success_timestamp_seconds{account="anna"} 1767225600.0',
        'mailbox_alert_firing{account="anna",rule="usage",severity="warning"} 1',
        INFO,
    ]
    assert lines(exposition) == restored
    exposition.record(ANNA, MINUTE, poll(ANNA, TIMEOUT, T0 + MINUTE), ())
    assert restored[1] in lines(exposition)


def test_another_mailbox_under_an_old_name_starts_anew() -> None:
    exposition = Exposition()
    exposition.record(imap("a"), MINUTE, poll(imap("a"), expires=T0), ())
    moved = imap("a", server="other.example.com")
    exposition.record(moved, MINUTE, poll(moved, TIMEOUT, T0 + MINUTE), ())
    assert lines(exposition) == [
        'mailbox_poll_success{account="a"} 0',
        'mailbox_poll_duration_seconds{account="a"} 0.041',
        'mailbox_poll_interval_seconds{account="a"} 60.0',
        'mailbox_poll_failures_total{account="a",reason="timeout"} 1',
        'mailbox_info{account="a",protocol="imap",server="other.example.com:993",tags=""} 1',
    ]


@given(st.lists(st.text(st.characters(exclude_categories=())), max_size=3))
def test_any_quota_root_comes_back_from_both_parsers_as_it_was(roots: list[str]) -> None:
    exposition = Exposition()
    quotas = [Quota(root, "storage", index, 10) for index, root in enumerate(roots, 1)]
    exposition.record(ANNA, MINUTE, poll(ANNA, quoted(*quotas)), ())
    expected = {}
    for quota in quotas:
        said = "".join(
            "\ufffd" if char == "\0" or "\ud800" <= char <= "\udfff" else char
            for char in quota.root
        )
        expected[said] = quota.used
    text = exposition.render(openmetrics=False).decode()
    openmetrics = exposition.render(openmetrics=True).decode() + "# EOF\n"
    for families in (
        text_string_to_metric_families(text),
        openmetrics_parser.text_string_to_metric_families(openmetrics),
    ):
        used = [f.samples for f in families if f.name == "mailbox_quota_used_bytes"]
        found = [(s.labels["quota_root"], s.value) for samples in used for s in samples]
        assert len(found) == len(expected)
        assert dict(found) == expected


@given(st.integers(0, 2**63 - 1), st.integers(1, 2**63 - 1))
def test_any_count_of_63_bits_is_a_number_that_parses(used: int, limit: int) -> None:
    exposition = Exposition()
    exposition.record(ANNA, MINUTE, poll(ANNA, quoted(Quota("", "storage", used, limit))), ())
    text = exposition.render(openmetrics=False).decode()
    values = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["mailbox_quota_used_bytes"] == used
    assert values["mailbox_quota_limit_bytes"] == limit
    assert values["mailbox_usage_ratio"] == used / limit


def test_a_login_in_quarantine_is_shown_until_it_works_and_across_a_restart() -> None:
    exposition = Exposition()
    rejected = replace(
        poll(ANNA, Failure(FailureKind.AUTH, "no")), refusal=Refusal("digest", 1, T0)
    )
    exposition.record(ANNA, MINUTE, rejected, ())
    shown = ['mailbox_login_quarantined{account="anna"} 1']
    assert lines(exposition, "mailbox_login_quarantined") == shown
    restarted = Exposition()
    restarted.restore(ANNA, MINUTE, rejected=True)
    assert lines(restarted, "mailbox_login_quarantined") == shown
    restarted.record(ANNA, MINUTE, poll(ANNA), ())
    assert lines(restarted, "mailbox_login_quarantined") == []


def test_uncollected_mail_is_shown_with_the_time_of_the_oldest() -> None:
    exposition = Exposition()
    waiting = Reading(QuotaState.UNSUPPORTED, uncollected=3, oldest_uncollected=T0)
    exposition.record(ANNA, MINUTE, poll(ANNA, waiting), ())
    assert lines(
        exposition,
        "mailbox_uncollected_messages",
        "mailbox_oldest_uncollected_timestamp_seconds",
    ) == [
        'mailbox_uncollected_messages{account="anna"} 3',
        'mailbox_oldest_uncollected_timestamp_seconds{account="anna"} 1767225600.0',
    ]
