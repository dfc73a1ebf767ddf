"""Names that servers make up: harmless once they are in, and so on everything that shows them."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import structlog
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from agent.cli import logs
from agent.cli.document import document
from agent.cli.options import LogFormat, LogLevel
from agent.cli.screen import Screen
from agent.cli.table import render
from agent.model import QuotaState, Reading
from agent.notify.message.inert import words
from agent.probe.allow import IMAP_COMMANDS
from agent.probe.read import poll
from agent.service import Service
from agent.store import history
from agent.text import LONGEST_NAME
from tests.support.accounts import account
from tests.support.checked import found
from tests.support.configured import mailbox, settings
from tests.support.faults import Fault, meet
from tests.support.names import NAMES, Name, harmless, server_with
from tests.support.scripted import Scripted, imap
from tests.support.stores import opened
from tests.support.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


# Apprise's PGP library still imports a module that Python 3.13 removes.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
EACH = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())


def read(name: Name) -> Reading:
    return meet(Fault(server_with(name), QuotaState.LIMITED)).reading


@EACH
def test_a_name_is_made_harmless_on_entry(name: Name) -> None:
    reading = read(name)
    assert [folder.name for folder in reading.folders] == [name.folder]
    assert {quota.root for quota in reading.quotas} == {name.root}
    assert reading.messages == 3
    assert harmless(name.folder + name.root)


@EACH
def test_the_table_and_the_document_show_it_in_one_piece(name: Name) -> None:
    checked = [found(read(name))]
    printed = json.dumps(document(checked))
    assert printed.isascii()
    [mailbox] = json.loads(printed)["mailboxes"]
    assert [folder["name"] for folder in mailbox["folders"]] == [name.folder]
    assert {quota["root"] for quota in mailbox["quotas"]} == {name.root}
    assert mailbox["usage_ratio"] == 0.96
    whole = render(checked, Screen(None))
    assert name.root[:150] in whole  # of a detail more is cut
    narrow, plain = Screen(80), Screen(80, unicode=False)
    for text in (whole, render(checked, narrow), render(checked, plain)):
        assert all(map(harmless, text.split("\n")))


@contextmanager
def logging_to(stream: io.StringIO, style: LogFormat = LogFormat.TEXT) -> Iterator[None]:
    """The agent's own log, until the block ends."""
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    logs.configure(LogLevel.DEBUG, style, stream)
    yield
    root.handlers[:], logging.raiseExceptions = handlers, raising
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.mark.parametrize("style", LogFormat)
@EACH
def test_a_log_line_with_it_is_one_line(style: LogFormat, name: Name) -> None:
    reading, stream = read(name), io.StringIO()
    with logging_to(stream, style):
        structlog.get_logger().info("polled", root=reading.quotas[0].root, reading=reading)
    [line] = stream.getvalue().splitlines()
    assert harmless(line)
    if style is LogFormat.JSON:
        assert json.loads(line)["root"] == name.root


def roots_on(page: str, *, openmetrics: bool) -> dict[str, str]:
    """The quota root of each account, by the parsers of Prometheus' own client."""
    parse = (
        openmetrics_parser.text_string_to_metric_families
        if openmetrics
        else text_string_to_metric_families
    )
    return {
        sample.labels["account"]: sample.labels["quota_root"]
        for family in parse(page)
        for sample in family.samples
        if sample.name == "mailbox_quota_used_bytes"
    }


@dataclass(frozen=True, slots=True)
class Shown:
    """What an agent showed, told and kept of one mailbox for each name."""

    metrics: str
    openmetrics: str
    pages: tuple[str, ...]
    told: tuple[str, ...]
    log: str
    kept: dict[str, set[str]]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder, log = tmp_path_factory.mktemp("agent"), io.StringIO()
    with ExitStack() as stack, Webhook() as hook, logging_to(log):
        ports = [stack.enter_context(Scripted(server_with(name))).port for name in NAMES.values()]
        accounts = [mailbox(f"box {what}", port) for what, port in zip(NAMES, ports, strict=True)]
        receivers = [{"name": "ops", "type": "apprise", "url": hook.url}]
        service = Service(settings(folder, *accounts, receivers=receivers))
        service.start()
        told: list[str] = []
        while not all(any(f"box {what}" in text for text in told) for what in NAMES):
            request = hook.next()
            told.append(request["title"] + "\n" + request["message"])
        while len(roots_on(metrics := ask(service, "/metrics"), openmetrics=False)) < len(NAMES):
            pass
        openmetrics = ask(service, "/metrics", "application/openmetrics-text; version=1.0.0")
        pages = tuple(ask(service, path) for path in ("/", "/-/healthy", "/-/ready"))
        service.stop()
        with opened(folder) as store, store.transaction() as connection:
            kept = {what: roots_in(connection, f"box {what}") for what in NAMES}
        yield Shown(metrics, openmetrics, pages, tuple(told), log.getvalue(), kept)


