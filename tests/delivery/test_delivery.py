"""Delivery from a real store to real webhooks."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Lock, Semaphore
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from agent import delivery as lanes
from agent.config.receivers import AppriseReceiver
from agent.config.settings import Settings
from agent.delivery import Delivery
from agent.metrics.own import OwnMetrics
from agent.model import Reason
from agent.store import Store, StoreUnavailable, outbox
from tests.support.notices import NOON, notice
from tests.support.webhook import DRIP, HANG, RESET, Answer, Trouble, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from agent.model import Notification

# Apprise imports a module that Python 3.13 drops, through one of its own dependencies.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Desk:
    """A store, a clock and a delivery to the given URLs: the first is "ops", the second "mail"."""

    def __init__(self, store: Store, *urls: str, send_seconds: float = 20.0) -> None:
        receivers = tuple(
            AppriseReceiver(name=name, type="apprise", url=url)
            for name, url in zip(("ops", "mail"), urls, strict=False)
        )
        self.store, self.clock = store, Clock()
        self.own = OwnMetrics(self.clock)
        self.changed = Event()
        counted = self.own.notified
        self.counts: list[tuple[str, str]] = []
        lock = Lock()

        def notified(receiver: str, result: str) -> None:
            with lock:
                counted(receiver, result)
                self.counts.append((receiver, result))
            self.changed.set()

        self.own.notified = notified  # type: ignore[method-assign]  # to wait for an event
        self.delivery = Delivery(
            Settings(receivers=receivers),
            store,
            self.own,
            self.clock,
            chance=lambda: 1.0,
            send_seconds=send_seconds,
        )

    def enqueue(self, *notices: Notification) -> None:
        with self.store.transaction() as connection:
            outbox.enqueue(connection, notices)
        self.delivery.wake()

    def later(self, seconds: float) -> None:
        self.clock.now += timedelta(seconds=seconds)
        self.delivery.wake()

    def until(self, *counts: tuple[str, str]) -> None:
        """Wait until these have been counted, in whatever order."""
        while sorted(self.counts) != sorted(counts):
            assert self.changed.wait(20), self.counts
            self.changed.clear()

    def waiting(self, receiver: str = "ops") -> int:
        with self.store.transaction() as connection:
            backlog = outbox.pending(connection).get(receiver)
            return backlog.waiting if backlog else 0

    def until_empty(self) -> None:
        """Marking follows the counting at once; it has no event of its own."""
        end = time.monotonic() + 20
        while self.waiting():
            assert time.monotonic() < end
            time.sleep(0.005)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path}/agent.db")
    store.open()
    yield store
    store.close()


def test_what_another_process_lets_wait_again_is_sent_soon(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "LOOK_EVERY", 0.05)
    with Webhook() as hook, running(Desk(store, hook.url)) as desk:
        desk.enqueue(notice(key="1"))
        hook.next()
        desk.until_empty()
        beside = Store(f"sqlite:///{store.path}")
        beside.open_beside()
        with beside.transaction() as connection:
            outbox.enqueue(connection, [notice("bert", key="2")])
        beside.close()
        assert "bert" in hook.next()["title"]


@contextmanager
def running(desk: Desk) -> Iterator[Desk]:
    desk.delivery.start()
    try:
        yield desk
    finally:
        desk.delivery.stop(10)


def test_what_waited_before_the_start_is_sent(store: Store) -> None:
    with Webhook() as hook:
        desk = Desk(store, hook.url)
        desk.enqueue(notice("anna"))
        with running(desk):
            assert hook.next()["title"] == "Mailbox anna is 85 % full"
            desk.until(("ops", "sent"))
            desk.until_empty()
    assert hook.requests.empty()


def test_several_that_are_due_together_are_one_message(store: Store) -> None:
    with Webhook() as hook:
        desk = Desk(store, hook.url)
        desk.enqueue(notice("anna"), notice("bert"), notice("carl", Reason.RESOLVED))
        with running(desk):
            assert hook.next()["title"] == "2 mailboxes need attention, 1 recovered"
            desk.until(*[("ops", "sent")] * 3)
    assert hook.requests.empty()


def test_a_notification_waits_until_it_is_due(store: Store) -> None:
    with Webhook() as hook, running(Desk(store, hook.url)) as desk:
        desk.enqueue(notice("bert", due=NOON + timedelta(seconds=10)))
        assert desk.waiting() == 1
        assert hook.requests.empty()
        desk.later(10)
        assert "bert" in hook.next()["title"]


def test_what_comes_while_others_wait_is_told_together_with_them(store: Store) -> None:
    with Webhook() as hook, running(Desk(store, hook.url)) as desk:
        desk.enqueue(notice("bert", due=NOON + timedelta(seconds=10)))
        desk.enqueue(notice("anna", due=NOON + timedelta(seconds=13)))
        desk.later(10)
        assert hook.next()["title"] == "2 mailboxes need attention"
        desk.until_empty()


@pytest.mark.parametrize("trouble", [Answer(500), Answer(404), Answer(302), RESET])
def test_a_failure_is_retried_with_the_same_reference(
    store: Store, trouble: Answer | Trouble
) -> None:
    with Webhook(trouble) as hook, running(Desk(store, hook.url)) as desk:
        desk.enqueue(notice("anna"))
        first = hook.next()
        desk.until(("ops", "failed"))
        assert desk.waiting() == 1
        desk.later(1)
        assert hook.next() == first
        desk.until(("ops", "failed"), ("ops", "sent"))
        desk.until_empty()


def test_retry_after_is_honoured(store: Store) -> None:
    with Webhook(Answer(429, {"Retry-After": "120"})) as hook:
        desk = Desk(store, hook.url)
        with running(desk):
            desk.enqueue(notice("anna"))
            hook.next()
            desk.until(("ops", "failed"))
            with store.transaction() as connection:
                due = outbox.next_due(connection, "ops", "0")
    assert due == NOON + timedelta(seconds=120)


def test_one_receivers_failure_neither_repeats_nor_delays_the_other(store: Store) -> None:
    with Webhook(HANG) as ops, Webhook() as mail:
        desk = Desk(store, ops.url, mail.url)
        desk.enqueue(notice("anna"), notice("anna", receiver="mail", key="b" * 16))
        with running(desk):
            mail.next()
            ops.next()
            desk.until(("mail", "sent"))
            ops.release.set()
            desk.until(("mail", "sent"), ("ops", "sent"))
    assert mail.requests.empty()


@pytest.mark.parametrize("slow", [HANG, DRIP])
def test_a_target_that_accepts_after_the_deadline_is_not_told_again(
    store: Store, slow: Trouble
) -> None:
    with Webhook(slow) as hook:
        desk = Desk(store, hook.url, send_seconds=0.3)
        with running(desk):
            desk.enqueue(notice("anna"))
            hook.next()
            desk.until(("ops", "failed"))
            hook.release.set()
            desk.until(("ops", "failed"), ("ops", "sent"))
            desk.until_empty()
    assert hook.requests.empty()


def test_a_rejected_message_is_buried_without_the_others(store: Store) -> None:
    bad = Answer(400)
    with Webhook(bad, bad) as hook:  # the digest of two, then the first alone
        desk = Desk(store, hook.url)
        desk.enqueue(notice("anna"), notice("bert"))
        with running(desk):
            titles = [hook.next()["title"] for _ in range(3)]
            desk.until(("ops", "dead"), ("ops", "sent"))
            desk.until_empty()
    assert titles[0] == "2 mailboxes need attention"
    assert titles[1:] == ["Mailbox anna is 85 % full", "Mailbox bert is 85 % full"]
    assert 'mailbox_agent_outbox_dead{receiver="ops"} 1.0' in _page(desk)


def test_what_fails_for_a_day_is_buried(store: Store) -> None:
    with Webhook(*[Answer(500)] * 12) as hook:
        desk = Desk(store, hook.url)
        with running(desk):
            desk.enqueue(notice("anna"))
            for failures in range(1, 12):
                hook.next()
                desk.until(*[("ops", "failed")] * failures)
                desk.later(timedelta(days=1).total_seconds())
            hook.next()
            desk.until(*[("ops", "failed")] * 11, ("ops", "dead"))
            assert desk.waiting() == 0


def test_receivers_no_longer_configured_are_buried_at_the_start(store: Store) -> None:
    desk = Desk(store)
    desk.enqueue(notice("anna"))
    with running(desk):
        assert desk.waiting() == 0
        assert desk.counts == [("ops", "dead")]


def test_a_store_that_fails_after_the_send_causes_no_second_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = Event()
    sent = outbox.sent

    def full(*_: object) -> None:
        failed.set()
        monkeypatch.setattr(outbox, "sent", sent)
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(outbox, "sent", full)
    with Webhook() as hook, running(Desk(store, hook.url)) as desk:
        desk.enqueue(notice("anna"))
        hook.next()
        assert failed.wait(20)
        desk.later(60)
        desk.until_empty()
        assert hook.requests.empty()


class Tried(Store):
    """A store that lets a test wait until it was asked for."""

    asked = Semaphore(0)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self.asked.release()
        with super().transaction() as connection:
            yield connection


def test_a_store_that_is_away_for_long_is_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "STORE_PAUSE", 0.01)
    store = Tried(f"sqlite:///{tmp_path}/agent.db")
    with Webhook() as hook, capture_logs() as logged, running(Desk(store, hook.url)) as desk:
        for _ in range(10):
            assert store.asked.acquire(timeout=20)
        store.open()
        desk.enqueue(notice("anna"))
        hook.next()
        desk.until_empty()
    store.close()
    assert [each["event"] for each in logged].count("delivery.store_unavailable") == 1


def test_stopping_does_not_wait_for_a_send_that_hangs(store: Store) -> None:
    with Webhook(HANG) as hook:
        desk = Desk(store, hook.url, send_seconds=60)
        desk.enqueue(notice("anna"))
        desk.delivery.start()
        hook.next()
        desk.delivery.stop(0.1)
        assert desk.waiting() == 1
        hook.release.set()
        desk.until(("ops", "sent"))
        desk.until_empty()


def test_the_outbox_is_shown_in_the_metrics(store: Store) -> None:
    with Webhook(Answer(500)) as hook, running(Desk(store, hook.url)) as desk:
        desk.enqueue(notice("anna"))
        hook.next()
        desk.until(("ops", "failed"))
        desk.enqueue(notice("bert"))
        hook.next()
        desk.until(("ops", "failed"), ("ops", "sent"))
        page = _page(desk)
        assert 'mailbox_agent_outbox_pending{receiver="ops"}' in page
        assert 'mailbox_agent_notifications_total{receiver="ops",result="failed"} 1.0' in page


def _page(desk: Desk) -> str:
    return desk.own.render(openmetrics=False).decode()
