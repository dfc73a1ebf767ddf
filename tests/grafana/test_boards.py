"""What every dashboard is held to, by its committed JSON alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promql_parser as promql
import pytest
from jsonschema import Draft7Validator

from tests.support.boards import (
    EVERYTHING,
    FOLDER,
    NAMES,
    PICKED,
    document,
    expressions,
    filled,
    panels,
    picks,
    queries,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
METRICS = ROOT / "docs" / "metrics.md"
SCHEMA = Path(__file__).with_name("dashboard.schema.json")
UIDS = {f"mailbox-agent-{name}" for name in NAMES}
ROW = re.compile(r"^\| `(\w+)` \| \w+ \|([\w, ]*)\|", re.MULTILINE)
# What Prometheus adds to a scrape, and its client to a process.
USUAL = re.compile(r"up|scrape_(duration_seconds|samples_scraped)|process_\w+")
SUFFIXES = re.compile(r"_(bucket|sum|count)$")
every_board = pytest.mark.parametrize("name", NAMES)


def parsed(name: str) -> Iterator[promql.Expr]:
    return (promql.parse(expression) for expression in expressions(document(name)))


def nodes(node: promql.Expr) -> Iterator[promql.Expr]:
    """An expression and all that it is made of."""
    found: list[promql.Expr] = []

    def note(each: promql.Expr) -> bool:
        found.append(each)
        return True

    promql.walk(node, note)
    return iter(found)


def documented() -> dict[str, set[str]]:
    rows = ROW.findall(METRICS.read_text())
    return {name: {label.strip() for label in labels.split(",")} - {""} for name, labels in rows}


def test_the_json_is_what_the_python_says(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "grafana", tmp_path], cwd=ROOT, check=True)
    for name in NAMES:
        made, committed = (folder / f"{name}.json" for folder in (tmp_path, FOLDER))
        assert made.read_text() == committed.read_text(), f"{name}: run make dashboards"


@every_board
def test_the_json_is_what_grafana_12_reads(name: str) -> None:
    board = document(name)
    schema = Draft7Validator(json.loads(SCHEMA.read_text()))
    assert [error.json_path for error in schema.iter_errors(board)] == []
    for panel in panels(board):  # an override is a default for some of the fields
        for override in panel["fieldConfig"]["overrides"]:
            defaults: dict[str, Any] = {}
            for each in override["properties"]:
                outer, _, inner = each["id"].rpartition(".")
                where = defaults.setdefault(outer, {}) if outer else defaults
                where[inner] = each["value"]
            config = {"defaults": defaults, "overrides": []}
            changed = board | {"panels": [panel | {"fieldConfig": config}]}
            assert [error.json_path for error in schema.iter_errors(changed)] == []


@every_board
def test_every_panel_has_its_own_title_a_meaning_and_a_unit(name: str) -> None:
    board = document(name)
    assert not [title for title, count in titles(board).items() if count > 1]
    for panel in panels(board):
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert "libraryPanel" not in panel


def titles(board: dict[str, Any]) -> Counter[str]:
    """Of rows and panels; a panel may be called as the row that holds it alone."""
    return Counter(f"{panel['type'] == 'row'} {panel['title']}" for panel in board["panels"])


@every_board
def test_everything_asks_the_data_source_that_is_chosen(name: str) -> None:
    board = document(name)
    sources = re.findall(r'"datasource": ({[^}]*}[^}]*})', json.dumps(board))
    assert set(sources) == {'{"type": "prometheus", "uid": "${datasource}"}'}
    asking = [*panels(board), *(each for panel in panels(board) for each in panel["targets"])]
    assert all("datasource" in each for each in asking)


@every_board
def test_a_dashboard_has_what_people_expect_of_one(name: str) -> None:
    board = document(name)
    variables = {each["name"] for each in board["templating"]["list"]}
    assert {"datasource", "job", "instance"} <= variables
    assert ("account" in variables) == (name != "agent")
    assert board["timezone"] == "browser"
    assert board["graphTooltip"] == 1  # one crosshair for all graphs
    assert board["uid"] == f"mailbox-agent-{name}"
    assert board["schemaVersion"] < 100  # the classic schema, which file provisioning takes
    linked = {re.match(r"/d/([\w-]+)\?", link["url"])[1] for link in board["links"]}  # type: ignore[index]  # fails where it is None
    assert linked == UIDS - {board["uid"]}
    assert board["panels"][0]["type"] == "row"


@every_board
def test_panels_fill_the_grid_without_a_gap_or_an_overlap(name: str) -> None:
    cells: Counter[tuple[int, int]] = Counter()
    board = document(name)
    for panel in board["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                cells[x, y] += 1
    height = max(y for _, y in cells) + 1
    assert cells == Counter({(x, y): 1 for x in range(24) for y in range(height)})
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@every_board
def test_a_state_is_a_word_and_not_a_colour_alone(name: str) -> None:
    for panel in panels(document(name)):
        defaults = panel["fieldConfig"]["defaults"]
        if panel["type"] == "state-timeline":
            assert defaults["mappings"]
        configs = [defaults, *(of(each) for each in panel["fieldConfig"]["overrides"])]
        for mapping in (each for config in configs for each in config.get("mappings", ())):
            results = mapping["options"]
            results = [results["result"]] if mapping["type"] == "range" else results.values()
            assert all(result["text"] for result in results)


def of(override: dict[str, Any]) -> dict[str, Any]:
    return {each["id"]: each["value"] for each in override["properties"]}


@every_board
def test_every_metric_and_label_exists(name: str) -> None:
    known = documented()
    for expression in parsed(name):
        for node in nodes(expression):
            if isinstance(node, promql.VectorSelector):
                metric = SUFFIXES.sub("", node.name or "")
                used = {matcher.name for matcher in node.matchers.matchers}
                labels = set() if USUAL.fullmatch(metric) else known[metric]
                assert used <= labels | {"job", "instance"}, expression.prettify()
                wanted = {"job", "instance"} | ({"account"} & labels)
                chooses = metric in {"mailbox_agent_build_info", "mailbox_info"}
                assert wanted <= used or chooses, expression.prettify()


@every_board
def test_counters_stand_under_rate_or_increase_only(name: str) -> None:
    for expression in parsed(name):
        all_nodes = list(nodes(expression))
        counters = [
            node
            for node in all_nodes
            if isinstance(node, promql.VectorSelector) and counts(node.name or "")
        ]
        rated = [
            node.args[0].vector_selector
            for node in all_nodes
            if isinstance(node, promql.Call)
            and node.func.name in {"rate", "increase"}
            and isinstance(node.args[0], promql.MatrixSelector)
        ]
        assert sorted(str(each) for each in counters) == sorted(str(each) for each in rated)


def counts(metric: str) -> bool:
    return metric.endswith(("_total", "_bucket", "_sum", "_count"))


@every_board
def test_rates_are_over_the_interval_that_grafana_chooses(name: str) -> None:
    for query in queries(document(name)):
        for window in re.findall(r"\[(.*?)\]", query.expression):
            assert window in {"$__rate_interval", "$__range"}


def test_fleet_draws_few_series_of_few_points_however_many_mailboxes_there_are() -> None:
    board = document("fleet")
    variables = EVERYTHING | {"account": ".*"} | dict.fromkeys(picks(board), PICKED)
    asked = [query.filled(variables) for query in queries(board)]
    for expression in [*asked, *(filled(each, variables) for each in picks(board).values())]:
        assert is_cut(promql.parse(expression)), expression
    for panel in panels(board):
        if any("$account" in each["expr"] and not each["instant"] for each in panel["targets"]):
            assert panel["maxDataPoints"] < 50


def is_cut(node: promql.Expr) -> bool:
    """Whether it yields fewer series than there are mailboxes."""
    match node:
        case promql.AggregateExpr():
            by = node.modifier.labels if node.modifier else []
            cuts = str(node.op) in {"topk", "bottomk"} or "account" not in by
            return cuts or is_cut(node.expr)
        case promql.BinaryExpr():
            sides = (is_cut(node.lhs), is_cut(node.rhs))
            return any(sides) if str(node.op) == "and" else all(sides)
        case promql.ParenExpr() | promql.UnaryExpr():
            return is_cut(node.expr)
        case promql.Call():
            return all(map(is_cut, node.args))
        case promql.VectorSelector():
            return PICKED in {each.value for each in node.matchers.matchers}
        case _:
            return isinstance(node, promql.NumberLiteral)
