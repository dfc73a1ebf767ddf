"""A private Prometheus 2.42 on the loopback, from Debian's package, and its promtool."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.web_daemon import WebDaemon, installed, until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Series:
    """A series: its labels, and its samples by time in seconds since the epoch."""

    labels: Mapping[str, str]
    samples: Mapping[float, float]

    @property
    def value(self) -> float:
        """The latest value."""
        return list(self.samples.values())[-1]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a Prometheus does: the addresses to scrape by job, how often, and what follows.

    `history` is OpenMetrics text with timestamps, as if it had been scraped before the start.
    """

    targets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    interval: str = "1s"  # of scrapes and of rules
    rules: Sequence[Path] = ()
    alertmanagers: Sequence[str] = ()  # addresses: host:port
    history: str = ""

    def configuration(self, rules: Sequence[Path]) -> dict[str, Any]:
        """The configuration file, `rules` being where its rule files are."""
        every = {"scrape_interval": self.interval, "evaluation_interval": self.interval}
        return {
            "global": every | {"scrape_timeout": self.interval},
            "rule_files": [str(each) for each in rules],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": list(addresses)}]}
                for job, addresses in self.targets.items()
            ],
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": list(self.alertmanagers)}]}]
            },
        }


class Prometheus(WebDaemon):
    """A running Prometheus; a context manager that leaves neither process nor file behind."""

    package = "prometheus"
    program = "prometheus"

    def __init__(self, plan: Plan) -> None:
        """Start; raises ServerMissingError where it is not installed."""
        self._plan = plan
        super().__init__()

    def furnish(self) -> None:
        """Its configuration with copies of its rules, and its history."""
        rules = [Path(shutil.copy(each, self.folder)) for each in self._plan.rules]
        # Every JSON document is a YAML document.
        configuration = json.dumps(self._plan.configuration(rules))
        (self.folder / "prometheus.yml").write_text(configuration)
        if self._plan.history:
            history = self.folder / "history"
            history.write_text(self._plan.history)
            # One block: for each of the usual two hours it would read the whole past again.
            whole = "--max-block-duration=1488h"
            done = promtool(
                "tsdb", "create-blocks-from", whole, "openmetrics", history, self.folder / "data"
            )
            assert done.returncode == 0, done.stdout

    def options(self) -> Mapping[str, object]:
        """Its command line."""
        return {
            "config.file": self.folder / "prometheus.yml",
            "storage.tsdb.path": self.folder / "data",
            "web.listen-address": self.address,
            "rules.alert.resend-delay": "1s",
        }

    def query(self, expression: str, *, at: float | None = None) -> list[Series]:
        """The value of an expression, a sample a series; now, unless a time is given."""
        when = {} if at is None else {"time": at}
        return self._series("query", query=expression, **when)

    def query_range(
        self, expression: str, start: float, end: float, step: float = 60
    ) -> list[Series]:
        """The values of an expression from `start` to `end`, every `step` seconds."""
        return self._series("query_range", query=expression, start=start, end=end, step=step)

    def until(self, expression: str, wanted: Callable[[list[Series]], bool] = bool) -> list[Series]:
        """The value of an expression, as soon as it is as wanted: at first, as there is any."""
        return until(lambda: self.query(expression), wanted)

    def alerts(self) -> list[dict[str, Any]]:
        """Its own alerts, pending and firing."""
        alerts: list[dict[str, Any]] = self.api("alerts")["alerts"]
        return alerts

    def api(self, path: str, **parameters: object) -> Any:
        """The data of an answer of its HTTP API, version 1."""
        return json.loads(self.get(f"/api/v1/{path}", **parameters))["data"]

    def _series(self, path: str, **parameters: object) -> list[Series]:
        data = self.api(path, **parameters)
        if data["resultType"] == "scalar":
            return [Series({}, _samples([data["result"]]))]
        return [
            Series(each["metric"], _samples(each.get("values") or [each["value"]]))
            for each in data["result"]
        ]


def _samples(pairs: Sequence[tuple[float, str]]) -> dict[float, float]:
    return {at: float(value) for at, value in pairs}


def promtool(*arguments: str | Path, words: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool; `stdout` is all that it says, `words` what it reads."""
    return _tool(installed("prometheus") / "usr/bin/promtool", *arguments, words=words)


def amtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Alertmanager's amtool; `stdout` is all that it says."""
    return _tool(installed("alertmanager") / "usr/bin/amtool", *arguments)


def _tool(*command: str | Path, words: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, input=words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False, timeout=600,
    )  # fmt: skip
