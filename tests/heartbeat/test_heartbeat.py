"""The sign of life: given while all is well, and only then."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from itertools import chain, repeat
from threading import Semaphore
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from agent.config.secrets import Secret
from agent.heartbeat import Heartbeat
from agent.notify.heartbeat import HeartbeatSink
from agent.notify.verdict import Retry, Sent
from tests.support.webhook import DRIP, HANG, RESET, Answer, Trouble, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator

OFTEN = 0.05  # seconds
CANARY = "c4naryS3cret"


@contextmanager
def beating(heartbeat: Heartbeat) -> Iterator[None]:
    heartbeat.start()
    try:
        yield
    finally:
        heartbeat.stop(10)


def url(hook: Webhook) -> Secret:
    return Secret("heartbeat_url", f"{hook.address}/ping/{CANARY}?rid=1")


def test_the_address_is_asked_for_again_and_again() -> None:
    with Webhook() as hook, beating(Heartbeat(url(hook), lambda: True, every=OFTEN)):
        assert [hook.next(), hook.next()] == [{"path": f"/ping/{CANARY}?rid=1"}] * 2


def test_there_is_no_sign_of_life_while_something_is_wrong() -> None:
    well, asked = [True], Semaphore(0)

    def healthy() -> bool:
        asked.release()
        return well[0]

    with (
        Webhook() as hook,
        capture_logs() as logged,
        beating(Heartbeat(url(hook), healthy, every=OFTEN)),
    ):
        hook.next()
        well[0] = False
        asked.acquire()
        while asked.acquire(blocking=False):
            pass
        for _ in range(3):  # the first may have been asked before
            assert asked.acquire(timeout=20)
        while not hook.requests.empty():
            hook.next()
        for _ in range(3):
            assert asked.acquire(timeout=20)
        assert hook.requests.empty()
        well[0] = True
        hook.next()
        hook.next()  # the first one's end has been noted
    assert [(each["event"], each.get("error")) for each in logged] == [
        ("heartbeat.missed", "withheld, since the agent is not well"),
        ("heartbeat.recovered", None),
    ]


def test_a_streak_of_failures_is_one_line() -> None:
    with (
        Webhook(*[Answer(500)] * 3) as hook,
        capture_logs() as logged,
        beating(Heartbeat(url(hook), lambda: True, every=OFTEN)),
    ):
        for _ in range(5):
            hook.next()
    assert [(each["event"], each.get("error")) for each in logged] == [
        ("heartbeat.missed", "HTTP 500 Internal Server Error"),
        ("heartbeat.recovered", None),
    ]


def test_health_that_cannot_be_told_is_none() -> None:
    answers = chain([1 // 1, 0], repeat(1))

    def healthy() -> bool:
        return bool(1 // next(answers))

    with (
        Webhook() as hook,
        capture_logs() as logged,
        beating(Heartbeat(url(hook), healthy, every=OFTEN)),
    ):
        for _ in range(3):
            hook.next()
    events = [each["event"] for each in logged]
    assert events == ["heartbeat.failed", "heartbeat.missed", "heartbeat.recovered"]


def test_without_an_address_nothing_runs() -> None:
    with beating(Heartbeat(Secret("heartbeat_url"), lambda: 1 // 0 > 0, every=OFTEN)):
        pass


def test_stopping_does_not_wait_for_the_next_one() -> None:
    with Webhook() as hook, beating(Heartbeat(url(hook), lambda: True, every=3600)):
        hook.next()


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([Answer(200)], Sent()),
        ([Answer(404)], Retry("HTTP 404 Not Found")),
        ([Answer(302, {"Location": "/1"})] * 3, Sent()),
        ([Answer(302, {"Location": "/1"})] * 4, Retry("too many redirects")),
        ([RESET], Retry("the connection failed or broke")),
        ([HANG], Retry("no answer within 0.5 s")),
        ([DRIP], Retry("no answer within 0.5 s")),
    ],
)
def test_the_verdict_follows_the_answer(answers: list[Answer | Trouble], verdict: object) -> None:
    with Webhook(*answers) as hook:
        assert HeartbeatSink(url(hook)).ping(0.5) == verdict


def test_nothing_of_the_address_is_logged_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    with Webhook(Answer(404)) as hook, caplog.at_level(1), capture_logs() as logged:
        with beating(Heartbeat(url(hook), lambda: True, every=OFTEN)):
            hook.next()
            hook.next()
        logging.getLogger("elsewhere").debug("heard")
    assert "heard" in caplog.text
    assert CANARY not in caplog.text
    assert CANARY not in str(logged)
