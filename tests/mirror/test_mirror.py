"""What peers are told, as they hear it; some of them behave badly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from agent import peer
from agent.peer import KEEP_RESOLVED
from tests.support.mirroring import RESEND, Glass, changed, ended, running
from tests.support.stores import opened
from tests.support.webhook import DRIP, HANG, RESET, Answer, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.store import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG = 3600.0  # seconds: nothing is told again


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


def heard(hook: Webhook) -> list[Any]:
    """The alerts of the next request, as a list in spite of its type: what was POSTed."""
    alerts: Any = hook.next()
    assert isinstance(alerts, list)
    return alerts


def names(alerts: list[Any]) -> list[str]:
    return [alert["labels"]["account"] for alert in alerts]


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def test_without_alerts_a_sign_of_life_is_asked_for(store: Store) -> None:
    with Webhook() as hook, running(Glass(store, hook.address)) as glass:
        assert [heard(hook), heard(hook)] == [[], []]
        assert glass.counts == []


def test_a_wrong_address_is_known_before_there_is_any_alert(store: Store) -> None:
    with (
        Webhook(*[Answer(404)] * 2) as hook,
        capture_logs() as logged,
        running(Glass(store, hook.address, resend=LONG)) as glass,
    ):
        glass.until("failed", "failed")
        assert [heard(hook) for _ in range(3)] == [[], [], []]
        glass.mirror.stop(10)
        assert glass.mirror.problem is None
    told = [(each["event"], each.get("error")) for each in logged]
    assert told == [
        ("notification.failed", "HTTP 404 Not Found"),
        ("notification.recovered", None),
    ]


def test_only_what_has_changed_is_told_at_once(store: Store) -> None:
    with Webhook() as hook, running(Glass(store, hook.address, resend=LONG)) as glass:
        heard(hook)
        glass.record(changed("anna"))
        assert names(heard(hook)) == ["anna"]
        glass.record(changed("bert"))
        assert names(heard(hook)) == ["bert"]
        glass.mirror.wake()  # nothing has changed
        glass.record(changed("carl"))
        assert names(heard(hook)) == ["carl"]


def test_everything_is_told_again_with_a_later_end(store: Store) -> None:
    with Webhook() as hook:
        glass = Glass(store, hook.address)
        glass.record(changed("anna"), changed("bert"))
        with running(glass):
            first, second = heard(hook), heard(hook)
    assert names(first) == names(second) == ["anna", "bert"]
    assert first[0]["endsAt"] < second[0]["endsAt"]
    assert {**first[0], "endsAt": ""} == {**second[0], "endsAt": ""}


def test_an_alert_is_held_for_four_resends_or_polls(store: Store) -> None:
    clock = Clock()
    with Webhook() as hook:
        glass = Glass(store, hook.address, clock=clock, resend=60)
        glass.record(changed(at=NOON))
        with running(glass):
            (alert,) = heard(hook)
    assert alert["startsAt"] == NOON.isoformat()
    assert datetime.fromisoformat(alert["endsAt"]) == NOON + timedelta(minutes=4)


def test_an_end_is_told_for_fifteen_minutes(store: Store) -> None:
    clock = Clock()
    alarm = changed(at=NOON)
    over = ended(alarm)
    with Webhook() as hook:
        glass = Glass(store, hook.address, clock=clock)
        clock.now = over.at
        glass.record(alarm)
        glass.record(over)
        with running(glass):
            for moment in (timedelta(), timedelta(minutes=1), KEEP_RESOLVED):
                clock.now = over.at + moment
                (alert,) = heard(hook)
                assert datetime.fromisoformat(alert["endsAt"]) == over.at
            clock.now += timedelta(seconds=1)
            while heard(hook):
                pass  # what was on its way
            assert heard(hook) == []


def test_an_end_that_was_never_told_is_told_once_as_long_as_the_alert_may_be_held(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "KEEP_RESOLVED", timedelta(0))
    clock = Clock()
    alarm = changed(at=NOON)
    over = ended(alarm)
    with Webhook() as hook:
        glass = Glass(store, hook.address, clock=clock)
        glass.record(alarm)
        glass.record(over)
        clock.now = over.at + timedelta(seconds=4 * RESEND)
        with running(glass):
            (alert,) = heard(hook)
            assert heard(hook) == []
    assert datetime.fromisoformat(alert["endsAt"]) == over.at


def test_alerts_of_other_receivers_are_no_business_of_this_one(store: Store) -> None:
    with Webhook() as hook:
        glass = Glass(store, hook.address)
        glass.record(changed("anna", told=("ops",)), changed("bert", told=("ops", "cluster")))
        with running(glass):
            assert names(heard(hook)) == ["bert"]


def test_many_go_in_batches(store: Store) -> None:
    accounts = [f"box{number:03}" for number in range(600)]
    with Webhook() as hook:
        glass = Glass(store, hook.address, resend=LONG)
        glass.record(*map(changed, accounts))
        with running(glass):
            batches = [names(heard(hook)) for _ in range(3)]
    assert list(map(len, batches)) == [256, 256, 88]
    assert sorted(chain.from_iterable(batches)) == accounts


@pytest.mark.parametrize("slow", [HANG, DRIP])
def test_a_peer_that_hangs_delays_no_other_and_is_tried_again(store: Store, slow: Any) -> None:
    with Webhook(slow) as hanging, Webhook() as good:
        glass = Glass(store, hanging.address, good.address, resend=LONG, post_seconds=0.3)
        glass.record(changed())
        with running(glass):
            assert names(heard(good)) == ["anna"]
            assert names(heard(hanging)) == ["anna"]
            glass.until("failed", "sent", "sent")
            assert names(heard(hanging)) == ["anna"]


def test_a_peer_that_was_away_hears_the_state_and_no_backlog(store: Store) -> None:
    with Webhook(*[Answer(503)] * 2) as hook:
        glass = Glass(store, hook.address, resend=LONG)
        alarm = changed("anna")
        glass.record(alarm)
        with running(glass):
            glass.until("failed")
            glass.record(ended(alarm), changed("bert"))
            glass.until("failed", "failed", "sent")
        tried = []
        while not hook.requests.empty():
            tried.append(heard(hook))
    assert names(tried[0]) == ["anna"]
    assert names(tried[-1]) == ["anna", "bert"]
    assert tried[-1][0]["endsAt"] < tried[-1][1]["endsAt"]


def test_a_service_that_refuses_everything_means_none_of_the_alerts(store: Store) -> None:
    with Webhook(*[Answer(400)] * 2) as hook:  # the alerts, then the empty list
        glass = Glass(store, hook.address, resend=LONG)
        glass.record(changed("anna"), changed("bert"))
        with running(glass):
            assert [names(heard(hook)), heard(hook)] == [["anna", "bert"], []]
            glass.until("failed", "sent")
            assert names(heard(hook)) == ["anna", "bert"]
    assert glass.counts == ["failed", "sent"]


def test_a_refused_alert_is_found_told_of_once_and_tried_again(store: Store) -> None:
    bad, good = Answer(400), Answer(200)
    # All, nothing, the first half, its two alerts, the second half.
    with Webhook(bad, good, bad, good, bad, good) as hook, capture_logs() as logged:
        glass = Glass(store, hook.address)
        glass.record(*map(changed, ("anna", "bert", "carl", "dora")))
        with running(glass):
            tried = [names(heard(hook)) for _ in range(6)]
            again = [names(heard(hook)) for _ in range(2)]
            whole = names(heard(hook))
    assert tried[0] == whole == ["anna", "bert", "carl", "dora"]
    assert tried[1:] == [[], ["anna", "bert"], ["anna"], ["bert"], ["carl", "dora"]]
    assert again == [["anna", "carl", "dora"], ["bert"]]
    assert glass.counts.count("dead") == 1
    dead = [each for each in logged if each["event"] == "notification.dead"]
    assert [each["alert"]["account"] for each in dead] == ["bert"]


def test_a_connection_that_breaks_is_tried_again(store: Store) -> None:
    with Webhook(RESET) as hook:
        glass = Glass(store, hook.address, resend=LONG)
        glass.record(changed())
        with running(glass):
            assert [names(heard(hook)), names(heard(hook))] == [["anna"], ["anna"]]
            glass.until("failed", "sent")


def test_the_log_has_a_line_for_what_is_new_only(store: Store) -> None:
    with Webhook() as hook, capture_logs() as logged:
        glass = Glass(store, hook.address)
        alarm = changed()
        glass.record(alarm, changed("bert"))
        with running(glass):
            glass.until(*["sent"] * 3)
            glass.record(ended(alarm))
            seen = glass.counts.count("sent")
            glass.until(*["sent"] * (seen + 2))
    told = [(each["firing"], each["resolved"]) for each in logged]
    assert told == [(2, 0), (0, 1)]
    assert {(each["receiver"], each["target"]) for each in logged} == {("cluster", hook.address)}


def test_a_store_that_is_away_is_waited_for(tmp_path: Path) -> None:
    with opened(tmp_path) as store, Webhook() as hook:
        glass = Glass(store, hook.address)
        glass.record(changed())
        store.close()
        with capture_logs() as logged, running(glass):
            while not glass.mirror.problem:
                pass
            store.open()
            assert names(heard(hook)) == ["anna"]
    assert logged[0]["event"] == "notification.failed"
    assert "failed" not in glass.counts  # no peer was at fault


def test_stopping_does_not_wait_for_a_peer_that_hangs(store: Store) -> None:
    with Webhook(HANG) as hook:
        glass = Glass(store, hook.address, post_seconds=600)
        glass.mirror.start()
        heard(hook)
        glass.mirror.stop(0.1)
        hook.release.set()
