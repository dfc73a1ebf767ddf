"""What the dashboards have in common: variables, links to one another, time, and numbering."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
    TextBoxVariable,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.panels import SOURCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models

FLEET, MAILBOX, AGENT = "mailbox-agent-fleet", "mailbox-agent-mailbox", "mailbox-agent-agent"
AGENTS = 'job=~"$job",instance=~"$instance"'  # the matchers of every selector
MAILBOXES = f'{AGENTS},account=~"$account"'
ONE = f'{AGENTS},account="$account"'
_KEPT = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"
_TO = {FLEET: "Fleet", MAILBOX: "Mailbox", AGENT: "Agent"}

Rows = dict[str, "Sequence[Builder[models.Panel]]"]


def board(  # noqa: PLR0913, PLR0917 - a dashboard is that much
    uid: str,
    about: str,
    times: tuple[str, str],
    variables: Sequence[QueryVariable | TextBoxVariable],
    annotations: Sequence[AnnotationQuery],
    rows: Rows,
) -> models.Dashboard:
    """A dashboard of rows of panels, left to right and top down.

    `times` are since when it shows, and how often it asks anew.
    """
    since, refresh = times
    board = (
        Dashboard(f"Mailbox agent / {_TO[uid]}")
        .uid(uid)
        .description(about)
        .tags(["mailbox-agent"])
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time(since, "now")
        .refresh(refresh)
        .editable()
        .links([_link(other) for other in _TO if other != uid])
        .annotations(list(annotations))
        .variables([_source(), _job(), _instance(), *variables])
    )
    for title, panels in rows.items():
        board = board.with_row(Row(title))
        for panel in panels:
            board = board.with_panel(panel)
    return _numbered(board.build())


def mailbox_link(account: str) -> DashboardLink:
    """From a series or a cell to its mailbox; `account` is Grafana's expression for the name."""
    url = f"/d/{MAILBOX}?{_KEPT}&var-account=${{{account}:percentencode}}"
    return DashboardLink("Show this mailbox").url(url).target_blank(target_blank=False)


def fleet_filter() -> TextBoxVariable:
    """A pattern: a list of 50,000 names is none to choose from."""
    return (
        TextBoxVariable("account")
        .label("Mailboxes (pattern)")
        .description("Account names, as a regular expression; .* is all of them.")
        .default_value(".*")
        .current(VariableOption(text=".*", value=".*"))
        .options([VariableOption(selected=True, text=".*", value=".*")])
    )


def one_mailbox() -> QueryVariable:
    """The account that is looked at."""
    return _choice("account", "Mailbox", f"label_values(mailbox_info{{{AGENTS}}},account)")


def picked(name: str, expression: str) -> QueryVariable:
    """The accounts that an expression yields, found once for all queries that are about them."""
    variable = _choice(name, name, f"query_result({expression})").regex('/account="([^"]+)"/')
    return _several(variable.hide(VariableHide.HIDE_VARIABLE).sort(VariableSort.DISABLED))


def annotation(name: str, color: str, expression: str, title: str, text: str) -> AnnotationQuery:
    """Moments, or spans where they last, in every graph."""
    query = Dataquery().expr(expression).ref_id("Annotation").datasource(SOURCE).range()
    return (
        AnnotationQuery()
        .name(name)
        .datasource(SOURCE)
        .enable(enable=True)
        .icon_color(color)
        .target(query.interval("60s"))
        .title_format(title)
        .text_format(text)
    )


def _source() -> DatasourceVariable:
    default = VariableOption(text="default", value="default")
    return DatasourceVariable("datasource").label("Data source").type("prometheus").current(default)


def _job() -> QueryVariable:
    jobs = _choice("job", "Job", "label_values(mailbox_agent_build_info,job)")
    return _several(jobs).all_value(".*")


def _instance() -> QueryVariable:
    query = 'label_values(mailbox_agent_build_info{job=~"$job"},instance)'
    return _several(_choice("instance", "Agent", query)).all_value(".*")


def _choice(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(
            {
                "qryType": 3 if query.startswith("query_result") else 1,
                "query": query,
                "refId": "PrometheusVariableQueryEditor-VariableQuery",
            }
        )
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    )


def _several(variable: QueryVariable) -> QueryVariable:
    """All of them at first."""
    everything = VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.multi(multi=True).include_all(include_all=True).current(everything)


def _link(uid: str) -> DashboardLink:
    return (
        DashboardLink(_TO[uid])
        .type(DashboardLinkType.LINK)
        .icon("dashboard")
        .tooltip(f"Mailbox agent / {_TO[uid]}")
        .url(f"/d/{uid}?{_KEPT}")
        .keep_time(keep_time=True)
    )


def _numbered(board: models.Dashboard) -> models.Dashboard:
    """With identifiers of panels, which links to a single panel need."""
    for number, panel in enumerate(board.panels or (), start=1):
        panel.id_val = number
    return board
