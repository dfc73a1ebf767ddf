"""Mailbox: how full one is and will be, what is in it, how its polls fare, and its alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana import contents, frame, looks
from grafana.contents import USAGE
from grafana.frame import AGENTS, MAILBOX, ONE
from grafana.panels import Line, Text, bars, by_result, graph, number, timeline
from grafana.tables import Column, Label, colored_cell, listing

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models

    Panels = list[Builder[models.Panel]]

# Whichever agents have had it in this time, it is one series.
FULL_AT = f"min(mailbox_full_timestamp_seconds{{{ONE}}})"
SUCCESS = f"max(mailbox_poll_success{{{ONE}}})"
FAILURES = f"mailbox_poll_failures_total{{{ONE}}}"
CLEAR = f"max(mailbox_login_plaintext{{{ONE}}})"
ALERTS = f"max by (rule, severity) (mailbox_alert_firing{{{ONE}}})"
SEVERITIES = (
    f'max by (rule) (3 * mailbox_alert_firing{{{ONE},severity="critical"}}'
    f' or 2 * mailbox_alert_firing{{{ONE},severity="warning"}}'
    f" or mailbox_alert_firing{{{ONE}}})"
)
EXPIRY = f"min by (server) (mailbox_tls_certificate_expiry_timestamp_seconds{{{AGENTS}}})"
SERVER = f"max by (server) (mailbox_info{{{ONE}}})"


def board() -> models.Dashboard:
    """Build it."""
    return frame.board(
        MAILBOX,
        "How full one mailbox is and will be, what is in it, and how its polls fare.",
        ("now-30d", "1m"),
        [frame.one_mailbox()],
        [
            frame.annotation(
                "Alerts of the agent", looks.CRITICAL, ALERTS, "{{rule}}: {{severity}}", "$account"
            )
        ],
        {
            "Now": _now(),
            "Usage against limit": contents.usage(),
            "What is in it": contents.content(),
            "Polls": _polls(),
            "Alerts": _alerts(),
        },
    )


def _now() -> Panels:
    return [
        number(
            Text("Usage", "Used share of the tightest limit.", "percentunit", nothing="no limit"),
            USAGE,
            thresholds=looks.steps(*looks.USAGE),
            decimals=1,
        ),
        number(
            Text(
                "Full in",
                "The agent's forecast at the present pace; it needs 48 hours of history.",
                "suffix: days",
                nothing="not foreseen",
            ),
            f"-({USAGE} >= 1) or clamp_min(({FULL_AT} - time()) / 86400, 0.01)",
            thresholds=looks.steps(*looks.DAYS_LEFT),
            mappings=looks.FULL_NOW,
            decimals=1,
        ),
        number(
            Text("Free", "What fits in before the first limit.", "bytes", nothing="no limit"),
            f"min(mailbox_quota_limit_bytes{{{ONE}}} - mailbox_quota_used_bytes{{{ONE}}})",
        ),
        number(
            Text(
                "Unread", "Unread messages, trash and junk left out.", "none", nothing="not known"
            ),
            f"max(mailbox_unread_messages{{{ONE}}})",
        ),
        number(
            Text("Last poll", "Whether it yielded a reading.", "none"),
            SUCCESS,
            mappings=looks.POLL,
        ),
        number(
            Text("Last success", "Since the last poll that succeeded.", "s"),
            f"time() - max(mailbox_last_success_timestamp_seconds{{{ONE}}})",
        ),
        number(
            Text("Login", "A rejected login is not tried as scheduled any more.", "none"),
            f"max(mailbox_login_quarantined{{{ONE}}}) or 0 * {SUCCESS}",
            mappings=looks.LOGIN,
        ),
        number(
            Text("Alerts", "Alerts of the agent that fire for this mailbox.", "none"),
            f"count({ALERTS}) or 0 * max(mailbox_info{{{ONE}}})",
            thresholds=looks.steps(*looks.ANY_IS_ODD),
        ),
        listing(
            Text(
                "Account",
                "What is configured, its server's certificate, and how many folders have no series"
                " of their own, since there are too many.",
                "none",
            ),
            [
                Label("protocol", "Protocol", {"custom.width": 90}),
                Label("server", "Server", {"custom.minWidth": 180}),
                Label("tags", "Tags"),
            ],
            Column("", f"max by (protocol, server, tags) (mailbox_info{{{ONE}}})"),
            Column(
                "Certificate ends in",
                f"({EXPIRY} - time()) / 86400 and on (server) {SERVER}",
                "suffix: days",
                colored_cell(*looks.CERTIFICATE) | {"decimals": 0},
            ),
            Column(
                "Polled every",
                f"max(mailbox_poll_interval_seconds{{{ONE}}}) * on () group_right () {SERVER}",
                "dtdurations",
            ),
            Column(
                "Login sent",
                f"({CLEAR} or 0 * max(mailbox_info{{{ONE}}})) * on () group_right () {SERVER}",
                "none",
                colored_cell(mappings=looks.PRIVACY),
            ),
            Column(
                "Folders left out",
                f"max(mailbox_folder_overflow{{{ONE}}}) * on () group_right () {SERVER}",
            ),
            by=("Server", False),
            size=(24, 4),
        ),
    ]


def _polls() -> Panels:
    return [
        timeline(
            Text("Polls", "Whether the last poll yielded a reading.", "none"),
            Line("poll", SUCCESS),
            Line("login", f"1 - (max(mailbox_login_quarantined{{{ONE}}}) or 0 * {SUCCESS})"),
            mappings=looks.POLL,
            size=(24, 5),
        ),
        by_result(
            bars(
                Text(
                    "Failed polls",
                    "By reason; docs/operations.md says what each one means.",
                    "suffix:/h",
                    nothing="No poll has failed.",
                ),
                Line(
                    "{{reason}}",
                    f"sum by (reason) (rate({FAILURES}[$__rate_interval])) * 3600",
                ),
            )
        ),
        graph(
            Text("Duration of polls", "How long the last poll took, failed or not.", "s"),
            Line("duration", f"max(mailbox_poll_duration_seconds{{{ONE}}})"),
            size=(8, 8),
        ),
        graph(
            Text(
                "Certificate of its server",
                "Days until it ends, as of the last handshake.",
                "suffix: days",
                nothing="Polled without TLS.",
            ),
            Line("{{server}}", f"({EXPIRY} - time()) / 86400 and on (server) {SERVER}"),
            size=(8, 8),
        ),
    ]


def _alerts() -> Panels:
    return [
        timeline(
            Text(
                "Alerts of the agent",
                "When which of them fired; the graphs above show them as spans, too.",
                "none",
                nothing="No alert has fired.",
            ),
            Line("{{rule}}", SEVERITIES),
            mappings=looks.SEVERITY,
            size=(24, 6),
        )
    ]
