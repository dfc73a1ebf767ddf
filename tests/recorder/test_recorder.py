from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from agent import recorder as module
from agent.memory import Refusal
from agent.metrics.exposition import Exposition
from agent.model import Alert, AlertKey, Poll, Quota, QuotaState, Reading, Reason, Severity
from agent.recorder import Recorder
from agent.store import Store, StoreUnavailable, alerts, history, memory, outbox
from tests.support.audience import Everybody
from tests.support.mailboxes import NOON, failed, poll, settings
from tests.support.stores import full_disk, opened, read_only, store_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from agent.config.settings import Settings
    from agent.model import Notification

KEY = AlertKey("anna", "usage", "User quota", "storage")


class Shown(Exposition):
    """An exposition that lets a test wait for the next poll to be shown."""

    def __init__(self) -> None:
        super().__init__()
        self.polled = threading.Semaphore(0)

    def record(self, *arguments: Any) -> None:
        super().record(*arguments)
        self.polled.release()

    def text(self) -> str:
        return self.render(openmetrics=False).decode()


class Running:
    """A recorder at work; `put` returns when every poll is shown."""

    def __init__(self, store: Store, told: Settings) -> None:
        self.shown, self.woken = Shown(), threading.Event()
        audience = Everybody("ops")
        self.routed = audience.names
        self.recorder = Recorder(told, store, self.shown, audience, self.woken.set, lambda: NOON)

    def put(self, *polls: Poll, shown: int | None = None) -> None:
        for each in polls:
            self.recorder.put(each)
        for _ in range(len(polls) if shown is None else shown):
            assert self.shown.polled.acquire(timeout=20)


@contextmanager
def running(store: Store, *names: str, **options: Any) -> Iterator[Running]:
    run = Running(store, settings(*names, **options))
    run.recorder.start()
    try:
        yield run
    finally:
        run.recorder.stop(timeout=60)


def until(done: Callable[[], bool]) -> None:
    """Wait for what has no event of its own."""
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        time.sleep(0.005)


def _attempt(store: Store) -> None:
    """Try to send what waits, which may have been told so."""
    with store.transaction() as connection:
        outbox.claim(connection, "ops", "0", NOON + timedelta(hours=1), 100)


def _waiting(store: Store) -> list[Notification]:
    with store.transaction() as connection:
        return outbox.claim(connection, "ops", "0", NOON + timedelta(days=999), 100)


def _firing(store: Store) -> dict[AlertKey, Alert]:
    with store.transaction() as connection:
        return alerts.firing(connection)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


def test_a_crossing_is_kept_told_and_shown(store: Store) -> None:
    with running(store, "anna") as run:
        run.put(poll("anna", 81))
        assert run.woken.wait(20)
        assert 'mailbox_alert_firing{account="anna",rule="usage",severity="warning"} 1' in (
            run.shown.text()
        )
    [told] = _waiting(store)
    assert told.transition.reason is Reason.FIRST
    assert told.transition.alert == _firing(store)[KEY]
    assert _firing(store)[KEY] == Alert(KEY, Severity.WARNING, NOON, NOON, step=1, told=("ops",))


def test_two_polls_of_one_mailbox_are_judged_in_their_order(store: Store) -> None:
    run = Running(store, settings("anna"))
    for each in (poll("anna", 81), poll("anna", 96, minute=1), poll("anna", 5, minute=2)):
        run.recorder.put(each)
    run.recorder.start()
    run.recorder.stop(timeout=60)
    reasons = [each.transition.reason for each in _waiting(store)]
    assert reasons == []  # it began and ended before anybody was told
    assert _firing(store) == {}


def test_what_got_worse_before_anybody_was_told_is_told_once(store: Store) -> None:
    with running(store, "anna") as run:
        run.put(poll("anna", 81), poll("anna", 96, minute=1))
    [waiting] = _waiting(store)
    assert waiting.transition.reason is Reason.FIRST
    assert waiting.transition.alert.severity is Severity.CRITICAL


def test_stopping_writes_what_is_queued(store: Store) -> None:
    names = [f"mailbox {number}" for number in range(3000)]
    run = Running(store, settings(*names))
    run.recorder.start()
    for name in names:
        run.recorder.put(poll(name, 10))
    run.recorder.stop(timeout=300)
    with store.transaction() as connection:
        assert len(history.last_polls(connection)) == len(names)


