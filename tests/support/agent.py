"""`mailbox-agent run` as a process: its log, its pages, its end."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from tests.support.command import Command

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 30  # seconds for what takes one or two


@dataclass(slots=True)
class Agent:
    """A running agent with a configuration of its own; ends with the `with` block.

    `log` is all that it wrote so far; every line must be JSON.
    """

    folder: Path
    configuration: str
    level: str = "info"
    log: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] = field(init=False)
    port: int = field(init=False)
    _events: SimpleQueue[dict[str, Any]] = field(default_factory=SimpleQueue)
    _reader: threading.Thread = field(init=False)

    def __enter__(self) -> Self:
        file = self.folder / "config.toml"
        file.write_text(self.configuration)
        file.chmod(0o600)
        self.process = Command(self.folder).start(
            "run", "--config", str(file), "--log-level", self.level, stdout=subprocess.DEVNULL
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        started = self.until("agent.started")
        self.port = int(started["metrics"].rpartition(":")[2].partition("/")[0])
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stderr
        self.process.stderr.close()
        assert not [line for line in self.log if "Traceback" in line]

    def until(self, event: str, **fields: object) -> dict[str, Any]:
        """The next log line of this event with these fields; fails where none comes."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                entry = self._events.get(timeout=max(0.0, end - time.monotonic()))
            except Empty:
                status = self.process.poll()
                raise AssertionError(f"no {event}; status {status}, log: {self.log}") from None
            if entry["event"] == event and fields.items() <= entry.items():
                return entry

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def stop(self, number: int = signal.SIGTERM, seconds: float = 10) -> int:
        """Its exit status after a signal; fails where it takes longer."""
        self.process.send_signal(number)
        return self.process.wait(timeout=seconds)

    def ended(self) -> None:
        """Wait until all that it wrote is in `log`."""
        self._reader.join()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.log.append(line)
            self._events.put(json.loads(line))


def configuration(folder: Path, *accounts: str, receiver: str = "", agent: str = "") -> str:
    """A configuration file that polls every second, with its state in `folder`."""
    told = f'[[receivers]]\nname = "ops"\ntype = "apprise"\nurl = "{receiver}"\n'
    return "\n".join(
        [
            f'[agent]\npoll_interval = "1s"\n{agent}',
            f'[store]\nurl = "sqlite:///{folder}/agent.db"',
            '[web]\nlisten = "127.0.0.1:0"',
            '[alerts]\ngroup_wait = "0s"',
            *accounts,
            told if receiver else "",
        ]
    )


def account(name: str, port: int, **keys: str) -> str:
    """An account's table: plain text, at a port of this machine."""
    table = {
        "name": name,
        "protocol": "imap",
        "server": f"127.0.0.1:{port}",
        "tls": "none",
        "username": name,
        "password": "wonderland",
    }
    lines = (f'{key} = "{value}"\n' for key, value in (table | keys).items())
    return "[[accounts]]\n" + "".join(lines)
