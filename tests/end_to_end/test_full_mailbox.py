"""A mailbox fills and is emptied; the page, the metric, Prometheus and the agent all say so.

Everything is real: Dovecot, the agent, Prometheus with the rules as they are shipped, Alertmanager
with its sample configuration, and the webhooks that both tell.
"""

from __future__ import annotations

import html
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.agent import Agent, account, configuration
from tests.support.alertmanager import Alertmanager
from tests.support.daemon import started
from tests.support.deployed import PROMETHEUS
from tests.support.prometheus import Plan, Prometheus
from tests.support.web_daemon import until
from tests.support.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.dovecot import Dovecot
    from tests.support.prometheus import Series

KIBIBYTE = 1024
PATIENT = re.compile(r"^( +(?:for|keep_firing_for)): \w+$", re.MULTILINE)
MARKUP = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL)


def rules(folder: Path) -> list[Path]:
    """The rules as they are installed, but without their patience."""
    subprocess.run([PROMETHEUS / "install-rules", folder], check=True)
    files = sorted(folder.glob("mailbox-agent-*.yml"))
    for file in files:
        file.write_text(PATIENT.sub(r"\1: 0s", file.read_text()))
    return files


def alerting(hook: str) -> str:
    """The sample configuration, with this webhook, and without its patience."""
    sample = (PROMETHEUS / "alertmanager.yml").read_text()
    sample = sample.replace("http://127.0.0.1:8080", hook)
    sample = sample.replace("group_wait: 30s", "group_wait: 1s")
    return sample.replace("group_interval: 5m", "group_interval: 1s")


@contextmanager
def watched(agent: Agent, hook: Webhook, folder: Path) -> Iterator[tuple[Prometheus, Alertmanager]]:
    """A Prometheus that scrapes the agent, and an Alertmanager that tells the webhook."""
    with started(
        lambda: Alertmanager(hook.address, configuration=alerting(hook.address))
    ) as alertmanager:
        plan = Plan(
            targets={"mailbox-agent": [f"127.0.0.1:{agent.port}"]},
            rules=rules(folder),
            alertmanagers=[alertmanager.address],
        )
        with started(lambda: Prometheus(plan)) as prometheus:
            yield prometheus, alertmanager


def shown(agent: Agent) -> str:
    """The words of the page at `/`."""
    status, page = agent.get("/")
    assert status == 200
    return " ".join(html.unescape(MARKUP.sub(" ", page)).split())


def says(page: str, percent: int, firing: int) -> bool:
    """Whether the page has the mailbox with this usage, or so many alerts where it has neither."""
    usage = re.search(rf"\b{percent} ?%", page)
    return ("anna" in page and usage is not None) or f"Alerts firing {firing} " in page


def is_empty(series: list[Series]) -> bool:
    return not series


def told(hook: Webhook, status: str, name: str) -> dict[str, Any]:
    """The first alert of this name and status that Alertmanager tells the webhook."""
    while True:
        for alert in hook.next()["alerts"]:
            if (alert["status"], alert["labels"]["alertname"]) == (status, name):
                found: dict[str, Any] = alert
                return found


def test_a_mailbox_that_fills_and_is_emptied_is_told_by_all_of_them(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    user = dovecot.add(storage=100 * KIBIBYTE)
    dovecot.store(user, messages=1, size=50 * KIBIBYTE)
    with Webhook() as ops, Webhook() as oncall:
        mailbox = account("anna", dovecot.ports.imap, username=user.name) + 'tags = ["vip"]\n'
        told_by_agent = configuration(tmp_path, mailbox, receiver=ops.url)
        with (
            Agent(tmp_path, told_by_agent) as agent,
            watched(agent, oncall, tmp_path) as (prometheus, alertmanager),
        ):
            (half,) = prometheus.until('mailbox_usage_ratio{account="anna"}')
            assert half.value == 0.5
            prometheus.until("ALERTS", is_empty)  # before the first scrape, the agent was down

            dovecot.store(user, messages=1, size=50 * KIBIBYTE)
            assert re.fullmatch("Mailbox anna is .*full", ops.next()["title"])
            prometheus.until('mailbox_usage_ratio{account="anna"} == 1')
            until(lambda: shown(agent), lambda page: says(page, 100, firing=1))
            (firing,) = prometheus.until('ALERTS{alertname="MailboxFull", alertstate="firing"}')
            alert = told(oncall, "firing", "MailboxFull")
            assert (
                alert["labels"].items()
                >= {
                    "account": "anna",
                    "severity": "critical",
                    "server": f"127.0.0.1:{dovecot.ports.imap}",
                    "tags": "vip",
                    "instance": firing.labels["instance"],
                }.items()
            )
            alertmanager.until(
                lambda alerts: (
                    {
                        each["labels"]["alertname"]
                        for each in alerts
                        if each["status"]["state"] == "suppressed"
                    }
                    == {"MailboxAlmostFull"}
                )
            )

            dovecot.expunge(user)
            assert "anna" in ops.next()["title"]
            prometheus.until('mailbox_usage_ratio{account="anna"} == 0')
            until(lambda: shown(agent), lambda page: says(page, 0, firing=0))
            prometheus.until("ALERTS", is_empty)
            assert told(oncall, "resolved", "MailboxFull")["labels"] == alert["labels"]
