"""The Apprise sink against real servers."""

from __future__ import annotations

import logging
import subprocess
import sys
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from agent.config.secrets import Secret
from agent.notify.answers import seconds
from agent.notify.apprise import AppriseSink, check
from agent.notify.attempts import MOST_GIVEN_UP
from agent.notify.message import Message, compose
from agent.notify.verdict import Rejected, Retry, Sent
from tests.support.notices import notice
from tests.support.webhook import DRIP, HANG, RESET, Answer, Trouble, Webhook

if TYPE_CHECKING:
    from pathlib import Path

# Apprise imports a module that Python 3.13 drops, through one of its own dependencies.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

CANARY = "c4naryS3cret"


def message(longest: int | None) -> Message:
    return compose([notice()], longest=longest)


def url(text: str) -> Secret:
    return Secret("url", text)


class Parts:
    """A target spelled out."""

    def __init__(self, **parts: Any) -> None:
        self._parts = parts

    def reveal(self) -> dict[str, Any]:
        return self._parts


def never() -> None:
    raise AssertionError


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(200), Sent()),
        (Answer(204), Sent()),
        (Answer(302, {"Location": "http://127.0.0.1:1/"}), Retry("HTTP 302 Found")),
        (Answer(400), Rejected("HTTP 400 Bad Request")),
        (Answer(401), Retry("HTTP 401 Unauthorized")),
        (Answer(404), Retry("HTTP 404 Not Found")),
        (Answer(429, {"Retry-After": "7"}), Retry("HTTP 429 Too Many Requests", 7.0)),
        (Answer(503), Retry("HTTP 503 Service Unavailable")),
        (Answer(599), Retry("HTTP 599")),
        (RESET, Retry("the connection failed or broke")),
    ],
)
def test_the_verdict_follows_the_answer(answer: Answer | Trouble, verdict: object) -> None:
    with Webhook(answer) as hook:
        assert AppriseSink(url(hook.url)).send(message, 20, never) == verdict
        body = hook.next()
    assert (body["title"], body["message"], body["type"]) == (
        message(None).title,
        message(None).text,
        "warning",
    )


@pytest.mark.parametrize("slow", [HANG, DRIP])
def test_a_slow_server_is_given_up_at_the_deadline_and_holds_nothing_up(slow: Trouble) -> None:
    with Webhook(slow) as hook:
        sink, late = AppriseSink(url(hook.url)), Event()
        assert sink.send(message, 0.5, late.set) == Retry("no answer within 0.5 s")
        hook.next()  # it has arrived, so the slow answer is not the second attempt's
        assert sink.send(message, 20, never) == Sent()
        assert not late.is_set()
        hook.release.set()
        assert late.wait(20)


def test_attempts_that_hang_are_limited() -> None:
    with Webhook(*[HANG] * MOST_GIVEN_UP) as hook:
        sink = AppriseSink(url(hook.url))
        for _ in range(MOST_GIVEN_UP):
            assert isinstance(sink.send(message, 0.2, lambda: None), Retry)
        assert sink.send(message, 20, never) == Retry("4 earlier attempts still hang")


def test_a_secret_that_cannot_be_read_is_tried_again(tmp_path: Path) -> None:
    with Webhook() as hook:
        file = tmp_path / "url"
        sink = AppriseSink(Secret("url", file=file))
        assert sink.send(message, 20, never) == Retry(f"url_file {file}: no such file or directory")
        file.write_text(hook.url + "\n")
        assert sink.send(message, 20, never) == Sent()


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (url("json://127.0.0.1/hook"), None),
        (url(f"discord://123456/{CANARY}"), None),
        (Parts(schema="json", host="127.0.0.1", port=8080, fullpath="/hook"), None),
        (url(CANARY), "is no URL of a service that Apprise knows"),
        (
            url(f"json://127.0.0.1:99999/{CANARY}"),
            "json:// needs a port of at most 65535",
        ),
        (url(f"nope://{CANARY}"), "is no URL of a service that Apprise knows"),
        (
            url(f"json://a/{CANARY}, json://b"),
            "holds more than one URL; give each a receiver of its own",
        ),
        (url(f"tgram://123456789:{CANARY}_hijklmnop"), "names nobody to tell"),
        (
            url(f"mailtos://u:{CANARY}@example.com?to=a@example.com,b@example.com"),
            "names 2 recipients; give each its own, in the table form `target`",
        ),
        (
            url(f"mailto://u:{CANARY}@example.com"),
            "mailto:// would send its password in clear; use mailtos://",
        ),
        (url("syslog://"), "syslog:// stays on this machine and would tell nobody"),
        (Parts(schema="macosx"), "macosx:// stays on this machine and would tell nobody"),
        (
            url(f"discord://123456/{CANARY}?template=/etc/passwd"),
            "discord:// with a template or key file is refused",
        ),
        (
            Parts(schema="nope", password=CANARY),
            "nope:// is unknown to Apprise, or lacks something it needs",
        ),
    ],
)
def test_a_target_is_checked_without_a_connection(
    target: Secret | Parts, error: str | None
) -> None:
    assert check(target) == error


def test_nothing_secret_is_logged_at_any_level(capfd: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler()
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    try:
        with Webhook(Answer(500)) as hook:
            sink = AppriseSink(url(f"{hook.url}/{CANARY}?-token={CANARY}&+X={CANARY}"))
            assert isinstance(sink.send(message, 20, never), Retry)
            assert sink.send(message, 20, never) == Sent()
        logging.getLogger("elsewhere").debug("heard")
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    logged = capfd.readouterr().err
    assert "heard" in logged
    assert CANARY not in logged
    assert "JSON" not in logged  # what Apprise itself would say of the failure


def test_nothing_heavy_is_imported_before_the_first_message() -> None:
    heavy = "{'apprise', 'requests', 'jinja2', 'babel', 'alembic'}"
    code = f"import sys, agent.delivery; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        ("-1", None),
        ("soon", None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, wait: float | None) -> None:
    assert seconds(header, datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) == wait
