"""The Prometheus rules: valid, tested by promtool, and true to the metrics that there are."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import deployed
from tests.support.daemon import started
from tests.support.deployed import PROMETHEUS, RULES, UNIT_TESTS
from tests.support.prometheus import amtool, promtool

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

ALERTS = deployed.alerts()
NAMES = {rule["alert"] for rule in ALERTS}
OF_TARGETS = {"job", "instance"}
# Beside the agent's own: what Prometheus makes itself, what client libraries add.
FOREIGN = {
    "up": set[str](),
    "process_start_time_seconds": set[str](),
    "ALERTS": {"alertname", "alertstate", "severity", "account", "quota_root", "resource"},
}
DASHBOARDS = {"mailbox-agent-fleet", "mailbox-agent-mailbox", "mailbox-agent-agent"}


def accepted(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout


def by_name(rule: dict[str, Any]) -> str:
    return f"{rule['alert']}-{rule['labels']['severity']}"


def known_labels() -> dict[str, set[str]]:
    """The labels that each metric can have, recorded ones included."""
    known = {name.removesuffix("_bucket"): labels for name, labels in deployed.documented().items()}
    known |= FOREIGN
    for _ in range(3):  # what is recorded from what is recorded
        for rule in deployed.rules():
            name = rule.get("record")
            if name:
                own = set(rule.get("labels", ()))
                held = (known.get(metric, set()) for metric in deployed.named(rule["expr"]).metrics)
                known[name] = known.get(name, set()) | own | set(chain.from_iterable(held))
    return known


KNOWN = known_labels()


def metric(name: str) -> str:
    """The metric that a series belongs to: a histogram has several."""
    return re.sub("_(bucket|sum|count)$", "", name) if name not in KNOWN else name


def test_promtool_accepts_the_rules() -> None:
    accepted(started(lambda: promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)))


@pytest.mark.parametrize("file", UNIT_TESTS, ids=lambda file: file.stem)
def test_the_rules_pass_their_unit_tests(file: Path) -> None:
    accepted(started(lambda: promtool("test", "rules", file)))


@pytest.mark.parametrize("rule", ALERTS, ids=by_name)
def test_each_alert_has_a_unit_test_in_which_it_fires_and_one_in_which_it_does_not(
    rule: dict[str, Any],
) -> None:
    severity = rule["labels"]["severity"]
    fires = {
        severity in [alert["exp_labels"]["severity"] for alert in case.get("exp_alerts", ())]
        for test in deployed.unit_tests()
        for case in test.get("alert_rule_test", ())
        if case["alertname"] == rule["alert"]
    }
    assert fires == {True, False}


@pytest.mark.parametrize("rule", ALERTS, ids=by_name)
def test_each_alert_says_what_it_is_and_where_to_go_on(rule: dict[str, Any]) -> None:
    words = rule["annotations"]
    assert set(words) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert words["runbook_url"].endswith(f"/{rule['alert']}.md")
    assert re.search("/d/([a-z-]+)", words["dashboard_url"])[1] in DASHBOARDS  # type: ignore[index]  # fails here, where there is none
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}


@pytest.mark.parametrize("rule", deployed.rules(), ids=lambda rule: rule.get("alert", "record"))
def test_rules_name_only_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    named = deployed.named(rule["expr"])
    metrics = {metric(name) for name in named.metrics}
    assert metrics <= KNOWN.keys()
    there = OF_TARGETS.union(*(KNOWN[name] for name in metrics))
    assert named.labels <= there
    in_words = re.findall(r"\$labels\.(\w+)", " ".join(rule.get("annotations", {}).values()))
    assert set(in_words) <= there


def test_every_alert_of_the_agents_table_is_there() -> None:
    assert {
        "MailboxFull", "MailboxAlmostFull", "MailboxFillingUp", "MailboxFillingUpFast",
        "MailboxAuthFailing", "MailboxPollFailing", "MailboxDataStale", "MailboxLimitUnknown",
        "MailServerCertificateExpiring", "MailboxAgentDown", "MailboxAgentConfigReloadFailed",
        "MailboxAgentNotificationsFailing", "MailboxAgentOutboxStuck", "MailboxAgentShardMissing",
    } <= NAMES  # fmt: skip


def test_the_sample_configurations_are_valid(tmp_path: Path) -> None:
    sample = (PROMETHEUS / "prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(sample.replace("/etc/prometheus/", ""))
    (tmp_path / "rules").mkdir()
    for file in RULES:
        (tmp_path / "rules" / f"mailbox-agent-{file.name}").write_text(file.read_text())
    checked = started(lambda: promtool("check", "config", tmp_path / "prometheus.yml"))
    accepted(checked)
    assert checked.stdout.count("rules found") == len(RULES)
    accepted(started(lambda: amtool("check-config", PROMETHEUS / "alertmanager.yml")))


def test_what_is_inhibited_are_alerts_that_there_are() -> None:
    inhibitions = (PROMETHEUS / "alertmanager.yml").read_text().partition("inhibit_rules:")[2]
    found = re.findall(r'alertname (?:=|=~) "?([\w|.+]+)', inhibitions)
    names = set(chain.from_iterable(each.split("|") for each in found)) - {"Mail.+"}
    assert len(names) > len(NAMES) / 2
    assert names <= NAMES
