"""Fleet: how all mailboxes fare, which of them need care, and what their servers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana import frame, looks
from grafana.frame import AGENTS, FLEET, mailbox_link
from grafana.frame import MAILBOXES as ALL
from grafana.panels import FEW_POINTS, Line, Text, areas, bars, by_result, gauges, number, timeline
from grafana.tables import Column, Label, colored_cell, gauge_cell, listing

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models

    Panels = list[Builder[models.Panel]]

EACH = "max by (job, account)"  # one series a mailbox, whichever agent has it at the time
USAGE = f"{EACH} (mailbox_usage_ratio{{{ALL}}})"
FULL_AT = f"{EACH} (mailbox_full_timestamp_seconds{{{ALL}}})"
SUCCESS = f"{EACH} (mailbox_poll_success{{{ALL}}})"
SIZE = f"{EACH} (mailbox_size_bytes{{{ALL}}})"
INFO = f"max by (job, account, server) (mailbox_info{{{ALL}}})"
FREE = (
    "min by (job, account)"
    f" (mailbox_quota_limit_bytes{{{ALL}}} - mailbox_quota_used_bytes{{{ALL}}})"
)
FAILURES = f"mailbox_poll_failures_total{{{ALL}}}"
EXPIRY = f"min by (server) (mailbox_tls_certificate_expiry_timestamp_seconds{{{AGENTS}}})"
NONE = f"0 * count(mailbox_info{{{ALL}}})"  # zero where there are mailboxes, else nothing

# The days that are left; what is full already comes first, the fullest of all before the others.
SOONEST = f"bottomk(50, -({USAGE} >= 1) or clamp_min(({FULL_AT} - time()) / 86400, 0.01))"
SOON = (
    f"mailbox_full_timestamp_seconds{{{ALL}}} - time() < 7 * 86400"
    f" unless on (job, instance, account) mailbox_usage_ratio{{{ALL}}} >= 1"
)
AGE = (
    f"time() - mailbox_last_success_timestamp_seconds{{{ALL}}}"
    f" > 3 * mailbox_poll_interval_seconds{{{ALL}}}"
)
NEVER = (
    f"mailbox_poll_success{{{ALL}}} == 0"
    f" unless on (job, instance, account) mailbox_last_success_timestamp_seconds{{{ALL}}}"
)
SERVERS = f"topk(100, count by (server) ({INFO}))"


def board() -> models.Dashboard:
    """Build it."""
    return frame.board(
        FLEET,
        "How full all mailboxes are, which will be full soon, and which cannot be read.",
        "now-7d",
        frame.fleet_filter(),
        [],
        {
            "Now": _now(),
            "Mailboxes that need room": _room(),
            "Polls": _polls(),
            "Trend": _trend(),
        },
    )


def _now() -> Panels:
    return [
        number(
            Text("Mailboxes", "Configured accounts that match the filter.", "none"),
            f"count(mailbox_info{{{ALL}}})",
        ),
        number(
            Text("Full", "Used to the limit or above: mail bounces now.", "none"),
            f"sum(mailbox_usage_ratio{{{ALL}}} >= bool 1)",
            thresholds=looks.steps(*looks.ANY_IS_BAD),
        ),
        number(
            Text(
                "Full within 7 days",
                "Not full yet, but at the present pace they will be. Needs 48 hours of history.",
                "none",
            ),
            f"count({SOON}) or {NONE}",
            thresholds=looks.steps(*looks.ANY_IS_ODD),
        ),
        number(
            Text("Failing", "The last poll yielded no reading.", "none"),
            f"sum(mailbox_poll_success{{{ALL}}} == bool 0)",
            thresholds=looks.steps(*looks.ANY_IS_BAD),
        ),
        number(
            Text(
                "Stale",
                "No poll has succeeded for three intervals, or none ever: how full they are is"
                " not known.",
                "none",
            ),
            f"count({AGE} or {NEVER}) or {NONE}",
            thresholds=looks.steps(*looks.ANY_IS_ODD),
        ),
        number(
            Text(
                "Logins rejected",
                "Not tried as scheduled any more, lest the account be locked out.",
                "none",
            ),
            f"sum(mailbox_login_quarantined{{{ALL}}}) or {NONE}",
            thresholds=looks.steps(*looks.ANY_IS_BAD),
        ),
        number(
            Text(
                "Without a limit",
                "Read well, but the server sets or tells none, and none is configured.",
                "none",
            ),
            f"count(mailbox_poll_success{{{ALL}}} == 1 unless on (job, instance, account)"
            f" mailbox_usage_ratio{{{ALL}}}) or {NONE}",
        ),
        number(
            Text("Alerts", "Alerts of the agent that fire.", "none"),
            f"sum(mailbox_alert_firing{{{ALL}}}) or {NONE}",
            thresholds=looks.steps(*looks.ANY_IS_ODD),
        ),
    ]


def _room() -> Panels:
    return [
        listing(
            Text(
                "The first 50 to be full",
                "Full ones first, then by the agent's forecast. Growth is that of the last day;"
                " reclaimable is what emptying trash and junk would free.",
                "none",
                nothing="No mailbox is expected to fill up.",
            ),
            [
                Label(
                    "account",
                    "Mailbox",
                    {"links": [mailbox_link("__value.text").build()], "custom.minWidth": 160},
                ),
                Label("server", "Server", {"custom.minWidth": 160}),
            ],
            Column(
                "Full in",
                SOONEST,
                "suffix: days",
                colored_cell(*looks.DAYS_LEFT, mappings=looks.FULL_NOW) | {"decimals": 1},
            ),
            Column("Usage", _of(USAGE), "percentunit", gauge_cell(*looks.USAGE)),
            Column(
                "Free",
                _of(FREE),
                "bytes",
            ),
            Column("Growth a day", _of(f"{SIZE} - {_day_ago(SIZE)}"), "bytes"),
            Column(
                "Reclaimable",
                _of(f"sum by (job, account) (mailbox_reclaimable_bytes{{{ALL}}})"),
                "bytes",
            ),
            Column("Last poll", _of(SUCCESS), "none", colored_cell(mappings=looks.POLL)),
            Column("", _of(INFO)),
            by=("Full in", False),
        ),
        gauges(
            Text("Fullest", "Used share of the tightest limit.", "percentunit"),
            f"topk(15, {USAGE})",
            "{{account}}",
            thresholds=looks.steps(*looks.USAGE),
            links=[mailbox_link("__field.labels.account")],
        )
        .max(1)
        .decimals(1),
        gauges(
            Text(
                "Top growers",
                "What was added in the last 24 hours.",
                "bytes",
                nothing="Nothing grew in the last 24 hours.",
            ),
            f"topk(15, {SIZE} - {_day_ago(SIZE)} > 0)",
            "{{account}}",
            thresholds=looks.steps(looks.CALM),
            links=[mailbox_link("__field.labels.account")],
        ),
        gauges(
            Text(
                "Alerts by rule",
                "Alerts of the agent that fire, by rule and severity.",
                "none",
                nothing="No alert fires.",
            ),
            f"topk(15, sum by (rule, severity) (mailbox_alert_firing{{{ALL}}}))",
            "{{rule}} ({{severity}})",
            thresholds=looks.steps(looks.WARNING),
        ),
    ]


def _polls() -> Panels:
    failed = f"sum by (job, account) (increase({FAILURES}[$__range] @ end()))"
    failing = f"{EACH} (mailbox_poll_success{{{ALL}}} @ end()) == 0"
    return [
        timeline(
            Text(
                "Mailboxes whose polls fail",
                "The 20 with the most failed polls in this time.",
                "none",
                nothing="No poll has failed in this time.",
            ),
            Line(
                "{{account}}",
                f"{SUCCESS} and on (job, account) topk(20, {failed} > 0 or {failing})",
            ),
            mappings=looks.POLL,
            size=(16, 9),
        ).max_data_points(FEW_POINTS),
        by_result(
            bars(
                Text(
                    "Failed polls",
                    "By reason; docs/operations.md says what each one means.",
                    "suffix:/min",
                    nothing="No poll has failed in this time.",
                ),
                Line(
                    "{{reason}}",
                    f"sum by (reason) (rate({FAILURES}[$__rate_interval])) * 60",
                ),
                size=(8, 9),
            )
        ).max_data_points(FEW_POINTS),
        listing(
            Text(
                "Mail servers",
                "The 100 with the most mailboxes; the certificate is that of the last handshake.",
                "none",
            ),
            [Label("server", "Server", {"custom.minWidth": 200})],
            Column("Mailboxes", SERVERS),
            Column(
                "Failing",
                f"sum by (server) (({SUCCESS} == bool 0) * on (job, account) group_left (server)"
                f" {INFO}) and on (server) {SERVERS}",
                "none",
                colored_cell(*looks.ANY_IS_BAD),
            ),
            Column(
                "Certificate ends in",
                f"({EXPIRY} - time()) / 86400 and on (server) {SERVERS}",
                "suffix: days",
                colored_cell(*looks.CERTIFICATE) | {"decimals": 0},
            ),
            by=("Failing", True),
            size=(24, 7),
        ),
    ]


def _trend() -> Panels:
    def share(low: float, high: float) -> str:
        above = f"sum(mailbox_usage_ratio{{{ALL}}} >= bool {low})"
        return f"{above} - sum(mailbox_usage_ratio{{{ALL}}} >= bool {high})"

    return [
        areas(
            Text("Mailboxes by usage", "How many are how full, of those with a limit.", "none"),
            Line("full", f"sum(mailbox_usage_ratio{{{ALL}}} >= bool 1)", "dark-red"),
            Line("95 to 100 %", share(0.95, 1), looks.CRITICAL),
            Line("80 to 95 %", share(0.8, 0.95), looks.WARNING),
            Line("below 80 %", f"sum(mailbox_usage_ratio{{{ALL}}} < bool 0.8)", looks.GOOD),
        ).max_data_points(FEW_POINTS),
        areas(
            Text(
                "What is stored",
                "All counted folders. Reclaimable is what emptying trash and junk would free.",
                "bytes",
            ),
            Line(
                "reclaimable",
                f"sum(mailbox_reclaimable_bytes{{{ALL}}})",
                looks.WARNING,
            ),
            Line(
                "the rest",
                f"sum(mailbox_size_bytes{{{ALL}}})"
                f" - (sum(mailbox_reclaimable_bytes{{{ALL}}}) or {NONE})",
                looks.CALM,
            ),
        ).max_data_points(FEW_POINTS),
    ]


def _of(expression: str) -> str:
    """An expression for the mailboxes of the table only."""
    return f"({expression}) and on (job, account) {SOONEST}"


def _day_ago(expression: str) -> str:
    return expression.replace("})", "} offset 1d)")
