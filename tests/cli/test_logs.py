from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from agent.cli.logs import configure
from agent.cli.options import LogFormat, LogLevel

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:], logging.raiseExceptions = handlers, raising
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def logged(style: LogFormat, level: LogLevel = LogLevel.INFO) -> io.StringIO:
    stream = io.StringIO()
    configure(level, style, stream)
    return stream


def test_json_has_time_level_and_event_first_and_fields_after() -> None:
    stream = logged(LogFormat.JSON)
    structlog.get_logger().info("mailbox.polled", account="anna", ratio=0.5)
    line = json.loads(stream.getvalue())
    assert list(line) == ["timestamp", "level", "event", "account", "ratio"]
    assert line["timestamp"].endswith("Z")
    assert (line["level"], line["event"], line["ratio"]) == ("info", "mailbox.polled", 0.5)


def test_a_library_logs_in_the_same_form() -> None:
    stream = logged(LogFormat.JSON)
    logging.getLogger("a.library").warning("port %d", 1)
    # A thread that an earlier test left behind may have something to say, too.
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert ("warning", "port 1") in [(line["level"], line["event"]) for line in lines]


@pytest.mark.parametrize("name", ["apprise", "imapclient", "imapclient.imaplib", "urllib3"])
def test_libraries_that_log_secrets_at_debug_are_never_heard_there(name: str) -> None:
    stream = logged(LogFormat.TEXT, LogLevel.DEBUG)
    logging.getLogger(name).debug("hunter2")
    structlog.get_logger().debug("ours")
    assert "hunter2" not in stream.getvalue()
    assert "ours" in stream.getvalue()


def test_a_level_hides_what_is_milder() -> None:
    stream = logged(LogFormat.TEXT, LogLevel.ERROR)
    structlog.get_logger().warning("mild")
    logging.getLogger("apprise").warning("mild")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("style", LogFormat)
def test_what_a_server_said_cannot_drive_the_terminal(style: LogFormat) -> None:
    stream = logged(style)
    structlog.get_logger().info("refused", detail="\x1b[2J\u202eevil\nfake line")
    logging.getLogger("library").warning("server said %s", "\x1b[2J\u202eevil\nfake line")
    assert stream.getvalue().count("\n") == 2
    assert not {"\x1b", "\u202e"} & set(stream.getvalue())


@pytest.mark.parametrize("style", LogFormat)
def test_a_traceback_has_no_local_variables(style: LogFormat) -> None:
    stream = logged(style)

    def fail(secret: str) -> None:
        raise KeyError(len(secret))

    try:
        fail("hunter2")
    except KeyError:
        structlog.get_logger().exception("failed")
        logging.getLogger("library").exception("failed")
    assert stream.getvalue().count("Traceback") == 2
    assert "secret: " not in stream.getvalue()
    assert "secret = " not in stream.getvalue()
