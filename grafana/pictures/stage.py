"""The mailboxes on a private Dovecot, two agents that poll them, a Prometheus with their past."""

from __future__ import annotations

import itertools
import re
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from agent.model import Poll, Quota, QuotaState, Reading
from agent.store import Store, history
from grafana.pictures.past import JOB, days
from grafana.pictures.population import (
    CERTIFICATE,
    FIRST,
    IMAP,
    MESSAGE,
    OTHER,
    POP,
    SECOND,
    everybody,
)
from tests.support import dovecot
from tests.support.agent import Agent, account, configuration
from tests.support.daemon import give
from tests.support.peer import message
from tests.support.prometheus import Plan, Prometheus, promtool
from tests.support.webhook import Answer, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from grafana.pictures.population import Mailbox

NOTED = "support"  # the mailbox that has a picture of its own
UNREAD = 40  # of the latest messages
HOURS = 8 * 24  # that the agents remember


@contextmanager
def staged(folder: Path) -> Iterator[Prometheus]:
    """All of it, for as long as the block runs."""
    with ExitStack() as stack:
        server = stack.enter_context(Dovecot())
        hooks = [stack.enter_context(Webhook(*script)) for script in ([], [], [Answer(503)] * 9999)]
        agents: dict[str, str] = {}
        for name in (FIRST, SECOND):
            place = folder / name
            place.mkdir()
            mine = [each for each in everybody() if each.agent == name]
            for each in mine:
                furnish(server, each)
            remember(place, mine)
            agent = stack.enter_context(Agent(place, configured(place, server, mine, hooks)))
            agents[f"127.0.0.1:{agent.port}"] = name
        servers = {
            f"127.0.0.1:{server.ports.imaps}": IMAP,
            f"127.0.0.1:{server.ports.imap}": OTHER,
            f"127.0.0.1:{server.ports.pop3s}": POP,
        }
        yield stack.enter_context(
            Backfilled(Renamed(interval="5s", agents=agents, servers=servers))
        )


class Dovecot(dovecot.Dovecot):
    """A server whose certificate ends in weeks."""

    ends = datetime.now(UTC) + timedelta(days=CERTIFICATE)
    certificate_ends = f"{ends:%y%m%d%H%M%S}Z"


def furnish(server: Dovecot, mailbox: Mailbox) -> None:
    """Make it, with messages that are small, and as large as their names say."""
    storage = mailbox.limit if mailbox.server != POP else None
    messages = mailbox.limit // MESSAGE * 2 if storage else None
    user = server.add(mailbox.name, storage=storage, messages=messages)
    numbers = itertools.count()
    for folder, part in mailbox.folders.items():
        size = int(mailbox.used(0) * part)
        count = max(size // MESSAGE, 1)
        place = server.maildir(user, folder) / "cur"
        for number in range(count):
            flags = "" if folder == "INBOX" and number < UNREAD else "S"
            told = f"S={size // count},W={size // count}"
            file = place / f"1.{next(numbers):09}.picture,{told}:2,{flags}"
            file.write_bytes(message(100))
            give(file)


def remember(folder: Path, mailboxes: Sequence[Mailbox]) -> None:
    """Let the agent have seen the last days, hour by hour: what a forecast needs."""
    now = datetime.now(UTC)
    store = Store(f"sqlite:///{folder}/agent.db")
    store.open()
    with store.transaction() as connection:
        for hours in range(HOURS, 0, -1):
            at = now - timedelta(hours=hours)
            polls = [_poll(each, at, hours / 24) for each in mailboxes if each.works]
            history.append(connection, polls)
    store.close()


def _poll(mailbox: Mailbox, at: datetime, ago: float) -> Poll:
    root = "" if mailbox.server == POP else "User quota"  # "": the configured limit
    quota = Quota(root, "storage", mailbox.used(ago), mailbox.limit)
    return Poll(mailbox.name, at, 0.04, Reading(QuotaState.LIMITED, (quota,)))


def configured(
    folder: Path, server: Dovecot, mailboxes: Sequence[Mailbox], hooks: Sequence[Webhook]
) -> str:
    """The agent's configuration file."""
    receivers = [
        f'[[receivers]]\nname = "{name}"\ntype = "apprise"\nurl = "{hook.url}"\n'
        for name, hook in zip(("ops", "chat", "pager"), hooks, strict=True)
    ]
    routes = [
        '[[routes]]\nreceivers = ["ops", "pager"]\nmatch = { severity = "critical" }\n',
        '[[routes]]\nreceivers = ["ops", "chat"]\n',
    ]
    return configuration(
        folder, *(_account(server, each) for each in mailboxes), *receivers, *routes
    ).replace('poll_interval = "1s"', 'poll_interval = "60s"')


def _account(server: Dovecot, mailbox: Mailbox) -> str:
    port, protocol, tls = {
        IMAP: (server.ports.imaps, "imap", "implicit"),
        OTHER: (server.ports.imap, "imap", "starttls"),
        POP: (server.ports.pop3s, "pop3", "implicit"),
    }[mailbox.server]
    keys = {} if mailbox.works else {"password": "forgotten"}
    if mailbox.server == POP:
        keys["limit"] = f"{mailbox.limit // 1024**2} MiB"
    table = account(
        mailbox.name, port, protocol=protocol, tls=tls, ca_file=str(server.certificates.ca), **keys
    )
    return table + ("folder_metrics = true\n" if mailbox.name == NOTED else "")


@dataclass(frozen=True, slots=True)
class Renamed(Plan):
    """Scrape agents, and have them and their servers go by the names of the past."""

    agents: Mapping[str, str] = field(default_factory=dict)  # names by address
    servers: Mapping[str, str] = field(default_factory=dict)

    def configuration(self, rules: Sequence[Path]) -> dict[str, Any]:
        """The configuration file."""
        scrape = {
            "job_name": JOB,
            "static_configs": [
                {"targets": [address], "labels": {"instance": name}}
                for address, name in self.agents.items()
            ],
            "metric_relabel_configs": [
                {
                    "source_labels": ["server"],
                    "regex": re.escape(address),
                    "target_label": "server",
                    "replacement": name,
                }
                for address, name in self.servers.items()
            ],
        }
        return Plan.configuration(self, rules) | {"scrape_configs": [scrape]}


class Backfilled(Prometheus):
    """A Prometheus that has scraped for weeks, now and then."""

    def furnish(self) -> None:
        """Its past, a day at a time: promtool reads a file once for every two hours of it."""
        super().furnish()
        file = self.folder / "history"
        for text in days(int(time.time()), NOTED):
            file.write_text(text)
            where = self.folder / "data"
            done = promtool("tsdb", "create-blocks-from", "openmetrics", file, where)
            if done.returncode:
                raise RuntimeError(done.stdout)

    def options(self) -> Mapping[str, object]:
        """A sample counts until the next one of the past; none is too old to be kept."""
        kept = {"query.lookback-delta": "20m", "storage.tsdb.retention.time": "90d"}
        return {**super().options(), **kept}
