"""The committed Grafana dashboards as tests read them: panels, queries, variables filled in."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = Path(__file__).parents[2] / "grafana" / "dashboards"
NAMES = ("agent", "fleet", "mailbox")
INTERVALS = {"__rate_interval": "1m", "__interval": "15s", "__range": "1h"}
PICKED = "picked"  # in the place of few accounts
EVERYTHING = {"job": ".*", "instance": ".*"}


@dataclass(frozen=True, slots=True)
class Query:
    """One query: where it stands, what it asks for, and the labels that its panel shows."""

    panel: str
    ref: str
    expression: str
    instant: bool
    ahead: bool  # asks about the time from now on
    shown: frozenset[str]
    hidden: Mapping[str, str]

    def picks(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The PromQL of the hidden variables that it uses."""
        used = {name: each for name, each in self.hidden.items() if f"${name}" in self.expression}
        return {name: filled(each, variables) for name, each in used.items()}

    def filled(self, variables: Mapping[str, str]) -> str:
        """Its PromQL, with these variables and Grafana's own."""
        return filled(self.expression, variables)


def document(name: str) -> dict[str, Any]:
    """A dashboard as it is committed."""
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return loaded


def panels(board: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All but the rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries(board: Mapping[str, Any]) -> list[Query]:
    """Of all panels."""
    return [
        Query(
            panel["title"],
            target["refId"],
            target["expr"],
            target["instant"],
            panel.get("timeFrom", "").startswith("+"),
            frozenset(_shown(panel, target)),
            picks(board),
        )
        for panel in panels(board)
        for target in panel["targets"]
    ]


def expressions(board: Mapping[str, Any]) -> Iterator[str]:
    """Of all panels, annotations and variables, the variables filled in with anything."""
    anything = EVERYTHING | {"account": "anna"} | dict.fromkeys(picks(board), PICKED)
    for query in queries(board):
        yield query.filled(anything)
    for annotation in board["annotations"].get("list", ()):
        yield filled(annotation["target"]["expr"], anything)
    for selector, _ in choices(board):
        yield filled(selector, anything)
    for expression in picks(board).values():
        yield filled(expression, anything)


def choices(board: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The series and the label whose values each variable offers."""
    for text in _asked(board).values():
        if asked := re.fullmatch(r"label_values\((.*),(\w+)\)", text):
            yield asked[1], asked[2]


def picks(board: Mapping[str, Any]) -> dict[str, str]:
    """The hidden variables: each stands for the accounts that its expression yields."""
    asked = {name: re.fullmatch(r"query_result\((.*)\)", it) for name, it in _asked(board).items()}
    return {name: found[1] for name, found in asked.items() if found}


def filled(expression: str, variables: Mapping[str, str]) -> str:
    """PromQL with these variables and Grafana's own filled in; fails where one is left."""
    known = INTERVALS | dict(variables)
    text = re.sub(r"\$(\w+)", lambda match: known[match[1]], expression)
    assert "$" not in text, text
    return text


def _asked(board: Mapping[str, Any]) -> dict[str, str]:
    variables = board["templating"]["list"]
    return {each["name"]: each["query"]["query"] for each in variables if each["type"] == "query"}


def _shown(panel: Mapping[str, Any], target: Mapping[str, Any]) -> set[str]:
    """The labels that a legend names, or the columns of a table that are no values."""
    for change in panel.get("transformations", ()):
        if change["id"] == "organize":
            return {name for name in change["options"]["renameByName"] if "Value" not in name}
    return set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
