"""How long pages and API take with many mailboxes.

Run: python -m benchmarks.page [MAILBOXES]. The store holds two weeks of hours of each mailbox; the
server runs in this process, as it does in the agent, and is asked over HTTP.
"""

from __future__ import annotations

import http.client
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

from agent.model import Alert, AlertKey, Finding, Poll, Reason, Severity, Transition
from agent.store import alerts, details, history, overview
from tests.support.fleet import GIB, HOUR, NOW, Life, reading_of, settings_of, shown
from tests.support.stores import opened

ROUNDS = 15
HOURS = 14 * 24
TARGET_SECONDS = 0.1
TARGET_AT = 10_000
ASKED = {
    "first page": "/",
    "a page in the middle": "/?page={middle}",
    "by text": "/?search=mailbox-00",
    "by state": "/?state=ok",
    "one mailbox": "/mailboxes/mailbox-00042",
    "API, 50 mailboxes": "/api/v1/mailboxes",
    "API, one mailbox": "/api/v1/mailboxes/mailbox-00042",
}


def lives(count: int) -> list[Life]:
    """Mailboxes of every fullness, a hundred of them on each server."""
    return [
        Life(
            f"mailbox-{number:05}",
            (number * 7919 % count) / count,
            keys={"server": f"mail{number % 100}.example.com", "tags": [f"group-{number % 20}"]},
        )
        for number in range(count)
    ]


def firing(name: str) -> Transition:
    """An alert, as one mailbox in twenty has one."""
    key = AlertKey(name, "usage", "User quota", "storage")
    alert = Alert(key, Severity.WARNING, NOW, NOW, told=("ops",))
    return Transition(Reason.FIRST, alert, Finding(key, Severity.WARNING), NOW)


def fill(folder: Path, fleet: list[Life]) -> None:
    """Write each mailbox's last poll as the agent does, and two weeks of hours in one go."""
    with opened(folder) as store, store.transaction() as connection:
        polls = [Poll(life.name, NOW - HOUR / 15, 0.1, reading_of(life)) for life in fleet]
        details.keep(connection, polls)
        history.append(connection, polls)
        overview.sum_up(connection, polls, {})
        alerts.apply(connection, [firing(life.name) for life in fleet[::20]])
    end = int(NOW.timestamp())
    with sqlite3.connect(folder / "agent.db") as database:
        series = database.execute("SELECT id FROM series WHERE kind = 'quota'").fetchall()
        database.executemany(
            'INSERT OR IGNORE INTO sample (series_id, daily, at, used, "limit") '
            "VALUES (?, 0, ?, ?, ?)",
            (
                (number, end - hour * 3600, GIB // 2 - hour * 1_000_000, GIB)
                for (number,) in series
                for hour in range(1, HOURS)
            ),
        )
    database.close()


def seconds(connection: http.client.HTTPConnection, path: str) -> tuple[float, float]:
    """Median time from the question to the whole answer, and of the CPU meanwhile."""
    taken, busy = [], []
    for _ in range(ROUNDS):
        start, cpu = time.perf_counter(), time.process_time()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - start)
        busy.append(time.process_time() - cpu)
        if answer.status != http.client.OK:
            sys.exit(f"{path}: {answer.status}")
    return statistics.median(taken), statistics.median(busy)


def main() -> int:
    """Measure, print, and fail where a page takes longer than the target."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else TARGET_AT
    fleet = lives(count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = settings_of(folder, fleet)
        fill(folder, fleet)
        with opened(folder) as store, shown(settings, store) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            first = time.perf_counter()
            connection.request("GET", "/")
            connection.getresponse().read()
            first = time.perf_counter() - first
            print(f"{count:,} mailboxes, {count * HOURS:,} readings of their history")
            print(f"  {'the very first page, which loads Jinja2':42} {first * 1e3:6.1f} ms")
            slowest = 0.0
            for what, path in ASKED.items():
                taken, cpu = seconds(connection, path.format(middle=count // 100))
                slowest = max(slowest, taken)
                print(f"  {what:42} {taken * 1e3:6.1f} ms, {cpu * 1e3:6.1f} ms of CPU")
            connection.close()
    print(f"  (target: at most {TARGET_SECONDS * 1e3:.0f} ms at {TARGET_AT:,} mailboxes)")
    return int(count <= TARGET_AT and slowest > TARGET_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
