"""A private Alertmanager 0.25 on the loopback, from Debian's package; it tells all to a webhook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.daemon import LOOPBACK
from tests.support.web_daemon import WebDaemon, until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONFIGURATION = """
route:
  receiver: hook
  group_by: ['...']
  group_wait: 0s
  group_interval: 100ms
  repeat_interval: 1h
receivers:
  - name: hook
    webhook_configs:
      - url: {hook}
        send_resolved: true
"""


class Alertmanager(WebDaemon):
    """A running Alertmanager; a context manager that leaves neither process nor file behind."""

    package = "alertmanager"
    program = "prometheus-alertmanager"
    port_count = 2

    def __init__(
        self, hook: str, *, peer: Alertmanager | None = None, configuration: str = CONFIGURATION
    ) -> None:
        """Start; what it has to tell goes to the address `hook`, `peer` is of its cluster."""
        self._configuration = configuration.format(hook=hook)
        self._peer = peer
        super().__init__()

    def furnish(self) -> None:
        """Its configuration."""
        (self.folder / "alertmanager.yml").write_text(self._configuration)

    def firing(self) -> list[dict[str, Any]]:
        """The alerts that fire, as its API shows them."""
        alerts: list[dict[str, Any]] = json.loads(self.get("/api/v2/alerts"))
        return alerts

    def until(self, wanted: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """What fires, as soon as it is as wanted; fails where that does not come."""
        return until(self.firing, wanted)

    def options(self) -> Mapping[str, object]:
        """Its command line."""
        cluster = f"{LOOPBACK}:{self.ports[1]}"
        options: dict[str, object] = {
            "config.file": self.folder / "alertmanager.yml",
            "storage.path": self.folder / "data",
            "web.listen-address": self.address,
            "cluster.listen-address": cluster,
            "cluster.advertise-address": cluster,
            "cluster.settle-timeout": "0s",
        }
        if self._peer is not None:
            options["cluster.peer"] = f"{LOOPBACK}:{self._peer.ports[1]}"
        return options
