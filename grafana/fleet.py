"""Fleet: how all mailboxes fare, which of them need care, and what their servers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana import frame, looks
from grafana.frame import AGENTS, FLEET, mailbox_link
from grafana.frame import MAILBOXES as ALL
from grafana.panels import FEW_POINTS, Line, Text, bars, by_result, gauges, graph, number, timeline
from grafana.tables import Column, Label, colored_cell, gauge_cell, listing

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models

    Panels = list[Builder[models.Panel]]

EACH = "max by (job, account)"  # one series a mailbox, whichever agent has it at the time
INFO = f"max by (job, account, server) (mailbox_info{{{ALL}}})"
FAILURES = f"mailbox_poll_failures_total{{{ALL}}}"
EXPIRY = f"min by (server) (mailbox_tls_certificate_expiry_timestamp_seconds{{{AGENTS}}})"
SERVERS = f"topk(100, count by (server) ({INFO}))"
NONE = f"0 * sum(mailbox_agent_accounts{{{AGENTS}}})"  # zero where there are agents, else nothing

# Full ones first, the fullest of them before the others; then those with the fewest days left.
SOONEST = (
    f"bottomk(50, -(mailbox_usage_ratio{{{ALL}}} >= 1)"
    f" or mailbox_full_timestamp_seconds{{{ALL}}} - time())"
)
FAILED_MOST = (
    f"topk(20, sum by (job, account) (increase({FAILURES}[$__range])) > 0"
    f" or {EACH} (mailbox_poll_success{{{ALL}}} == 0))"
)
FIRST = f'{AGENTS},account=~"$soonest"'  # the matchers of those that will be full first
SOON = (
    f"mailbox_full_timestamp_seconds{{{ALL}}} - time() < 7 * 86400"
    f" unless on (job, instance, account) mailbox_usage_ratio{{{ALL}}} >= 1"
)
MISSED = (
    f"time() - mailbox_last_success_timestamp_seconds{{{ALL}}}"
    f" > 3 * mailbox_poll_interval_seconds{{{ALL}}}"
)
SUCCEEDED = f"(count(mailbox_last_success_timestamp_seconds{{{ALL}}}) or {NONE})"


def board() -> models.Dashboard:
    """Build it."""
    return frame.board(
        FLEET,
        "How full all mailboxes are, which will be full soon, and which cannot be read.",
        ("now-7d", "5m"),
        [
            frame.fleet_filter(),
            frame.picked("soonest", SOONEST),
            frame.picked("failing", FAILED_MOST),
        ],
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
            f"(count({MISSED}) or {NONE}) + count(mailbox_poll_success{{{ALL}}}) - {SUCCEEDED}",
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
            f"count(mailbox_messages{{{ALL}}}) - (count(mailbox_usage_ratio{{{ALL}}}) or {NONE})",
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
                f"-({_first('mailbox_usage_ratio')} >= 1) or clamp_min("
                f"({_first('mailbox_full_timestamp_seconds')} - time()) / 86400, 0.01)",
                "suffix: days",
                colored_cell(*looks.DAYS_LEFT, mappings=looks.FULL_NOW) | {"decimals": 1},
            ),
            Column("Usage", _first("mailbox_usage_ratio"), "percentunit", gauge_cell(*looks.USAGE)),
            Column(
                "Free",
                "min by (job, account)"
                f" (mailbox_quota_limit_bytes{{{FIRST}}} - mailbox_quota_used_bytes{{{FIRST}}})",
                "bytes",
            ),
            Column("Growth a day", _grown(FIRST), "bytes"),
            Column(
                "Reclaimable",
                f"sum by (job, account) (mailbox_reclaimable_bytes{{{FIRST}}})",
                "bytes",
            ),
            Column(
                "Last poll",
                _first("mailbox_poll_success"),
                "none",
                colored_cell(mappings=looks.POLL),
            ),
            Column("", f"max by (job, account, server) (mailbox_info{{{FIRST}}})"),
            by=("Full in", False),
        ),
        gauges(
            Text("Fullest", "Used share of the tightest limit.", "percentunit"),
            f"topk(15, {EACH} (mailbox_usage_ratio{{{ALL}}}))",
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
            f"topk(15, {_grown(ALL)} > 0)",
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
    return [
        timeline(
            Text(
                "Mailboxes whose polls fail",
                "The 20 with the most failed polls in this time.",
                "none",
                nothing="No poll has failed in this time.",
            ),
            Line("{{account}}", f'{EACH} (mailbox_poll_success{{{AGENTS},account=~"$failing"}})'),
            mappings=looks.POLL,
            size=(16, 9),
        ),
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
                f"count by (server) ({INFO} and on (job, account)"
                f" (mailbox_poll_success{{{ALL}}} == 0)) or 0 * {SERVERS}",
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
    def at_least(share: float) -> str:
        return f"sum(mailbox_usage_ratio{{{ALL}}} >= bool {share})"

    return [
        graph(
            Text("Mailboxes by usage", "How many are so full or fuller.", "none"),
            Line("80 % and more", at_least(0.8), looks.WARNING),
            Line("95 % and more", at_least(0.95), looks.CRITICAL),
            Line("full", at_least(1), "dark-red"),
        ).max_data_points(FEW_POINTS),
        graph(
            Text(
                "What is stored",
                "All counted folders, and what emptying trash and junk would free.",
                "bytes",
            ),
            Line("all", f"sum(mailbox_size_bytes{{{ALL}}})", looks.CALM),
            Line("reclaimable", f"sum(mailbox_reclaimable_bytes{{{ALL}}})", looks.WARNING),
        ).max_data_points(FEW_POINTS),
    ]


def _first(metric: str) -> str:
    """A metric of the mailboxes of the table."""
    return f"{EACH} ({metric}{{{FIRST}}})"


def _grown(which: str) -> str:
    """What mailboxes hold more than a day ago."""
    size = f"mailbox_size_bytes{{{which}}}"
    return f"{EACH} ({size}) - {EACH} ({size} offset 1d)"
