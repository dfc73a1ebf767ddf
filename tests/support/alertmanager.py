"""A private Alertmanager 0.25 on the loopback, from Debian's package; it tells all to a webhook.

Everything that it writes lies in one temporary folder, which goes when the server ends.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.support.daemon import (
    LOOPBACK,
    Daemon,
    ServerMissingError,
    as_owner,
    free_ports,
    give,
)

if TYPE_CHECKING:
    from collections.abc import Callable

HOME = Path(__file__).parents[2] / ".venv/servers/alertmanager"
HOW_TO_INSTALL = "Alertmanager is not there; it is unpacked by: scripts/servers/alertmanager"
PATIENCE = 30  # seconds for what takes one or two

_CONFIGURATION = """
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


class Alertmanager:
    """A running Alertmanager; a context manager that leaves neither process nor file behind."""

    def __init__(self, hook: str, *, peer: Alertmanager | None = None) -> None:
        """Start; what it has to tell goes to the address `hook`, `peer` is of its cluster."""
        if not HOME.is_dir():
            raise ServerMissingError(HOW_TO_INSTALL)
        self._daemon: Daemon | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="mailbox-agent-alertmanager-"))
        try:
            (self.folder / "alertmanager.yml").write_text(_CONFIGURATION.format(hook=hook))
            # A copy, since the server's user may not be able to look into the checkout.
            shutil.copytree(HOME, self.folder, dirs_exist_ok=True)
            give(self.folder)
            self._peer = peer
            self._start_on_free_ports()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """What a receiver's `urls` names."""
        return f"http://{LOOPBACK}:{self._port}"

    def start(self) -> None:
        """Start on the same ports as before, and wait until it is ready."""
        if not self._is_up():
            raise RuntimeError(f"no Alertmanager:\n{(self.folder / 'log').read_text()}")

    def stop(self) -> None:
        """End the process; it forgets its alerts."""
        if self._daemon is not None:
            self._daemon.end()
        self._daemon = None

    def close(self) -> None:
        """End it, and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder)

    def firing(self) -> list[dict[str, Any]]:
        """The alerts that fire, as its API shows them."""
        alerts: list[dict[str, Any]] = json.loads(self._get("/api/v2/alerts"))
        return alerts

    def until(self, wanted: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """What fires, as soon as it is as wanted; fails where that does not come."""
        end = time.monotonic() + PATIENCE
        while not wanted(found := self.firing()):
            assert time.monotonic() < end, found
            time.sleep(0.02)
        return found

    def _start_on_free_ports(self) -> None:
        """Another process may take one meanwhile, so try more than once."""
        for _ in range(4):
            self._port, self._cluster_port = islice(free_ports(), 2)
            if self._is_up():
                return
            self.stop()
        self.start()

    def _is_up(self) -> bool:
        """Launch it and wait until it is ready; False where it ended instead."""
        self._daemon = self._launch()
        end = time.monotonic() + PATIENCE
        while self._daemon.running and time.monotonic() < end:
            if self._is_ready():
                return True
            time.sleep(0.01)
        return False

    def _launch(self) -> Daemon:
        program = self.folder / "usr/bin/prometheus-alertmanager"
        options = {
            "config.file": self.folder / "alertmanager.yml",
            "storage.path": self.folder / "data",
            "web.listen-address": f"{LOOPBACK}:{self._port}",
            "cluster.listen-address": f"{LOOPBACK}:{self._cluster_port}",
            "cluster.advertise-address": f"{LOOPBACK}:{self._cluster_port}",
            "cluster.settle-timeout": "0s",
        }
        if self._peer is not None:
            options["cluster.peer"] = f"{LOOPBACK}:{self._peer._cluster_port}"
        arguments = [f"--{name}={value}" for name, value in options.items()]
        environment = {"PATH": os.defpath}
        return Daemon([program, *arguments], self.folder / "log", environment, as_owner())

    def _is_ready(self) -> bool:
        try:
            self._get("/-/ready")
        except (urllib.error.URLError, ConnectionError):
            return False
        return True

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
            body: bytes = answer.read()
        return body