def roots_in(connection: Connection, account: str) -> set[str]:
    """The quota roots of an account that the store remembers."""
    return {of.root for of in history.usage(connection, account, LONG_AGO) if of.kind == "quota"}


def ask(service: Service, path: str, accept: str = "*/*") -> str:
    """The body of one of the agent's pages."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Accept": accept})
        return connection.getresponse().read().decode()


def test_both_parsers_read_every_name_back_from_the_metrics(shown: Shown) -> None:
    expected = {f"box {what}": name.root for what, name in NAMES.items()}
    assert roots_on(shown.metrics, openmetrics=False) == expected
    assert roots_on(shown.openmetrics, openmetrics=True) == expected
    assert all(map(harmless, shown.metrics.split("\n")))


def test_the_store_gives_every_name_back(shown: Shown) -> None:
    assert shown.kept == {what: {name.root} for what, name in NAMES.items()}


def test_a_message_is_plain_and_says_what_is_full(shown: Shown) -> None:
    for text in shown.told:
        assert all(map(harmless, text.split("\n")))
        assert len(text) < 2 * LONGEST_NAME * len(NAMES)
    everything = "\n".join(shown.told)
    for markup in ("<script>", "[red]", "*@everyone", "\\"):
        assert markup not in everything
    for root in ("Entw&APw-rfe", "NIL", "<script>[red]*@everyone"):
        assert words(root) in everything


def test_pages_name_no_quota_root(shown: Shown) -> None:
    for text in shown.pages:
        assert all(map(harmless, text.split("\n")))
        assert not any(part in text for part in ("@everyone", "evil", "Entw"))


def test_the_log_of_the_agent_tells_each_alert_on_one_line(shown: Shown) -> None:
    lines = shown.log.split("\n")
    assert all(map(harmless, lines))
    assert sum("alert.changed" in line for line in lines) == len(NAMES)
    assert "probe.bug" not in shown.log


@EACH
def test_no_name_becomes_a_command_when_it_is_asked_for(name: Name) -> None:
    untold = {
        b"LIST": b'* LIST () "/" %b\r\n<tag> OK\r\n' % name.spelt,
        b"GETQUOTAROOT": b"* QUOTAROOT INBOX %b\r\n<tag> OK\r\n" % name.spelt,
    }
    with Scripted(imap(untold)) as server:
        poll(account(server.port), 8)
        words = [line.split()[1] for line in server.heard]
    assert set(words) <= IMAP_COMMANDS
    assert words.count(b"LOGOUT") <= 1


@pytest.mark.parametrize("protocol", [b"", b" NAMESPACE"])
def test_a_folder_that_cannot_be_asked_for_costs_the_others_nothing(protocol: bytes) -> None:
    spelt = NAMES["a line break"].spelt
    folders = b'* LIST () "/" %b\r\n* LIST () "/" INBOX\r\n<tag> OK\r\n' % spelt
    counts = b"* STATUS INBOX (MESSAGES 3 UNSEEN 1)\r\n<tag> OK\r\n"
    quota = b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 96 100)\r\n<tag> OK\r\n'
    replies = {b"LIST": folders, b"STATUS": counts, b"GETQUOTAROOT": quota}
    script = imap(replies, b"IMAP4rev1 QUOTA" + protocol)
    reading = meet(Fault(script, QuotaState.LIMITED)).reading
    assert [folder.messages for folder in reading.folders] == [3, None]
    assert reading.messages is None
    assert reading.usage_ratio == 0.96


def test_a_root_that_cannot_be_asked_for_is_no_answer() -> None:
    root = b"* QUOTAROOT INBOX %b\r\n<tag> OK\r\n" % NAMES["a line break"].spelt
    meet(Fault(imap({b"GETQUOTAROOT": root}), QuotaState.INVALID))
