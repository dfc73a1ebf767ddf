"""CPU of one scrape and memory per mailbox: our fragments beside prometheus_client's gauges.

Run: python benchmarks/scrape.py [MAILBOXES]. Both render the same series in the same run; on
a shared machine trust the ratio more than the seconds.
"""

from __future__ import annotations

import gc
import gzip
import os
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from agent.config.accounts import ImapAccount
from agent.metrics import Exposition
from agent.model import Poll, Quota, QuotaState, Reading, Role

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7
INTERVAL = timedelta(minutes=15)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TARGET_SECONDS = 0.05


def account_of(number: int) -> ImapAccount:
    """One of many accounts, a hundred of them on each server."""
    return ImapAccount(
        name=f"mailbox-{number:05}",
        protocol="imap",
        server=f"mail{number % 100}.example.com",
        username=f"user{number}",
        password="-",
    )


def poll_of(number: int) -> Poll:
    """A poll that makes 15 series."""
    reading = Reading(
        QuotaState.LIMITED,
        quotas=(
            Quota("User quota", "storage", 734_003_200 + number, 1_073_741_824),
            Quota("User quota", "message", 8_192 + number, 50_000),
        ),
        size_bytes=734_000_000 + number,
        messages=8_192 + number,
        unread=number % 100,
        reclaimable=((Role.TRASH, 1_000_000 + number), (Role.JUNK, 50_000 + number)),
    )
    at = NOW + timedelta(milliseconds=number)
    return Poll(f"mailbox-{number:05}", at, 0.041 + number / 1e6, reading)


def record_all(exposition: Exposition, accounts: list[ImapAccount]) -> None:
    """Poll every mailbox once."""
    for number, account in enumerate(accounts):
        exposition.record(account, INTERVAL, poll_of(number), ())


def gauges_of(page: str) -> CollectorRegistry:
    """The same series as prometheus_client's labelled gauges."""
    registry = CollectorRegistry()
    for family in text_string_to_metric_families(page):
        first, *_ = family.samples
        gauge = Gauge(family.name, family.documentation, list(first.labels), registry=registry)
        for sample in family.samples:
            gauge.labels(*sample.labels.values()).set(sample.value)
    return registry


def cpu(work: Callable[[], object]) -> float:
    """Median CPU seconds of the whole process for one run of `work`."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def resident() -> int:
    """Bytes of memory that this process holds now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Measure, print a table, and fail when a scrape costs more than the target."""
    mailboxes = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    accounts = [account_of(number) for number in range(mailboxes)]
    exposition = Exposition()
    before = resident()
    record_all(exposition, accounts)
    ours_memory = resident() - before
    page = exposition.render(openmetrics=False)
    series = sum(not line.startswith(b"#") for line in page.splitlines())
    ours = cpu(lambda: exposition.render(openmetrics=False))
    recording = cpu(lambda: record_all(exposition, accounts)) / mailboxes
    packing = cpu(lambda: gzip.compress(page, 1))

    before = resident()
    registry = gauges_of(page.decode())
    theirs_memory = resident() - before
    theirs = cpu(lambda: generate_latest(registry))

    table = Table(title=f"{mailboxes} mailboxes, {series} series, {len(page) / 1e6:.1f} MB")
    for heading in ("", "CPU a scrape", "ratio", "memory a mailbox"):
        table.add_column(heading, justify="right")
    table.add_row("fragments", f"{ours * 1e3:.1f} ms", "1", f"{ours_memory / mailboxes:.0f} B")
    table.add_row(
        "prometheus_client gauges",
        f"{theirs * 1e3:.1f} ms",
        f"{theirs / ours:.0f}",
        f"{theirs_memory / mailboxes:.0f} B",
    )
    table.add_row("gzip level 1", f"{packing * 1e3:.1f} ms", f"{packing / ours:.1f}", "")
    console = Console()
    console.print(table)
    console.print(f"rendering one poll's series: {recording * 1e6:.0f} µs of CPU")
    return int(ours > TARGET_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
