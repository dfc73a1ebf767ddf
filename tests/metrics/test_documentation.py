"""docs/metrics.md names every metric with its type and labels, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

from agent.metrics.families import CERTIFICATE_FAMILY, FIGURES_FAMILIES, MAILBOX_FAMILIES
from agent.metrics.folders import MOST, MOST_IN_ALL
from tests.support.pages import whole

if TYPE_CHECKING:
    from agent.metrics.family import Family

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(mailbox_\w+)` \| (\w+) \|([\w, ]*)\|", re.MULTILINE)

FAMILIES: list[Family[Any]] = [*FIGURES_FAMILIES, *MAILBOX_FAMILIES, CERTIFICATE_FAMILY]

Described = dict[str, tuple[str, set[str]]]


def documented() -> Described:
    rows = ROW.findall(PAGE.read_text())
    return {
        name: (kind, {label.strip() for label in labels.split(",")} - {""})
        for name, kind, labels in rows
    }


def exported() -> Described:
    """Every metric of a page that has all, with the labels of its samples."""
    found: Described = {}
    for family in text_string_to_metric_families(whole(openmetrics=False)):
        suffix = "_total" if family.type == "counter" else ""
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        if family.name.startswith("mailbox_"):
            found[family.name + suffix] = (family.type, labels)
    return found


def test_every_metric_is_documented_with_its_type_and_labels() -> None:
    assert documented() == exported()


def test_the_page_that_is_compared_has_every_metric_of_the_tables() -> None:
    figures = {family.name: ("gauge", {"account", *family.labels}) for family in FIGURES_FAMILIES}
    mailboxes = {
        family.name: (family.kind, {"account", *family.labels}) for family in MAILBOX_FAMILIES
    }
    certificate = {CERTIFICATE_FAMILY.name: ("gauge", {"server"})}
    assert (figures | mailboxes | certificate).items() <= exported().items()


def test_each_metric_says_that_it_is_collected_on_a_schedule_unless_it_is_configured() -> None:
    silent = {family.name for family in FAMILIES if "schedule" not in family.explanation}
    assert silent == {"mailbox_poll_interval_seconds", "mailbox_login_plaintext", "mailbox_info"}


def test_each_metric_says_its_unit() -> None:
    units = {"_bytes": "bytes", "_seconds": "seconds", "_messages": "messages"}
    for family in FAMILIES:
        for ending, unit in units.items():
            if family.name.endswith(ending):
                assert unit in family.explanation.lower(), family.name


def test_the_limits_on_folders_are_those_that_are_documented() -> None:
    said = PAGE.read_text()
    assert f"{MOST} largest" in said
    assert f"{MOST_IN_ALL:,}" in said
