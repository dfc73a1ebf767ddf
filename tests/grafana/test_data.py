"""Every query of every dashboard, asked of a real Prometheus that scrapes a real agent."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from agent.model import Poll, Quota, QuotaState, Reading
from agent.store import Store, history
from tests.support.agent import Agent, account, configuration
from tests.support.boards import EVERYTHING, NAMES, Query, choices, document, filled, queries
from tests.support.daemon import started
from tests.support.prometheus import Plan, Prometheus, Series
from tests.support.web_daemon import until
from tests.support.webhook import Answer, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.dovecot import Dovecot

KIB = 1024
HOUR, DAY = 3600, 86400
MAILBOXES = (
    "everything",
    "pop",
    "wrong",
)  # between them, they show all that the Mailbox dashboard has
PATIENCE = 60  # seconds for what takes ten


@dataclass(frozen=True, slots=True)
class Scraped:
    """A Prometheus, and the address under which it knows the agent."""

    prometheus: Prometheus
    instance: str


@pytest.fixture(scope="module")
def scraped(dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """An agent with mailboxes of every kind, one receiver that works and two that do not."""
    folder = tmp_path_factory.mktemp("scraped")
    with ExitStack() as stack:
        down, gone = Answer(503), Answer(404)
        hooks = [stack.enter_context(Webhook(*script)) for script in ([], [down] * 99, [gone] * 99)]
        remember(folder)
        agent = stack.enter_context(Agent(folder, configured(folder, dovecot, hooks)))
        instance = f"127.0.0.1:{agent.port}"
        plan = Plan(targets={"mailboxes": [instance]}, history=past(instance))
        yield Scraped(stack.enter_context(started(lambda: Prometheus(plan))), instance)


def remember(folder: Path) -> None:
    """A week in which a mailbox grew: what a forecast needs."""
    now = datetime.now(UTC)
    store = Store(f"sqlite:///{folder}/agent.db")
    store.open()
    with store.transaction() as connection:
        history.append(connection, [grown(now - timedelta(days=7 - day), day) for day in range(7)])
    store.close()


def grown(at: datetime, day: int) -> Poll:
    quota = Quota("User quota", "storage", (600 + 10 * day) * KIB, 1024 * KIB)
    return Poll("everything", at, 0.1, Reading(QuotaState.LIMITED, (quota,)))


def configured(folder: Path, dovecot: Dovecot, hooks: list[Webhook]) -> str:
    everything = dovecot.add(storage=1024 * KIB, messages=100)
    dovecot.store(everything, messages=3, size=210 * KIB)
    dovecot.store(everything, "Trash", size=60 * KIB)
    full = dovecot.add(storage=100 * KIB)
    dovecot.store(full, size=110 * KIB)
    pop, wrong, unlimited = dovecot.add(storage=1024 * KIB), dovecot.add(), dovecot.add()
    dovecot.store(pop, messages=2)
    ports = dovecot.ports
    secure = {"tls": "implicit", "ca_file": str(dovecot.certificates.ca)}
    accounts = [
        account("everything", ports.imaps, username=everything.name, **secure)
        + 'tags = ["customers"]\nfolder_metrics = true\n',
        account("full", ports.imap, username=full.name),
        account("pop", ports.pop3, username=pop.name, protocol="pop3") + "track_messages = true\n",
        account("wrong", ports.imap, username=wrong.name, password="forgotten"),
        account("unlimited", ports.imap, username=unlimited.name),
    ]
    receivers = [
        f'[[receivers]]\nname = "{name}"\ntype = "apprise"\nurl = "{hook.url}"\n'
        for name, hook in zip(("works", "down", "gone"), hooks, strict=True)
    ]
    route = '[[routes]]\nreceivers = ["works", "down", "gone"]\n'
    return configuration(folder, *accounts, *receivers, route)


def past(instance: str) -> str:
    """What Prometheus knew before: a smaller mailbox a day ago, and an agent that ended now."""
    now = int(time.time())
    labels = f'job="mailboxes",instance="{instance}"'
    minutes = range(-DAY - 300, -DAY + HOUR, 60)
    return "\n".join(
        [
            *(
                f'mailbox_size_bytes{{account="everything",{labels}}} 1000 {now + second}'
                for second in minutes
            ),
            *(
                f"process_start_time_seconds{{{labels}}} {now - HOUR} {now + second}"
                for second in range(-120, 0, 15)
            ),
            "# EOF\n",
        ]
    )


def ask(scraped: Scraped, query: Query, variables: dict[str, str]) -> list[Series]:
    """As Grafana does: at an instant, over the last hour, or over the days to come."""
    now = time.time()
    picked = {
        name: "|".join(each.labels["account"] for each in scraped.prometheus.query(expression))
        for name, expression in query.picks(variables).items()
    }
    expression = query.filled(variables | picked)
    if query.instant:
        return scraped.prometheus.query(expression, at=now)
    if query.ahead:
        return scraped.prometheus.query_range(expression, now, now + 30 * DAY, 6 * HOUR)
    return over_an_hour(scraped, expression)


def over_an_hour(scraped: Scraped, expression: str) -> list[Series]:
    now = time.time()
    return scraped.prometheus.query_range(expression, now - HOUR, now, 15)


def has_data(series: list[Series]) -> bool:
    return any(math.isfinite(value) for each in series for value in each.samples.values())


def patterns(name: str) -> list[dict[str, str]]:
    """The choices with which a dashboard is looked at."""
    chosen = MAILBOXES if name == "mailbox" else (".*",)
    return [EVERYTHING | {"account": each} for each in chosen]


@pytest.mark.parametrize("name", NAMES)
def test_every_query_of_every_panel_has_data(scraped: Scraped, name: str) -> None:
    waiting = {(each.panel, each.ref): each for each in queries(document(name))}
    end = time.monotonic() + PATIENCE
    while waiting and time.monotonic() < end:
        for key, query in list(waiting.items()):
            if any(has_data(ask(scraped, query, each)) for each in patterns(name)):
                del waiting[key]
    assert not sorted(waiting)
    board = document(name)
    panels: dict[str, set[str]] = {}
    for query in queries(board):
        for each in patterns(name):
            labels = {label for series in ask(scraped, query, each) for label in series.labels}
            panels.setdefault(query.panel, set()).update(labels)
    unknown = {query.panel: query.shown - panels[query.panel] for query in queries(board)}
    assert {panel: labels for panel, labels in unknown.items() if labels} == {}


@pytest.mark.parametrize("name", NAMES)
def test_annotations_and_variables_have_data(scraped: Scraped, name: str) -> None:
    board = document(name)
    one = EVERYTHING | {"account": "full"}
    for annotation in board["annotations"].get("list", ()):
        expression = filled(annotation["target"]["expr"], one)
        until(partial(over_an_hour, scraped, expression), bool)
    offered: dict[str, Any] = {
        label: scraped.prometheus.api(f"label/{label}/values", **{"match[]": filled(series, one)})
        for series, label in choices(board)
    }
    assert offered["instance"] == [scraped.instance]
    assert offered["job"] == ["mailboxes"]
    assert name != "mailbox" or {*MAILBOXES, "full", "unlimited"} == {*offered["account"]}


def test_figures_are_true(scraped: Scraped) -> None:
    """The counts that people act on, of these five mailboxes."""
    board = {query.panel: query for query in queries(document("fleet"))}
    wanted = {
        "Mailboxes": 5,
        "Full": 1,
        "Full within 7 days": 0,
        "Failing": 1,
        "Stale": 1,
        "Logins rejected": 1,
        "Without a limit": 2,
    }
    [variables] = patterns("fleet")
    for panel, value in wanted.items():
        expression = board[panel].filled(variables)
        [only] = scraped.prometheus.until(expression, partial(shows, value))
        assert only.labels == {}


def shows(value: float, seen: list[Series]) -> bool:
    return bool(seen) and seen[0].value == value
