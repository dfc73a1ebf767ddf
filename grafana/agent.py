"""Agent: whether the agents themselves work, and whether what they say arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana import frame, looks
from grafana.frame import AGENT, AGENTS
from grafana.panels import Line, Text, areas, bars, by_result, graph, number, timeline
from grafana.tables import NARROW, Column, Label, colored_cell, listing

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models

    Panels = list[Builder[models.Panel]]

RATE = "[$__rate_interval]"
ATTEMPTS = f"mailbox_agent_notifications_total{{{AGENTS}}}"
MISSED = f'mailbox_agent_notifications_total{{{AGENTS},result!="sent"}}'
POLLS = f"rate(mailbox_agent_polls_total{{{AGENTS}}}{RATE})"
FAILED = f'rate(mailbox_agent_polls_total{{{AGENTS},result!="success"}}{RATE})'


def board() -> models.Dashboard:
    """Build it."""
    return frame.board(
        AGENT,
        "Whether the agents themselves work: punctual, writing, configured, heard.",
        ("now-24h", "1m"),
        [],
        [
            frame.annotation(
                "Restarts",
                looks.CALM,
                f"changes(process_start_time_seconds{{{AGENTS}}}[2m]) > 0",
                "Agent started",
                "{{instance}}",
            )
        ],
        {
            "Now": _now(),
            "Agents": _agents(),
            "Polls": _polls(),
            "Notifications": _notifications(),
            "State and configuration": _state(),
            "Shards and scrapes": _shards(),
            "Process": _process(),
        },
    )


def _now() -> Panels:
    return [
        number(
            Text("Agents", "Agents that answer the scrape.", "none"),
            f"sum(up{{{AGENTS}}})",
            thresholds=looks.steps(looks.CRITICAL, (1, looks.GOOD)),
        ),
        number(
            Text("Accounts", "Polled by all of these agents together.", "none"),
            f"sum(mailbox_agent_accounts{{{AGENTS}}})",
        ),
        number(
            Text("Polls", "Finished polls, failed or not.", "suffix:/min"),
            f"sum({POLLS}) * 60",
            decimals=1,
        ),
        number(
            Text("Failed polls", "Share of the polls that yielded no reading.", "percentunit"),
            f"sum({FAILED}) / sum({POLLS})",
            thresholds=looks.steps(looks.GOOD, (0.05, looks.WARNING), (0.5, looks.CRITICAL)),
            decimals=1,
        ),
        number(
            Text("Waiting", "Notifications that wait to be sent, or sent again.", "none"),
            f"sum(mailbox_agent_outbox_pending{{{AGENTS}}})",
            thresholds=looks.steps(looks.GOOD, (1, looks.WARNING)),
        ),
        number(
            Text(
                "Given up",
                "Notifications that could not be sent; `mailbox-agent notify list` shows them.",
                "none",
            ),
            f"sum(mailbox_agent_outbox_dead{{{AGENTS}}})",
            thresholds=looks.steps(*looks.ANY_IS_BAD),
        ),
        number(
            Text("State", "Whether all of them can write what they learn.", "none"),
            f"min(mailbox_agent_store_up{{{AGENTS}}})",
            mappings=looks.STORE,
        ),
        number(
            Text("Configuration", "Whether it was valid when it was last read.", "none"),
            f"min(mailbox_agent_config_last_reload_successful{{{AGENTS}}})",
            mappings=looks.RELOAD,
        ),
    ]


def _agents() -> Panels:
    def each(metric: str) -> str:
        return f"max by (job, instance) ({metric}{{{AGENTS}}})"

    return [
        listing(
            Text("Each agent", "What it runs, and how it stands.", "none"),
            [
                Label("instance", "Agent", {"custom.minWidth": 160}),
                Label("job", "Job", {"custom.width": 150}),
                Label("version", "Version", {"custom.width": 100}),
                Label("python", "Python", {"custom.width": 100}),
            ],
            Column(
                "",
                f"max by (job, instance, version, python) (mailbox_agent_build_info{{{AGENTS}}})",
            ),
            Column("Scrape", each("up"), "none", NARROW | colored_cell(mappings=looks.UP)),
            Column("Accounts", each("mailbox_agent_accounts"), "none", NARROW),
            Column(
                "State",
                each("mailbox_agent_store_up"),
                "none",
                {"custom.width": 120} | colored_cell(mappings=looks.STORE),
            ),
            Column(
                "Configuration",
                each("mailbox_agent_config_last_reload_successful"),
                "none",
                {"custom.width": 130} | colored_cell(mappings=looks.RELOAD),
            ),
            Column(
                "Configuration read",
                f"time() - {each('mailbox_agent_config_last_reload_success_timestamp_seconds')}",
                "dtdurations",
            ),
            Column("Running for", f"time() - {each('process_start_time_seconds')}", "dtdurations"),
            by=("Agent", False),
            size=(24, 6),
        )
    ]


def _polls() -> Panels:
    return [
        by_result(
            areas(
                Text(
                    "Polls by result", "Finished polls: success, or why they failed.", "suffix:/min"
                ),
                Line("{{result}}", f"sum by (result) ({POLLS}) * 60 > 0"),
                size=(8, 8),
            )
        ),
        graph(
            Text(
                "Lateness",
                "From a poll's planned start to its real one. Where it grows, the agent cannot keep"
                " up, or servers hold it up.",
                "s",
            ),
            *_quantiles("mailbox_agent_poll_lateness_seconds"),
            size=(8, 8),
        ),
        graph(
            Text("Duration", "How long polls took, failed or not.", "s"),
            *_quantiles("mailbox_agent_poll_duration_seconds"),
            size=(8, 8),
        ),
    ]


def _notifications() -> Panels:
    return [
        by_result(
            bars(
                Text(
                    "Notifications by result",
                    "Attempts: sent, failed (tried again), dead (given up).",
                    "suffix:/min",
                    nothing="Nobody was notified in this time.",
                ),
                Line("{{result}}", f"sum by (result) (rate({ATTEMPTS}{RATE})) * 60"),
            )
        ),
        bars(
            Text(
                "Failed notifications",
                "Attempts that did not get through, by receiver.",
                "suffix:/min",
                nothing="No attempt has failed in this time.",
            ),
            Line("{{receiver}}", f"sum by (receiver) (rate({MISSED}{RATE})) * 60"),
        ),
        graph(
            Text("Waiting notifications", "Notifications in the outbox, by receiver.", "short"),
            Line("{{receiver}}", f"sum by (receiver) (mailbox_agent_outbox_pending{{{AGENTS}}})"),
            size=(8, 8),
        ).axis_soft_max(1),
        graph(
            Text(
                "Age of the oldest",
                "How long the oldest one waits: where that grows, the receiver hears nothing.",
                "s",
                nothing="Nothing waits.",
            ),
            Line(
                "{{receiver}}",
                f"max by (receiver) (mailbox_agent_outbox_oldest_seconds{{{AGENTS}}})",
            ),
        ),
        graph(
            Text(
                "Notifications given up",
                "Notifications that are kept for you to look at, by receiver.",
                "short",
            ),
            Line("{{receiver}}", f"sum by (receiver) (mailbox_agent_outbox_dead{{{AGENTS}}})"),
        ).axis_soft_max(1),
    ]


def _state() -> Panels:
    return [
        timeline(
            Text(
                "State over time",
                "Whether polls are recorded; not with a full disk, for example.",
                "none",
            ),
            Line("{{instance}}", f"min by (instance) (mailbox_agent_store_up{{{AGENTS}}})"),
            mappings=looks.STORE,
            size=(8, 6),
        ),
        timeline(
            Text("Configuration over time", "Whether it was valid when it was last read.", "none"),
            Line(
                "{{instance}}",
                f"min by (instance) (mailbox_agent_config_last_reload_successful{{{AGENTS}}})",
            ),
            mappings=looks.RELOAD,
            size=(8, 6),
        ),
        timeline(
            Text("Scrapes", "Whether the agent answered Prometheus.", "none"),
            Line("{{instance}}", f"min by (instance) (up{{{AGENTS}}})"),
            mappings=looks.UP,
            size=(8, 6),
        ),
    ]


def _shards() -> Panels:
    return [
        areas(
            Text("Accounts of each agent", "How the shards divide them.", "short"),
            Line("{{instance}}", f"sum by (instance) (mailbox_agent_accounts{{{AGENTS}}})"),
            size=(8, 8),
        ),
        graph(
            Text("Duration of scrapes", "How long Prometheus waits for the agent's page.", "s"),
            Line("{{instance}}", f"max by (instance) (scrape_duration_seconds{{{AGENTS}}})"),
            size=(8, 8),
        ),
        graph(
            Text("Samples of a scrape", "How many series the agent exports.", "short"),
            Line("{{instance}}", f"max by (instance) (scrape_samples_scraped{{{AGENTS}}})"),
            size=(8, 8),
        ),
    ]


def _process() -> Panels:
    return [
        graph(
            Text("CPU", "Share of one core.", "percentunit"),
            Line(
                "{{instance}}",
                f"max by (instance) (rate(process_cpu_seconds_total{{{AGENTS}}}{RATE}))",
            ),
            size=(8, 8),
        ),
        graph(
            Text("Memory", "Resident memory.", "bytes"),
            Line("{{instance}}", f"max by (instance) (process_resident_memory_bytes{{{AGENTS}}})"),
            size=(8, 8),
        ),
        graph(
            Text("Open files", "Connections, files and their limit.", "short"),
            Line("{{instance}}", f"max by (instance) (process_open_fds{{{AGENTS}}})"),
            size=(8, 8),
        ),
    ]


def _quantiles(histogram: str) -> list[Line]:
    shares = ((0.99, looks.CRITICAL), (0.9, looks.WARNING), (0.5, looks.GOOD))
    rate = f"sum by (le) (rate({histogram}_bucket{{{AGENTS}}}{RATE}))"
    return [
        Line(f"{share * 100:.0f} % are within", f"histogram_quantile({share}, {rate})", color)
        for share, color in shares
    ]
