"""The kinds of panels that the dashboards are made of, each with title, meaning and unit."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    LineStyle,
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTextDisplayOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import looks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana_foundation_sdk.builders.dashboard import DashboardLink, ThresholdsConfig
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.cog.variants import Dataquery as AnyQuery
    from grafana_foundation_sdk.models.dashboard import ValueMapping

SOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
FEW_POINTS = 48  # where every mailbox is asked for: 50,000 of them are 2.4 million samples


@dataclass(frozen=True, slots=True)
class Text:
    """What a panel is called, what it means, in which unit, and what stands there without data."""

    title: str
    meaning: str
    unit: str
    nothing: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One query of a graph; `dashed` are limits and forecasts."""

    legend: str
    expression: str
    color: str = ""
    dashed: bool = False


class _Panel(Protocol):
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: common.DataSourceRef) -> Self: ...
    def unit(self, unit: str) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def span(self, w: int) -> Self: ...
    def height(self, h: int) -> Self: ...
    def targets(self, targets: list[Builder[AnyQuery]]) -> Self: ...


P = TypeVar("P", bound=_Panel)


def number(  # noqa: PLR0913 - a panel has that many looks
    text: Text,
    expression: str,
    *,
    thresholds: ThresholdsConfig | None = None,
    mappings: Sequence[ValueMapping] = (),
    decimals: int | None = None,
    width: int = 3,
    links: Sequence[DashboardLink] = (),
) -> stat.Panel:
    """One figure, or a word for it."""
    panel = (
        stat.Panel()
        .thresholds(thresholds or looks.steps(looks.FAINT))
        .mappings(list(mappings))
        .data_links(list(links))
        .color_scheme(looks.by_threshold())
        .color_mode(common.BigValueColorMode.VALUE)
        .graph_mode(common.BigValueGraphMode.NONE)
        .justify_mode(common.BigValueJustifyMode.CENTER)
        .text_mode(common.BigValueTextMode.VALUE)
        .wide_layout(wide_layout=False)
        .text(VizTextDisplayOptions().value_size(30))
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    return furnished(panel, text, [instant(expression)], (width, 4))


def graph(text: Text, *lines: Line, size: tuple[int, int] = (12, 8)) -> timeseries.Panel:
    """Lines over time."""
    panel = (
        timeseries.Panel()
        .color_scheme(looks.one_each())
        .line_width(2)
        .fill_opacity(8)
        .line_interpolation(common.LineInterpolation.LINEAR)
        .show_points(common.VisibilityMode.NEVER)
        .axis_soft_min(0)
        .legend(_legend())
        .tooltip(
            VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
    )
    for line in lines:
        properties = _looks(line)
        if properties:
            panel = panel.override_by_query(ref(lines.index(line)), properties)
    queries = [Dataquery().expr(line.expression).legend_format(line.legend) for line in lines]
    return furnished(panel, text, [query.range() for query in queries], size)


def areas(text: Text, *lines: Line, size: tuple[int, int] = (12, 8)) -> timeseries.Panel:
    """Lines over time that add up."""
    return (
        graph(text, *lines, size=size)
        .stacking(StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
        .fill_opacity(35)
        .line_width(1)
    )


def bars(text: Text, *lines: Line, size: tuple[int, int] = (8, 8)) -> timeseries.Panel:
    """Bars over time that add up."""
    return areas(text, *lines, size=size).draw_style(common.GraphDrawStyle.BARS).fill_opacity(70)


def by_result(panel: timeseries.Panel) -> timeseries.Panel:
    """Series whose names are results or reasons, each always in the same colour."""
    for name, color in looks.RESULTS.items():
        value = DynamicConfigValue(id_val="color", value=looks.fixed(color).build())
        panel = panel.override_by_name(name, [value])
    return panel


def gauges(  # noqa: PLR0913 - a panel has that many looks
    text: Text,
    expression: str,
    legend: str,
    *,
    thresholds: ThresholdsConfig,
    links: Sequence[DashboardLink] = (),
    size: tuple[int, int] = (8, 9),
) -> bargauge.Panel:
    """A bar for each series of an instant, in the order of the query."""
    panel = (
        bargauge.Panel()
        .min(0)
        .thresholds(thresholds)
        .color_scheme(looks.by_threshold())
        .data_links(list(links))
        .orientation(common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .value_mode(common.BarGaugeValueMode.TEXT)
        .name_placement(common.BarGaugeNamePlacement.LEFT)
        .show_unfilled(show_unfilled=True)
        .sizing(common.BarGaugeSizing.MANUAL)
        .min_viz_height(16)
        .max_viz_height(24)
        .text(VizTextDisplayOptions().title_size(12).value_size(13))
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return furnished(panel, text, [instant(expression).legend_format(legend)], size)


def timeline(
    text: Text,
    *lines: Line,
    mappings: Sequence[ValueMapping],
    size: tuple[int, int] = (12, 6),
) -> statetimeline.Panel:
    """States over time, as words in bands."""
    panel = (
        statetimeline.Panel()
        .mappings(list(mappings))
        .thresholds(looks.steps(looks.FAINT))
        .color_scheme(looks.by_threshold())
        .fill_opacity(80)
        .line_width(0)
        .row_height(0.8)
        .show_value(common.VisibilityMode.AUTO)
        .align_value(common.TimelineValueAlignment.LEFT)
        .merge_values(merge_values=True)
        .legend(VizLegendOptions().show_legend(show_legend=False))
        .tooltip(VizTooltipOptions().mode(common.TooltipDisplayMode.SINGLE))
    )
    queries = [Dataquery().expr(line.expression).legend_format(line.legend) for line in lines]
    return furnished(panel, text, [query.range() for query in queries], size)


def bounded(panel: timeseries.Panel) -> timeseries.Panel:
    """Lines at the thresholds, too."""
    style = GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
    return panel.thresholds_style(style)


def furnished(panel: P, text: Text, queries: Sequence[Dataquery], size: tuple[int, int]) -> P:
    """A panel with its text, queries and size."""
    targets: list[Builder[AnyQuery]] = [
        query.ref_id(ref(index)).datasource(SOURCE) for index, query in enumerate(queries)
    ]
    panel = panel.title(text.title).description(text.meaning).unit(text.unit).datasource(SOURCE)
    if text.nothing:
        panel = panel.no_value(text.nothing)
    width, height = size
    return panel.targets(targets).span(width).height(height)


def instant(expression: str) -> Dataquery:
    """A query of the latest moment."""
    return Dataquery().expr(expression).instant()


def ref(index: int) -> str:
    """The letter by which a panel knows its query."""
    return string.ascii_uppercase[index]


def _legend() -> VizLegendOptions:
    return (
        VizLegendOptions()
        .show_legend(show_legend=True)
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
    )


def _looks(line: Line) -> list[DynamicConfigValue]:
    found: list[DynamicConfigValue] = []
    if line.color:
        found.append(DynamicConfigValue(id_val="color", value=looks.fixed(line.color).build()))
    if line.dashed:
        dashes = LineStyle().fill("dash").dash([8, 6]).build()
        found += [
            DynamicConfigValue(id_val="custom.lineStyle", value=dashes),
            DynamicConfigValue(id_val="custom.fillOpacity", value=0),
        ]
    return found
