"""docs/metrics.md names every metric with its labels, and no other."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from agent.metrics import OwnMetrics
from agent.metrics.families import CERTIFICATE_FAMILY, MAILBOX_FAMILIES, READING_FAMILIES
from agent.metrics.own import Waiting

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(mailbox_\w+)` \|([\w, ]*)\|", re.MULTILINE)


def documented() -> dict[str, set[str]]:
    rows = ROW.findall(PAGE.read_text())
    return {name: {label.strip() for label in labels.split(",")} - {""} for name, labels in rows}


def own() -> dict[str, set[str]]:
    metrics = OwnMetrics(lambda: datetime.now(UTC))
    metrics.notified("ops", "sent")
    metrics.outbox({"ops": Waiting()})
    found: dict[str, set[str]] = {}
    for family in metrics._registry.collect():
        suffix = "_total" if family.type == "counter" else ""
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        if family.name.startswith("mailbox_"):
            found[family.name + suffix] = labels
    return found


def test_every_metric_is_documented_with_its_labels() -> None:
    of_mailboxes = {
        family.name: {"account", *family.labels}
        for families in (READING_FAMILIES, MAILBOX_FAMILIES)
        for family in families
    }
    of_servers = {CERTIFICATE_FAMILY.name: set(CERTIFICATE_FAMILY.labels)}
    assert documented() == of_mailboxes | of_servers | own()
