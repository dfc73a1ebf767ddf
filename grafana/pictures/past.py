"""What Prometheus would have scraped in the weeks before: OpenMetrics text, a day at a time."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grafana.pictures.population import CERTIFICATE, DAY, FIRST, MESSAGE, POP, SECOND, everybody

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grafana.pictures.population import Mailbox

JOB = "mailbox-agent"
STEP, LESS = 300, 900  # seconds: of the agents' own series, and of the mailboxes'
WHOLE, RECENT, LATELY = 30, 8, 2  # days: of the mailbox with its own picture, of all, of the agents
DURATIONS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
LATENESS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)
POLLS = {FIRST: 80, SECOND: 100}  # of each agent in one step
SEEN = 4_000_000  # bytes of mail that are read later

Sample = tuple[str, dict[str, str], float]


def days(now: int, noted: str) -> Iterator[str]:
    """OpenMetrics text for each day before now; `noted` is the mailbox with the longest past."""
    agents = [_Agent(FIRST), _Agent(SECOND)]
    failures: Counter[tuple[str, str]] = Counter()
    for day in range(WHOLE, 0, -1):
        lines = []
        for at in range(now - day * DAY, now - (day - 1) * DAY, STEP):
            ago = (now - at) / DAY
            samples = [each for agent in agents if ago <= LATELY for each in agent.samples(at, ago)]
            for mailbox in everybody() if (now - at) % LESS == 0 else ():
                if why := mailbox.failing(ago):
                    failures[mailbox.name, why] += 1
                if ago <= RECENT or mailbox.name == noted:
                    samples += _mailbox(mailbox, at, ago, failures)
            lines += [_line(*sample, at) for sample in samples]
        yield "\n".join([*lines, "# EOF\n"])


def _line(name: str, labels: dict[str, str], value: float, at: int) -> str:
    pairs = ",".join(f'{key}="{each}"' for key, each in labels.items())
    return f"{name}{{{pairs}}} {value} {at}"


def _mailbox(
    mailbox: Mailbox, at: int, ago: float, failures: Counter[tuple[str, str]]
) -> Iterator[Sample]:
    """Its series at a time, as the agent would have exported them."""
    labels = {"job": JOB, "instance": mailbox.agent, "account": mailbox.name}
    why = mailbox.failing(ago)
    protocol = "pop3" if mailbox.server == POP else "imap"
    configured = {"protocol": protocol, "server": mailbox.server, "tags": ""}
    yield "mailbox_poll_success", labels, int(why is None)
    yield "mailbox_info", labels | configured, 1
    yield "mailbox_poll_duration_seconds", labels, 30.0 if why == "timeout" else 0.04 + at % 7 / 200
    for (name, reason), count in failures.items():
        if name == mailbox.name:
            yield "mailbox_poll_failures_total", labels | {"reason": reason}, count
    if not mailbox.works:
        return
    used = mailbox.used(ago)
    root = labels | {"quota_root": "User quota"}
    yield "mailbox_usage_ratio", labels, mailbox.share(ago)
    yield "mailbox_size_bytes", labels, used
    yield "mailbox_quota_used_bytes", root, used
    yield "mailbox_quota_limit_bytes", root, mailbox.limit
    yield "mailbox_quota_used_messages", root, used // MESSAGE
    yield "mailbox_quota_limit_messages", root, mailbox.limit // MESSAGE * 2
    yield "mailbox_messages", labels, used // MESSAGE
    yield "mailbox_unread_messages", labels, 40 + used // SEEN % 61
    for folder, part in mailbox.folders.items():
        yield "mailbox_folder_size_bytes", labels | {"folder": folder}, int(used * part)
    for role in {"Trash", "Junk"} & mailbox.folders.keys():
        size = int(used * mailbox.folders[role])
        yield "mailbox_reclaimable_bytes", labels | {"role": role.lower()}, size
    if mailbox.pace and (days := (1 - mailbox.share(ago)) / mailbox.pace) > 0:
        yield "mailbox_full_timestamp_seconds", labels, at + days * DAY
    yield from _alerts(mailbox, labels, ago)
    ends = at + (CERTIFICATE + ago) * DAY
    server = {"job": JOB, "instance": mailbox.agent, "server": mailbox.server}
    yield "mailbox_tls_certificate_expiry_timestamp_seconds", server, ends


def _alerts(mailbox: Mailbox, labels: dict[str, str], ago: float) -> Iterator[Sample]:
    share = mailbox.share(ago)
    if share >= 0.8:
        severity = "critical" if share >= 0.95 else "warning"
        yield "mailbox_alert_firing", labels | {"rule": "usage", "severity": severity}, 1
    if mailbox.name == "support" and 22.6 > ago > 19.4:
        yield "mailbox_alert_firing", labels | {"rule": "forecast", "severity": "warning"}, 1


@dataclass(slots=True)
class _Agent:
    """An agent's own series, its counters growing."""

    instance: str
    counts: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(8))

    def samples(self, at: int, ago: float) -> Iterator[Sample]:
        labels = {"job": JOB, "instance": self.instance}
        busy = 1.9 < ago * 24 < 2.6
        for result, number in self._polls(busy=busy).items():
            self.counts[result] += number
            yield "mailbox_agent_polls_total", labels | {"result": result}, self.counts[result]
        yield from self._histogram("poll_lateness", LATENESS, 20.0 if busy else 0.12)
        yield from self._histogram("poll_duration", DURATIONS, 2.2 if busy else 0.05)
        yield from self._notifications(labels, ago)
        first = self.instance == FIRST
        yield "up", labels, 1
        yield "mailbox_agent_store_up", labels, int(not (not first and 0.62 > ago > 0.58))
        yield "mailbox_agent_config_last_reload_successful", labels, int(not (0.3 > ago > 0.27))
        yield "mailbox_agent_accounts", labels, 16 if first else 20
        yield "process_start_time_seconds", labels, at - (5 - ago) * DAY
        self.counts["cpu"] += round(self.chance.uniform(1.0, 2.4))
        yield "process_cpu_seconds_total", labels, self.counts["cpu"]
        yield "process_resident_memory_bytes", labels, 104e6 + self.chance.uniform(0, 3e6)
        yield "process_open_fds", labels, 16 + self.chance.randrange(4)
        yield "scrape_duration_seconds", labels, 0.011 + self.chance.uniform(0, 0.004)
        yield "scrape_samples_scraped", labels, 290 if first else 340

    def _polls(self, *, busy: bool) -> dict[str, int]:
        failed = (
            {"timeout": self.chance.randrange(4)}
            if busy
            else {"connect": self.chance.random() < 0.03}
        )
        return {"success": POLLS[self.instance], "timeout": 0, "connect": 0} | {
            reason: int(number) for reason, number in failed.items()
        }

    def _histogram(self, name: str, bounds: tuple[float, ...], usual: float) -> Iterator[Sample]:
        labels = {"job": JOB, "instance": self.instance}
        values = [usual * self.chance.lognormvariate(0, 0.8) for _ in range(POLLS[self.instance])]
        for bound in (*bounds, float("inf")):
            key = f"{name} {bound}"
            self.counts[key] += sum(value <= bound for value in values)
            le = "+Inf" if bound == float("inf") else f"{bound:.1f}" if bound >= 1 else str(bound)
            yield f"mailbox_agent_{name}_seconds_bucket", labels | {"le": le}, self.counts[key]

    def _notifications(self, labels: dict[str, str], ago: float) -> Iterator[Sample]:
        down = 0.46 > ago > 0.4
        for receiver in ("ops", "chat"):
            failed = receiver == "chat" and down
            if failed or self.chance.random() < 0.04:
                self.counts[f"{receiver} {'failed' if failed else 'sent'}"] += 1
            waiting = labels | {"receiver": receiver}
            for result in ("sent", "failed"):
                count = self.counts[f"{receiver} {result}"]
                yield "mailbox_agent_notifications_total", waiting | {"result": result}, count
            hours = (0.46 - ago) * 24
            yield "mailbox_agent_outbox_pending", waiting, 1 + int(hours * 3) if failed else 0
            yield "mailbox_agent_outbox_dead", waiting, 0
            if failed:
                yield "mailbox_agent_outbox_oldest_seconds", waiting, hours * 3600
