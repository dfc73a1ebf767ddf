"""What is in deploy/prometheus/ and docs/runbooks/, as the tests look at it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promql_parser
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
UNIT_TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
RUNBOOKS = ROOT / "docs" / "runbooks"

_KIND = "(?: (?:gauge|counter|histogram) \\|)?"
_DOCUMENTED = re.compile(rf"^\| `(mailbox_\w+)` \|{_KIND}([\w, ]*)\|", re.MULTILINE)
_QUERIES = re.compile(r"```promql\n(.*?)```", re.DOTALL)
_NEXT_QUERY = re.compile(r"\n(?=[^\s)])")


def rules() -> list[dict[str, Any]]:
    """Every rule, recording and alerting, in the order of the files."""
    groups = (group for file in RULES for group in yaml.safe_load(file.read_text())["groups"])
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """The alerting rules; one name may come with several severities."""
    return [rule for rule in rules() if "alert" in rule]


def unit_tests() -> Iterator[dict[str, Any]]:
    """Each test of each file of promtool tests."""
    for file in UNIT_TESTS:
        yield from yaml.safe_load(file.read_text())["tests"]


def documented() -> dict[str, set[str]]:
    """The labels of every metric, by docs/metrics.md, which another test compares with the code."""
    rows = _DOCUMENTED.findall((ROOT / "docs" / "metrics.md").read_text())
    return {name: {label.strip() for label in labels.split(",")} - {""} for name, labels in rows}


def queries(page: Path) -> list[str]:
    """The queries of a runbook: each begins at the margin."""
    blocks = _QUERIES.findall(page.read_text())
    return [query for block in blocks for query in _NEXT_QUERY.split(block.strip())]


@dataclass(frozen=True, slots=True)
class Named:
    """The metrics, recorded ones too, and the labels that an expression names."""

    metrics: frozenset[str]
    labels: frozenset[str]


def named(expression: str) -> Named:
    """What an expression names; ValueError where it is none."""
    metrics: set[str] = set()
    labels: set[str] = set()

    def visit(node: promql_parser.Expr) -> None:
        match node:
            case promql_parser.VectorSelector(name=str(name), matchers=matchers):
                metrics.add(name)
                labels.update(matcher.name for matcher in matchers.matchers)
            case promql_parser.AggregateExpr(modifier=modifier) if modifier:
                labels.update(modifier.labels)
            case promql_parser.BinaryExpr(modifier=modifier) if modifier:
                labels.update(modifier.matching.labels if modifier.matching else ())
                labels.update(modifier.group_labels or ())
            case _:
                pass

    promql_parser.walk(promql_parser.parse(expression), visit)
    return Named(frozenset(metrics), frozenset(labels))
