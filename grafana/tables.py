"""Tables: queries side by side, a row for each set of labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.common import TableSortByFieldState
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana import looks
from grafana.panels import Text, furnished, instant, ref

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana_foundation_sdk.models.dashboard import ValueMapping

NARROW: dict[str, object] = {"custom.width": 100}
EMPTY_CELL: dict[str, object] = {"noValue": "-"}  # a table says else what it says without rows


@dataclass(frozen=True, slots=True)
class Label:
    """One label as a column of a table; `properties` are those of Grafana's field."""

    label: str
    title: str
    properties: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """One query as a column of a table; without a title only its labels are shown."""

    title: str
    expression: str
    unit: str = "none"
    properties: dict[str, object] = field(default_factory=dict)


def listing(
    text: Text,
    labels: Sequence[Label],
    *columns: Column,
    by: tuple[str, bool],
    size: tuple[int, int] = (24, 9),
) -> table.Panel:
    """A row for each set of labels of an instant, sorted `by` a title, descending or not."""
    title, descending = by
    panel = (
        table.Panel()
        .thresholds(looks.steps(looks.FAINT))
        .color_scheme(looks.by_threshold())
        .cell_height(common.TableCellHeight.SM)
        .show_header(show_header=True)
        .sort_by([TableSortByFieldState().display_name(title).desc(desc=descending)])
        .transformations(_merged(labels, columns))
    )
    for label in labels:
        panel = panel.override_by_name(label.title, _values(label.properties | EMPTY_CELL))
    for column in columns:
        if column.title:
            properties = {"unit": column.unit} | column.properties | EMPTY_CELL
            panel = panel.override_by_name(column.title, _values(properties))
    queries = [instant(column.expression).format(PromQueryFormat.TABLE) for column in columns]
    return furnished(panel, text, queries, size)


def gauge_cell(base: str, *above: tuple[float, str]) -> dict[str, object]:
    """A share of one as a bar in a table's cell."""
    cell = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
    look = {"min": 0, "max": 1, "decimals": 1, "custom.cellOptions": cell, "custom.width": 260}
    return {"thresholds": looks.steps(base, *above).build()} | look


def colored_cell(
    base: str = looks.FAINT, *above: tuple[float, str], mappings: Sequence[ValueMapping] = ()
) -> dict[str, object]:
    """A table's cell whose text has the colour of its threshold or its word."""
    look: dict[str, object] = {"custom.cellOptions": {"type": "color-text"}}
    look["thresholds"] = looks.steps(base, *above).build()
    return look | ({"mappings": list(mappings)} if mappings else {})


def _values(properties: dict[str, object]) -> list[DynamicConfigValue]:
    return [DynamicConfigValue(id_val=key, value=value) for key, value in properties.items()]


def _merged(labels: Sequence[Label], columns: Sequence[Column]) -> list[DataTransformerConfig]:
    """All queries side by side, their labels first, nothing else."""
    several = len(columns) > 1
    titles = {each.label: each.title for each in labels} | {
        f"Value #{ref(index)}" if several else "Value": column.title
        for index, column in enumerate(columns)
        if column.title
    }
    order = {name: index for index, name in enumerate(titles)}
    shown = dict.fromkeys(titles, True)
    return [
        DataTransformerConfig(id_val="merge", options={}),
        DataTransformerConfig(
            id_val="organize",
            options={"includeByName": shown, "indexByName": order, "renameByName": titles},
        ),
    ]
