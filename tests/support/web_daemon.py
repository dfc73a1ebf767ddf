"""A private program that is spoken to over HTTP: Prometheus, Alertmanager.

Everything that it writes lies in one temporary folder, which goes when it ends.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from tests.support.daemon import (
    LOOPBACK,
    Daemon,
    ServerMissingError,
    as_owner,
    free_ports,
    give,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SERVERS = Path(__file__).parents[2] / ".venv/servers"
PATIENCE = 30  # seconds for what takes one or two

Seen = TypeVar("Seen")


def installed(name: str) -> Path:
    """Where `scripts/servers/<name>` has unpacked a server; ServerMissingError if it has not."""
    home = SERVERS / name
    if not home.is_dir():
        raise ServerMissingError(f"{name} is not there; it is unpacked by: scripts/servers/{name}")
    return home


class WebDaemon(ABC):
    """A running program; a context manager that leaves neither process nor file behind."""

    package: str  # in .venv/servers
    program: str  # in its usr/bin
    port_count = 1

    def __init__(self) -> None:
        """Start; raises ServerMissingError where it is not installed."""
        home = installed(self.package)
        self._daemon: Daemon | None = None
        self.folder = Path(tempfile.mkdtemp(prefix=f"mailbox-agent-{self.package}-"))
        try:
            # A copy, since the program's user may not be able to look into the checkout.
            only = shutil.ignore_patterns("promtool", "amtool")
            shutil.copytree(home, self.folder, dirs_exist_ok=True, ignore=only)
            self.furnish()
            give(self.folder, *self.folder.rglob("*"))
            self._start_on_free_ports()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def furnish(self) -> None:
        """Put the configuration into the folder."""

    @abstractmethod
    def options(self) -> Mapping[str, object]:
        """Return the options of its command line; it listens on `ports`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{LOOPBACK}:{self.ports[0]}"

    @property
    def url(self) -> str:
        """Its web address, without a path."""
        return f"http://{self.address}"

    def start(self) -> None:
        """Start on the same ports as before, and wait until it is ready."""
        if not self._is_up():
            raise RuntimeError(f"no {self.package}:\n{(self.folder / 'log').read_text()}")

    def stop(self) -> None:
        """End the process; what it has not written to its folder is forgotten."""
        if self._daemon is not None:
            self._daemon.end()
        self._daemon = None

    def close(self) -> None:
        """End it, and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder)

    def get(self, path: str, **parameters: object) -> bytes:
        """Return what it answers; raises HTTPError for anything but success."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=PATIENCE) as answer:
            body: bytes = answer.read()
        return body

    def _start_on_free_ports(self) -> None:
        """Another process may take one meanwhile, so try more than once."""
        for _ in range(4):
            self.ports = tuple(islice(free_ports(), self.port_count))
            if self._is_up():
                return
            self.stop()
        self.start()

    def _is_up(self) -> bool:
        """Launch it and wait until it is ready; False where it ended instead."""
        arguments = [f"--{name}={value}" for name, value in self.options().items()]
        command: list[str | Path] = [self.folder / "usr/bin" / self.program, *arguments]
        self._daemon = Daemon(command, self.folder / "log", {"PATH": os.defpath}, as_owner())
        end = time.monotonic() + PATIENCE
        while self._daemon.running and time.monotonic() < end:
            if self._is_ready():
                return True
            time.sleep(0.01)
        return False

    def _is_ready(self) -> bool:
        try:
            self.get("/-/ready")
        except (urllib.error.URLError, ConnectionError):
            return False
        return True


def until(look: Callable[[], Seen], wanted: Callable[[Seen], bool]) -> Seen:
    """What there is to see, as soon as it is as wanted; fails where that does not come."""
    end = time.monotonic() + PATIENCE
    while not wanted(seen := look()):
        assert time.monotonic() < end, seen
        time.sleep(0.02)
    return seen
