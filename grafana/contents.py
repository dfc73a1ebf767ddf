"""Mailbox, its upper half: how full it is and will be, and what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import looks
from grafana.frame import ONE
from grafana.panels import Line, Text, areas, bounded, graph
from grafana.tables import NARROW, Column, Label, gauge_cell, listing

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models

    Panels = list[Builder[models.Panel]]

USAGE = f"max(mailbox_usage_ratio{{{ONE}}})"
# At the start of the panel's time, which is now: from today's usage to 100 % on the day.
START_USAGE = f"max(mailbox_usage_ratio{{{ONE}}} @ start())"
START_TIME = f"max(timestamp(mailbox_poll_success{{{ONE}}} @ start()))"
START_FULL_AT = f"min(mailbox_full_timestamp_seconds{{{ONE}}} @ start())"
AHEAD = (
    f"{START_USAGE} + (1 - {START_USAGE}) * (time() - {START_TIME})"
    f" / clamp_min({START_FULL_AT} - {START_TIME}, 60) <= 1"
)
OPT_IN = "Not exported: folder_metrics is off for this account."


def usage() -> Panels:
    """Usage against limits, until now and from now on."""
    limit = Line("limit", f"0 * {USAGE} + 1", looks.CRITICAL, dashed=True)
    ahead = Line("limit", f"0 * {START_USAGE} + 1", looks.CRITICAL, dashed=True)
    past = graph(
        Text(
            "Usage of the tightest limit",
            "The largest used share of all limits. The other lines are the default levels of a"
            " warning and of a critical alert.",
            "percentunit",
            nothing="No limit is known.",
        ),
        Line("usage", USAGE, looks.CALM),
        limit,
        size=(16, 9),
    )
    future = graph(
        Text(
            "The next 30 days",
            "From today's usage straight to the day on which the agent expects the first limit to"
            " be reached. Nothing is drawn where no such day is foreseen.",
            "percentunit",
            nothing="Not foreseen to become full.",
        ),
        Line("forecast", AHEAD, looks.CALM, dashed=True),
        ahead,
        size=(8, 9),
    )
    levels = looks.steps("transparent", (0.8, looks.WARNING), (0.95, looks.CRITICAL))
    return [
        bounded(past.thresholds(levels)).max(1.05).min(0),
        bounded(future.thresholds(levels)).max(1.05).min(0).time_from("+30d").max_data_points(1440),
        graph(
            Text(
                "Storage",
                "Used and limit of each quota root.",
                "bytes",
                nothing="The server tells no storage quota, and none is configured.",
            ),
            Line("used, {{quota_root}}", _root("mailbox_quota_used_bytes")),
            Line(
                "limit, {{quota_root}}",
                _root("mailbox_quota_limit_bytes"),
                looks.CRITICAL,
                dashed=True,
            ),
        ),
        graph(
            Text(
                "Number of messages",
                "Used and limit of each quota root that limits how many messages there may be.",
                "short",
                nothing="No quota counts messages.",
            ),
            Line("used, {{quota_root}}", _root("mailbox_quota_used_messages")),
            Line(
                "limit, {{quota_root}}",
                _root("mailbox_quota_limit_messages"),
                looks.CRITICAL,
                dashed=True,
            ),
        ),
    ]


def content() -> Panels:
    """Folders, messages, and what could be freed."""
    return [
        listing(
            Text(
                "Folders",
                "By size; the bar is the folder's share of all folders.",
                "none",
                nothing=OPT_IN,
            ),
            [Label("folder", "Folder", {"custom.minWidth": 120})],
            Column(
                "Share",
                f"{_folder('size_bytes')} / scalar(sum({_folder('size_bytes')}))",
                "percentunit",
                gauge_cell(looks.CALM) | {"custom.width": 190},
            ),
            Column("Size", _folder("size_bytes"), "bytes", NARROW),
            Column("Messages", _folder("messages"), "locale", NARROW),
            Column("Unread", _folder("unread_messages"), "locale", NARROW),
            by=("Size", True),
            size=(12, 9),
        ),
        areas(
            Text("Folder sizes", "The largest ten.", "bytes", nothing=OPT_IN),
            Line(
                "{{folder}}",
                f"{_folder('size_bytes')} and on (folder)"
                f" topk(10, {_folder('size_bytes', at=' @ end()')})",
            ),
            size=(12, 9),
        ),
        graph(
            Text("Messages", "In all counted folders; unread without trash and junk.", "short"),
            Line("messages", f"max(mailbox_messages{{{ONE}}})"),
            Line("unread", f"max(mailbox_unread_messages{{{ONE}}})"),
            size=(8, 8),
        ),
        areas(
            Text(
                "Reclaimable",
                "What emptying these folders would free; deleted is what is only marked so.",
                "bytes",
                nothing="No folder of such a role is known.",
            ),
            Line("{{role}}", f"max by (role) (mailbox_reclaimable_bytes{{{ONE}}})"),
            size=(8, 8),
        ),
        graph(
            Text(
                "Not collected",
                "Of POP3 accounts with track_messages: what waits in the maildrop. The right axis"
                " is since when the oldest waits.",
                "short",
                nothing="Messages of this account are not tracked.",
            ),
            Line("waiting", f"max(mailbox_uncollected_messages{{{ONE}}})"),
            Line(
                "age of the oldest",
                f"time() - min(mailbox_oldest_uncollected_timestamp_seconds{{{ONE}}})",
                looks.WARNING,
            ),
            size=(8, 8),
        ).override_by_query(
            "B",
            [
                DynamicConfigValue(id_val="unit", value="dtdurations"),
                DynamicConfigValue(id_val="custom.axisPlacement", value="right"),
            ],
        ),
    ]


def _root(metric: str) -> str:
    return f"max by (quota_root) ({metric}{{{ONE}}})"


def _folder(what: str, at: str = "") -> str:
    return f"max by (folder) (mailbox_folder_{what}{{{ONE}}}{at})"
