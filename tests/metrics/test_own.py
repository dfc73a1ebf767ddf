"""The agent's own series, alone and on one page with the mailboxes'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from agent.metrics import OwnMetrics
from agent.metrics.own import Waiting
from agent.model import Failure, FailureKind, Poll, QuotaState, Reading
from tests.support.pages import MINUTE, T0, whole

if TYPE_CHECKING:
    from datetime import datetime

OK = Poll("anna", T0, 0.04, Reading(QuotaState.UNSUPPORTED, messages=2))
FAILED = Poll("anna", T0, 30.0, Failure(FailureKind.TIMEOUT, "no answer"))


class Clock:
    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> datetime:
        return self.now


def samples(own: OwnMetrics, prefix: str) -> list[str]:
    text = own.render(openmetrics=False).decode()
    return [line for line in text.splitlines() if line.startswith(prefix)]


def test_polls_are_counted_by_result_from_zero_on() -> None:
    own = OwnMetrics(Clock())
    results = ("success", *FailureKind)
    assert samples(own, "mailbox_agent_polls_total{") == [
        f'mailbox_agent_polls_total{{result="{result}"}} 0.0' for result in results
    ]
    for poll in (OK, FAILED, OK):
        own.polled(poll)
    counted = samples(own, "mailbox_agent_polls_total{")
    assert 'mailbox_agent_polls_total{result="success"} 2.0' in counted
    assert 'mailbox_agent_polls_total{result="timeout"} 1.0' in counted
    assert samples(own, "mailbox_agent_poll_duration_seconds_bucket")[2:5] == [
        'mailbox_agent_poll_duration_seconds_bucket{le="0.05"} 2.0',
        'mailbox_agent_poll_duration_seconds_bucket{le="0.1"} 2.0',
        'mailbox_agent_poll_duration_seconds_bucket{le="0.25"} 2.0',
    ]
    assert samples(own, "mailbox_agent_poll_duration_seconds_count") == [
        "mailbox_agent_poll_duration_seconds_count 3.0"
    ]


def test_the_oldest_waiting_notification_ages_until_the_scrape() -> None:
    clock = Clock()
    own = OwnMetrics(clock)
    own.outbox({"ops": Waiting(pending=2, oldest=T0, dead=1), "chat": Waiting()})
    clock.now = T0 + MINUTE
    assert samples(own, "mailbox_agent_outbox") == [
        'mailbox_agent_outbox_pending{receiver="ops"} 2.0',
        'mailbox_agent_outbox_pending{receiver="chat"} 0.0',
        'mailbox_agent_outbox_oldest_seconds{receiver="ops"} 60.0',
        'mailbox_agent_outbox_oldest_seconds{receiver="chat"} 0.0',
        'mailbox_agent_outbox_dead{receiver="ops"} 1.0',
        'mailbox_agent_outbox_dead{receiver="chat"} 0.0',
    ]
    own.outbox({"chat": Waiting()})
    assert [line for line in samples(own, "mailbox_agent_outbox") if "ops" in line] == []


def test_a_clock_that_stepped_back_makes_no_negative_age() -> None:
    clock = Clock()
    own = OwnMetrics(clock)
    own.outbox({"ops": Waiting(pending=1, oldest=T0 + MINUTE)})
    assert samples(own, "mailbox_agent_outbox_oldest") == [
        'mailbox_agent_outbox_oldest_seconds{receiver="ops"} 0.0'
    ]


def test_a_failed_reload_keeps_the_time_of_the_last_good_one() -> None:
    own = OwnMetrics(Clock())
    own.reloaded(T0, successful=True)
    own.reloaded(T0 + MINUTE, successful=False)
    assert samples(own, "mailbox_agent_config") == [
        "mailbox_agent_config_last_reload_successful 0.0",
        "mailbox_agent_config_last_reload_success_timestamp_seconds 1.7672256e+09",
    ]


def test_lateness_notifications_accounts_and_store_are_shown() -> None:
    own = OwnMetrics(Clock())
    own.poll_lateness.observe(0.2)
    own.notified("ops", "sent")
    own.accounts.set(3)
    own.store_up.set(1)
    text = own.render(openmetrics=False).decode().splitlines()
    assert {
        'mailbox_agent_poll_lateness_seconds_bucket{le="0.5"} 1.0',
        'mailbox_agent_notifications_total{receiver="ops",result="sent"} 1.0',
        "mailbox_agent_accounts 3.0",
        "mailbox_agent_store_up 1.0",
    } <= set(text)
    assert len([line for line in text if line.startswith("mailbox_agent_build_info{python=")]) == 1


def test_a_receivers_name_cannot_break_the_page() -> None:
    own = OwnMetrics(Clock())
    own.notified('a\ud800"\n\\', "sent")
    own.outbox({"b\ud800": Waiting()})
    assert samples(own, "mailbox_agent_notifications_total{") == [
        'mailbox_agent_notifications_total{receiver="a\ufffd\\"\\n\\\\",result="sent"} 1.0'
    ]


def test_two_agents_in_one_process_do_not_share_series() -> None:
    first, second = OwnMetrics(Clock()), OwnMetrics(Clock())
    first.notified("ops", "sent")
    assert samples(second, "mailbox_agent_notifications_total{") == []


def test_a_receiver_is_counted_from_zero_on() -> None:
    metrics = OwnMetrics(Clock())
    metrics.receivers(["ops"])
    metrics.notified("ops", "sent")
    metrics.receivers(["ops"])  # as after a reload
    assert samples(metrics, "mailbox_agent_notifications_total{") == [
        'mailbox_agent_notifications_total{receiver="ops",result="sent"} 1.0',
        'mailbox_agent_notifications_total{receiver="ops",result="failed"} 0.0',
        'mailbox_agent_notifications_total{receiver="ops",result="dead"} 0.0',
    ]


def test_both_pages_parse_whole_without_a_series_twice() -> None:
    text, openmetrics = whole(openmetrics=False), whole(openmetrics=True)
    assert openmetrics.endswith("} 1769817600.0\n# EOF\n")
    assert openmetrics.count("# EOF") == 1
    assert "# EOF" not in text
    assert "_created" not in text + openmetrics
    names = {}
    for form, families in (
        ("text", list(text_string_to_metric_families(text))),
        ("openmetrics", list(openmetrics_parser.text_string_to_metric_families(openmetrics))),
    ):
        series = [(s.name, *sorted(s.labels.items())) for f in families for s in f.samples]
        assert len(series) == len(set(series))
        assert len(families) == len({family.name for family in families})
        names[form] = {name for name, *_ in series}
    assert names["text"] == names["openmetrics"]
    assert {"mailbox_poll_failures_total", "mailbox_messages", "process_cpu_seconds_total"} <= (
        names["text"]
    )