def test_a_failed_poll_keeps_the_alert_as_it_was(store: Store) -> None:
    with running(store, "anna") as run:
        run.put(poll("anna", 81), failed("anna", minute=1))
        assert 'mailbox_alert_firing{account="anna"' in run.shown.text()
    assert len(_waiting(store)) == 1
    assert KEY in _firing(store)


def test_a_restart_repeats_nothing_and_remembers_the_last_success(store: Store) -> None:
    with running(store, "anna") as run:
        run.put(poll("anna", 81))
    with running(store, "anna") as run:
        text = run.shown.text()
        assert "mailbox_last_success_timestamp_seconds" in text
        assert 'mailbox_alert_firing{account="anna"' in text
        run.put(poll("anna", 82, minute=1))
    assert len(_waiting(store)) == 1


def test_a_restart_remembers_which_logins_were_rejected(store: Store) -> None:
    refused = {"anna": Refusal("5a17", 1, NOON), "ben": Refusal("5a17", 0, NOON)}
    with store.transaction() as connection:
        memory.bring_back(connection, refused)
    with running(store, "anna", "ben") as run:
        assert 'mailbox_login_quarantined{account="anna"} 1' in run.shown.text()
        assert 'mailbox_login_quarantined{account="ben"}' not in run.shown.text()


def test_an_alert_of_an_account_that_was_removed_is_ended_and_told(store: Store) -> None:
    with running(store, "anna") as run:
        run.put(poll("anna", 81))
    _attempt(store)
    with running(store, "ben") as run:
        assert run.woken.is_set()
    assert [each.transition.reason for each in _waiting(store)] == [Reason.FIRST, Reason.RESOLVED]
    assert _firing(store) == {}


def test_a_poll_of_an_account_that_is_not_configured_changes_nothing(store: Store) -> None:
    with running(store, "anna") as run:
        run.put(poll("stranger", 99), poll("anna", 1), shown=1)
        assert "stranger" not in run.shown.text()
    assert _firing(store) == {}


def test_an_end_is_told_to_those_who_were_told(store: Store) -> None:
    with running(store, "anna") as run:
        run.put(poll("anna", 81))
        _attempt(store)
        run.routed.clear()
        run.put(poll("anna", 96, minute=1), poll("anna", 10, minute=2))
    assert [each.transition.reason for each in _waiting(store)] == [Reason.FIRST, Reason.RESOLVED]


