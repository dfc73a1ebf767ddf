"""The agent as an operator runs it: a configuration file and a process, watched over HTTP."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Sequence

    from demo.mailboxes import Role
    from tests.support.dovecot import Dovecot

_HEAD = """
[agent]
poll_interval = "2s"

[store]
url = "sqlite:///{folder}/agent.db"

[web]
listen = "127.0.0.1:{port}"

[alerts]
group_wait = "0s"

[[receivers]]
name = "ops"
type = "apprise"
url = "{receiver}"

[[routes]]
receivers = ["ops"]
"""

_ACCOUNT = """
[[accounts]]
name = "{name}"
protocol = "{protocol}"
server = "127.0.0.1:{port}"
tls = "{tls}"
ca_file = "{ca}"
username = "{name}"
{keys}
"""


class AgentEndedError(RuntimeError):
    """The agent stopped by itself, which it should not."""


@dataclass(frozen=True, slots=True)
class State:
    """What the agent exports of one mailbox; None is not known (yet)."""

    usage: float | None = None
    size: float | None = None
    succeeded: bool | None = None


class Agent:
    """`mailbox-agent run` in a process of its own; a context manager that ends it."""

    def __init__(self, place: Path, server: Dovecot, roles: Sequence[Role], receiver: str) -> None:
        """Write the configuration into `place`, where state and log go too."""
        self.port = _port()
        self._log = place / "agent.log"
        self._config = place / "config.toml"
        self._config.touch(mode=0o600)
        head = _HEAD.format(folder=place, port=self.port, receiver=receiver)
        self._config.write_text(head + "".join(_account(server, role) for role in roles))

    def __enter__(self) -> Self:
        program = Path(sys.executable).with_name("mailbox-agent")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 -- our own program and file
                [program, "run", "--config", self._config, "--log-format", "text"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def url(self) -> str:
        """Where the agent's page is."""
        return f"http://127.0.0.1:{self.port}/"

    def check(self) -> None:
        """Raise AgentEndedError, with the end of its log, where the process runs no more."""
        if (status := self._process.poll()) is not None:
            lines = self._log.read_text(errors="replace").splitlines()[-10:]
            raise AgentEndedError("\n".join([f"The agent ended with status {status}:", *lines]))

    def states(self) -> dict[str, State]:
        """Scrape the agent, as Prometheus does; empty while it does not listen yet."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/metrics")
            page = connection.getresponse().read().decode()
        except OSError:
            return {}
        finally:
            connection.close()
        return _states(page)


def _states(page: str) -> dict[str, State]:
    """Read the three series of the demo from a metrics page."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.labels.get("account", "")][sample.name] = sample.value
    return {
        account: State(
            usage=values.get("mailbox_usage_ratio"),
            size=values.get("mailbox_size_bytes"),
            succeeded=bool(values["mailbox_poll_success"]),
        )
        for account, values in found.items()
        if "mailbox_poll_success" in values
    }


def _account(server: Dovecot, role: Role) -> str:
    secret = "" if "password" in role.keys else 'password = "wonderland"\n'
    return _ACCOUNT.format(
        name=role.name,
        protocol=role.protocol.removesuffix("s"),
        port=getattr(server.ports, role.protocol),
        tls="implicit" if role.protocol.endswith("s") else "starttls",
        ca=server.certificates.ca,
        keys=secret + role.keys,
    )


def _port() -> int:
    """Return the agent's usual port, or a free one where that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 9143))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
