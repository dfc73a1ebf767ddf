"""What real Alertmanagers make of what they are told."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from agent.model import Reason, Severity
from agent.notify import alertmanager as sink
from tests.support.alertmanager import Alertmanager
from tests.support.daemon import started
from tests.support.mirroring import Glass, changed, ended, running
from tests.support.stores import opened
from tests.support.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.store import Store

LONG = 3600.0  # seconds: nothing is told again


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with Webhook() as hook:
        yield hook


@pytest.fixture
def alertmanager(hook: Webhook) -> Iterator[Alertmanager]:
    with started(partial(Alertmanager, hook.address)) as server:
        yield server


def told(hook: Webhook) -> tuple[str, str, str]:
    """Status, account and severity of the one alert that people are told of next."""
    (alert,) = hook.next()["alerts"]
    return alert["status"], alert["labels"]["account"], alert["labels"]["severity"]


def time_of(alert: dict[str, Any], key: str) -> datetime:
    return datetime.fromisoformat(alert[key])


def test_an_alert_fires_with_what_there_is_to_say(
    store: Store, alertmanager: Alertmanager, hook: Webhook
) -> None:
    alarm = changed()
    with running(Glass(store, alertmanager.url)) as glass:
        glass.record(alarm)
        (alert,) = hook.next()["alerts"]
        glass.until("sent")
        (shown,) = alertmanager.firing()
    assert alert["labels"] == {
        "alertname": "MailboxAlmostFull",
        "account": "anna",
        "resource": "storage",
        "rule": "usage",
        "severity": "warning",
    }
    assert shown["labels"] == alert["labels"]
    assert datetime.fromisoformat(alert["startsAt"]) == alarm.alert.since
    assert alert["annotations"]["summary"] == "Mailbox anna is 85 % full"
    assert alert["annotations"]["used"] == "17.0 MiB"
    assert "17.0 MiB of 20.0 MiB" in alert["annotations"]["description"]


def test_an_alert_that_is_told_again_outlives_what_it_was_first_held_for(
    store: Store, alertmanager: Alertmanager, hook: Webhook
) -> None:
    with running(Glass(store, alertmanager.url)) as glass:
        glass.record(changed())
        assert told(hook) == ("firing", "anna", "warning")
        (shown,) = alertmanager.firing()
        held_until = time_of(shown, "endsAt")
        alertmanager.until(lambda alerts: time_of(alerts[0], "updatedAt") > held_until)
        assert hook.requests.empty()
    assert told(hook) == ("resolved", "anna", "warning")  # by itself, once the agent is gone
    assert hook.requests.empty()


def test_an_end_is_told_at_once(store: Store, alertmanager: Alertmanager, hook: Webhook) -> None:
    alarm = changed()
    with running(Glass(store, alertmanager.url, resend=LONG)) as glass:
        glass.record(alarm)
        assert told(hook) == ("firing", "anna", "warning")
        glass.record(ended(alarm))
        (alert,) = hook.next()["alerts"]
    assert alert["status"] == "resolved"
    assert alert["annotations"]["summary"] == "Mailbox anna has recovered: 5 % full"
    assert alertmanager.firing() == []


def test_another_severity_ends_the_one_before(
    store: Store, alertmanager: Alertmanager, hook: Webhook
) -> None:
    alarm = changed()
    since = alarm.alert.since
    with running(Glass(store, alertmanager.url, resend=LONG)) as glass:
        glass.record(alarm)
        assert told(hook) == ("firing", "anna", "warning")
        glass.record(changed(reason=Reason.WORSE, severity=Severity.CRITICAL, since=since))
        assert {told(hook), told(hook)} == {
            ("resolved", "anna", "warning"),
            ("firing", "anna", "critical"),
        }
        glass.record(changed(reason=None, severity=Severity.WARNING, since=since))
        assert {told(hook), told(hook)} == {
            ("resolved", "anna", "critical"),
            ("firing", "anna", "warning"),
        }
        (shown,) = alertmanager.firing()
    assert shown["labels"]["severity"] == "warning"
    assert hook.requests.empty()


def test_an_alert_that_comes_back_fires_again(
    store: Store, alertmanager: Alertmanager, hook: Webhook
) -> None:
    alarm = changed()
    with running(Glass(store, alertmanager.url, resend=LONG)) as glass:
        glass.record(alarm)
        assert told(hook) == ("firing", "anna", "warning")
        glass.record(ended(alarm))
        assert told(hook) == ("resolved", "anna", "warning")
        glass.record(changed())
        assert told(hook) == ("firing", "anna", "warning")


def test_an_agent_that_was_away_tells_the_end_after_all(
    store: Store, alertmanager: Alertmanager, hook: Webhook
) -> None:
    alarm, other = changed(), changed("bert")
    with running(Glass(store, alertmanager.url, resend=LONG)) as glass:
        glass.record(alarm, other)
        assert {told(hook), told(hook)} == {
            ("firing", "anna", "warning"),
            ("firing", "bert", "warning"),
        }
    again = Glass(store, alertmanager.url, resend=LONG)
    again.record(ended(alarm))
    with running(again):
        assert told(hook) == ("resolved", "anna", "warning")
        (shown,) = alertmanager.firing()
    assert shown["labels"]["account"] == "bert"
    assert hook.requests.empty()


def test_an_alertmanager_that_was_restarted_hears_of_everything_again(
    store: Store, alertmanager: Alertmanager, hook: Webhook
) -> None:
    with running(Glass(store, alertmanager.url)) as glass:
        glass.record(changed(), changed("bert"))
        assert {told(hook)[1], told(hook)[1]} == {"anna", "bert"}
        alertmanager.stop()
        glass.until("failed", "failed")  # the first one has been noted by now
        assert glass.mirror.problem == "receiver cluster: the connection failed or broke"
        alertmanager.start()
        alertmanager.until(lambda alerts: len(alerts) == 2)


def test_both_peers_of_a_cluster_know_and_people_are_told_once(
    store: Store, alertmanager: Alertmanager, hook: Webhook
) -> None:
    with (
        Alertmanager(hook.address, peer=alertmanager) as second,
        running(Glass(store, alertmanager.url, second.url)) as glass,
    ):
        alarm = changed()
        glass.record(alarm)
        for peer in (alertmanager, second):
            (shown,) = peer.until(bool)
            assert shown["labels"]["account"] == "anna"
        assert told(hook) == ("firing", "anna", "warning")
        glass.record(ended(alarm))
        assert told(hook) == ("resolved", "anna", "warning")
        for peer in (alertmanager, second):
            peer.until(lambda alerts: not alerts)


def test_a_peer_that_is_down_costs_the_other_nothing(
    store: Store, alertmanager: Alertmanager, hook: Webhook
) -> None:
    with Alertmanager(hook.address) as down:
        down.stop()
        with running(Glass(store, down.url, alertmanager.url)) as glass:
            glass.record(changed())
            assert told(hook) == ("firing", "anna", "warning")
            glass.until("failed", "sent")
            assert glass.mirror.problem is None  # somebody hears


def test_an_alert_that_is_refused_costs_the_others_nothing(
    store: Store,
    alertmanager: Alertmanager,
    hook: Webhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = sink.labels

    def malformed(alert: Any, account: Any) -> dict[str, str]:
        found = labels(alert, account)
        return found if alert.key.account != "bad" else {**found, "no-name": "x"}

    monkeypatch.setattr(sink, "labels", malformed)
    names = [f"box{number}" for number in range(5)]
    glass = Glass(store, alertmanager.url)
    glass.record(*(changed(name) for name in [*names[:3], "bad", *names[3:]]))
    with running(glass):
        alertmanager.until(lambda alerts: len(alerts) == 5)
        glass.until("dead")
        before = glass.counts.count("sent")
        glass.until(*["sent"] * (before + 3))  # told again, and again
    assert glass.counts.count("dead") == 1
    assert "failed" not in glass.counts
    assert {told(hook)[1] for _ in names} == set(names)
