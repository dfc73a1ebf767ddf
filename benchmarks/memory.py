"""Memory of the running agent: idle with five accounts, and with 10,000 polled and exported.

A real `mailbox-agent run` in a process of its own, against a Dovecot tuned for throughput.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.dovecot import Dovecot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.dovecot import User

FEW, MANY = 5, 10_000
TARGETS_MIB = {FEW: 75, MANY: 160}
CONNECTIONS = 16
PATIENCE = 300  # seconds for the first sweep over all accounts


def configuration(server: Dovecot, users: Sequence[User], folder: Path) -> str:
    """A file with one account a user, all on one server, polled over IMAPS."""
    head = (
        f'[agent]\npoll_interval = "15m"\nmax_connections = {CONNECTIONS}\n'
        f'[store]\nurl = "sqlite:///{folder}/agent.db"\n[web]\nlisten = "127.0.0.1:0"\n'
        '[[receivers]]\nname = "ops"\ntype = "apprise"\nurl = "json://127.0.0.1:9/hook"\n'
    )
    accounts = (
        f'[[accounts]]\nname = "{user.name}"\nprotocol = "imap"\n'
        f'server = "127.0.0.1:{server.ports.imaps}"\nusername = "{user.name}"\n'
        f'password = "{user.password}"\nca_file = "{server.certificates.ca}"\n'
        for user in users
    )
    return head + "".join(accounts)


def measured(server: Dovecot, users: Sequence[User]) -> tuple[float, float]:
    """RSS in MiB when every account has been polled once, and the seconds that this took."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "config.toml"
        file.write_text(configuration(server, users, Path(name)))
        file.chmod(0o600)
        start = time.monotonic()
        command = [sys.executable, "-m", "agent", "run", "--config", str(file)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as agent:
            try:
                wait_until_ready(agent)
                return rss_mib(agent.pid), time.monotonic() - start
            finally:
                agent.terminate()


def wait_until_ready(agent: subprocess.Popen[str]) -> None:
    """Until `/-/ready` says that each account was polled; the port stands in the log."""
    assert agent.stderr
    line = next(line for line in agent.stderr if "agent.started" in line)
    port = int(line.partition("http://127.0.0.1:")[2].partition("/")[0])
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/-/ready")
        if connection.getresponse().status == http.client.OK:
            return
        connection.close()
        time.sleep(0.1)
    sys.exit(f"not every account was polled within {PATIENCE} s")


def rss_mib(process: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def main() -> None:
    """Measure, print, and exit with 1 where a target is missed."""
    missed = False
    print("resident memory of `mailbox-agent run` after the first sweep")
    with Dovecot(logins=2) as server:
        for count, target in TARGETS_MIB.items():
            users = server.provision(count, messages=1)
            found, seconds = measured(server, users)
            missed |= found > target
            print(
                f"  {count:6,} accounts  {found:6.1f} MiB  (target: at most {target} MiB), "
                f"swept in {seconds:.1f} s"
            )
    sys.exit(missed)


if __name__ == "__main__":
    main()
