"""The agent's metrics of itself, kept by prometheus_client in a registry of their own."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, cast

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    exposition,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics import exposition as openmetrics_exposition
from prometheus_client.registry import Collector

from agent.metrics.text import EOF, encodable
from agent.model import Failure, FailureKind, Poll, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from prometheus_client import Metric

SUCCESS = "success"
RESULTS = ("sent", "failed", "dead")  # of an attempt to notify
LATENESS_BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)  # seconds; intervals are minutes
DURATION_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)  # default timeout 30


@dataclass(frozen=True, slots=True)
class Waiting:
    """One receiver's share of the outbox; `oldest` is when its oldest entry was written."""

    pending: int = 0
    oldest: datetime | None = None
    dead: int = 0


class OwnMetrics:
    """Metrics of the agent itself. Safe to use from any thread.

    The attributes are prometheus_client metrics; `notifications` has the labels `receiver`
    and `result` (sent, failed, dead).
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        # `_created` series would double the counters and tell nothing here.
        disable_created_metrics()
        self._registry = registry = CollectorRegistry()
        self._outbox = _Outbox(clock)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        registry.register(self._outbox)
        self._polls = Counter(
            "mailbox_agent_polls", "Finished polls, by result.", ["result"], registry=registry
        )
        for result in (SUCCESS, *FailureKind):
            self._polls.labels(result)  # Present from the start, so that rate() sees the first.
        self.poll_lateness = Histogram(
            "mailbox_agent_poll_lateness_seconds",
            "Seconds from a poll's planned start to its real one.",
            buckets=LATENESS_BUCKETS,
            registry=registry,
        )
        self._poll_duration = Histogram(
            "mailbox_agent_poll_duration_seconds",
            "Seconds that polls took, failed or not.",
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        self.notifications = Counter(
            "mailbox_agent_notifications",
            "Attempts to notify, by receiver and result.",
            ["receiver", "result"],
            registry=registry,
        )
        self._reload_successful = Gauge(
            "mailbox_agent_config_last_reload_successful",
            "Whether the configuration was valid when it was last read: 1 or 0.",
            registry=registry,
        )
        self._reload_success = Gauge(
            "mailbox_agent_config_last_reload_success_timestamp_seconds",
            "When the configuration in use was read, in seconds since the epoch.",
            registry=registry,
        )
        self.accounts = Gauge(
            "mailbox_agent_accounts", "Accounts that this agent polls.", registry=registry
        )
        for name, meaning in (
            ("mailbox_agent_shard", "Which share of the accounts this agent polls, from 1 on."),
            ("mailbox_agent_shards", "Among how many agents the accounts are shared."),
        ):
            Gauge(name, meaning, registry=registry).set(1)
        self.store_up = Gauge(
            "mailbox_agent_store_up",
            "Whether the state can be written: 1, or 0 while polls go unrecorded (disk full, "
            "read-only).",
            registry=registry,
        )
        build_info = Gauge(
            "mailbox_agent_build_info",
            "1, with the versions of the agent and of Python.",
            ["version", "python"],
            registry=registry,
        )
        build_info.labels(agent_version(), platform.python_version()).set(1)

    def polled(self, poll: Poll) -> None:
        """Count a finished poll and how long it took."""
        self._poll_duration.observe(poll.duration)
        match poll.outcome:
            case Reading():
                self._polls.labels(SUCCESS).inc()
            case Failure(kind):
                self._polls.labels(kind).inc()

    def receivers(self, names: Iterable[str]) -> None:
        """Show these receivers from zero on, so that rate() sees their first notification."""
        for name in names:
            for result in RESULTS:
                self.notifications.labels(receiver=encodable(name), result=result)

    def notified(self, receiver: str, result: str) -> None:
        """Count an attempt to notify: sent, failed or dead."""
        self.notifications.labels(receiver=encodable(receiver), result=result).inc()

    def outbox(self, waiting: Mapping[str, Waiting]) -> None:
        """Replace what is known of the outbox, every receiver's share at once."""
        self._outbox.waiting = {encodable(name): share for name, share in waiting.items()}

    def reloaded(self, at: datetime, *, successful: bool) -> None:
        """Note that the configuration was read, for the first time or again."""
        self._reload_successful.set(successful)
        if successful:
            self._reload_success.set(at.timestamp())

    def render(self, *, openmetrics: bool) -> bytes:
        """These series in one of the two formats, without OpenMetrics' `# EOF`."""
        if not openmetrics:
            return exposition.generate_latest(self._registry)
        generate = cast(
            "Callable[[CollectorRegistry], bytes]", openmetrics_exposition.generate_latest
        )
        return generate(self._registry).removesuffix(EOF)


class _Outbox(Collector):
    """The outbox's gauges, their age reckoned at the scrape: it grows while nothing is sent."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.waiting: Mapping[str, Waiting] = {}

    def describe(self) -> list[Metric]:
        """No names to check at registration; without this the registry would collect."""
        return []

    def collect(self) -> Iterator[Metric]:
        waiting, now = self.waiting, self._clock()
        pending = GaugeMetricFamily(
            "mailbox_agent_outbox_pending",
            "Notifications that wait to be sent.",
            labels=["receiver"],
        )
        oldest = GaugeMetricFamily(
            "mailbox_agent_outbox_oldest_seconds",
            "Age of the oldest notification that waits, in seconds; 0 while none does, or quiet "
            "hours hold them back.",
            labels=["receiver"],
        )
        dead = GaugeMetricFamily(
            "mailbox_agent_outbox_dead",
            "Notifications that were given up and are kept as dead letters.",
            labels=["receiver"],
        )
        for receiver, share in waiting.items():
            age = (now - share.oldest).total_seconds() if share.oldest else 0.0
            pending.add_metric([receiver], share.pending)
            oldest.add_metric([receiver], max(age, 0.0))
            dead.add_metric([receiver], share.dead)
        yield from (pending, oldest, dead)


def agent_version() -> str:
    """The installed distribution's version, or "unknown" where it runs uninstalled."""
    try:
        return version("mailbox-agent")
    except PackageNotFoundError:
        return "unknown"