def test_a_full_disk_stops_neither_polls_nor_the_alert(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_EVERY", 0.0)
    with capture_logs(), running(store, "anna", "ben") as run:  # pytest's own log is on that disk
        run.put(poll("ben", 10))
        with full_disk():
            run.put(poll("anna", 81), failed("anna", minute=1))
            assert _trouble(run)
            assert not run.woken.is_set()
            assert 'mailbox_usage_ratio{account="anna"} 0.81' in run.shown.text()
        run.put(poll("ben", 11, minute=2))
        assert run.woken.wait(20)
        assert not _trouble(run)
    assert [each.transition.reason for each in _waiting(store)] == [Reason.FIRST]
    with store.transaction() as connection:
        assert history.last_polls(connection)["anna"].succeeded_at == NOON


def test_a_store_that_cannot_be_opened_at_start_is_opened_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_EVERY", 0.0)
    with opened(tmp_path):
        pass
    store = store_in(tmp_path)
    run = Running(store, settings("anna"))
    with read_only(tmp_path):
        run.recorder.start()
        run.put(poll("anna", 81))
        assert "Permission denied" in (run.recorder.problem or "")
    run.put(poll("anna", 82, minute=1))
    assert run.woken.wait(20)
    assert run.recorder.problem is None
    run.recorder.stop(timeout=60)
    assert len(_waiting(store)) == 1
    store.close()


def test_a_store_that_is_opened_late_tells_what_it_remembers_without_a_poll(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_EVERY", 0.0)
    folder, away = tmp_path / "state", tmp_path / "away"
    folder.mkdir()
    with opened(folder) as store, running(store, "anna", "ben") as run:
        run.put(poll("anna", 81), poll("ben", 81))
    folder.rename(away)
    store = store_in(folder)
    with running(store, "anna", "ben") as run:
        run.put(failed("ben", minute=1))
        assert "mailbox_alert_firing" not in run.shown.text()
        away.rename(folder)
        until(lambda: run.recorder.problem is None)
        for name in ("anna", "ben"):
            assert f'mailbox_alert_firing{{account="{name}"' in run.shown.text()
            assert f'mailbox_last_success_timestamp_seconds{{account="{name}"' in run.shown.text()
        assert 'mailbox_poll_success{account="ben"} 0' in run.shown.text()
    store.close()


def test_a_prune_that_the_disk_refuses_is_tried_again_without_a_poll(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_EVERY", 0.0)
    prune, tried = history.prune, iter(range(99))

    def refused_once(connection: Connection, now: datetime) -> None:
        if next(tried) == 0:
            raise StoreUnavailable("the disk is full")
        prune(connection, now)

    monkeypatch.setattr(history, "prune", refused_once)
    with capture_logs() as logged, running(store, "anna") as run:
        until(lambda: "store.recovered" in [each["event"] for each in logged])
        assert run.recorder.problem is None


def test_one_mailbox_that_cannot_be_written_does_not_cost_the_others(store: Store) -> None:
    poison = Reading(QuotaState.LIMITED, (Quota("\ud800", "storage", 90, 100),))
    run = Running(store, settings("anna", "ben"))
    run.recorder.put(Poll("anna", NOON, 0.1, poison))
    run.recorder.put(poll("ben", 90))
    with capture_logs():  # to draw two tracebacks takes seconds where the machine is busy
        run.recorder.start()
        run.recorder.stop(timeout=60)
    assert [each.transition.alert.key.account for each in _waiting(store)] == ["ben"]


def test_a_store_that_is_back_takes_away_no_figure_that_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_EVERY", 0.0)
    folder = tmp_path / "late"
    store = store_in(folder)
    with running(store, "anna", "ben") as run:
        run.put(poll("anna", 10))
        folder.mkdir()
        run.put(poll("ben", 10))
        assert 'mailbox_usage_ratio{account="anna"} 0.1' in run.shown.text()
        assert run.recorder.problem is None
    store.close()


def test_what_could_not_be_written_is_written_without_another_poll(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_EVERY", 0.0)
    folder = tmp_path / "late"
    store = store_in(folder)
    with running(store, "anna") as run:
        run.put(poll("anna", 81))
        assert not run.woken.is_set()
        folder.mkdir()
        assert run.woken.wait(20)
        assert run.shown.polled.acquire(timeout=20)  # again, with the alert
        assert 'mailbox_alert_firing{account="anna"' in run.shown.text()
    assert len(_waiting(store)) == 1
    store.close()


def test_stopping_says_how_many_polls_went_unrecorded(tmp_path: Path) -> None:
    store = store_in(tmp_path / "missing")
    with capture_logs() as logged, running(store, "anna") as run:
        run.put(poll("anna", 10), poll("anna", 11, minute=1))
    last = logged[-1]
    assert (last["event"], last["unrecorded_polls"]) == ("recorder.stopped", 2)


def test_a_prune_that_fails_costs_no_poll(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(history, "prune", broken)
    with running(store, "anna") as run:
        run.put(poll("anna", 81))
    assert KEY in _firing(store)


def test_old_history_is_pruned_while_the_agent_runs(store: Store) -> None:
    long_ago = NOON - timedelta(days=400)
    with store.transaction() as connection:
        history.append(connection, [replace(poll("anna", 1), at=long_ago)])
    with running(store, "anna") as run:
        run.put(poll("anna", 2))
    with store.transaction() as connection:
        found = history.usage(connection, "anna", long_ago)
    assert {sample.used for samples in found.values() for sample in samples} == {2, 3}


def test_a_store_that_fails_after_a_bad_poll_loses_no_good_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_EVERY", 0.0)
    append, calls = history.append, iter(range(99))

    def failing(connection: Connection, polls: Sequence[Poll]) -> None:
        match next(calls):
            case 0:
                raise ZeroDivisionError  # the batch, for the sake of one poll
            case 2:
                raise StoreUnavailable("the disk is full")  # then the store, for the second
            case _:
                append(connection, polls)

    monkeypatch.setattr(history, "append", failing)
    run = Running(store, settings("anna", "ben"))
    for each in (poll("anna", 90), poll("ben", 90, minute=1)):
        run.recorder.put(each)
    run.recorder.start()
    run.recorder.stop(timeout=60)
    assert [each.transition.alert.key.account for each in _waiting(store)] == ["anna", "ben"]


def _trouble(run: Running) -> str | None:
    """Asked anew each time: mypy takes an attribute to keep what was seen of it before."""
    return run.recorder.problem
