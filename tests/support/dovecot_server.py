"""A private Dovecot 2.3 process on the loopback: its start, its end, and its folder.

It always runs as an ordinary user: as the caller, or as `nobody` where the caller is root.
Everything it writes lies in one temporary folder, which goes when the server ends.
"""

from __future__ import annotations

import fcntl
import grp
import itertools
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from tests.support.certificates import Certificates
from tests.support.dovecot_conf import configuration

HOW_TO_INSTALL = {
    "dovecot": "apt-get install dovecot-imapd dovecot-pop3d dovecot-lmtpd",
    "openssl": "apt-get install openssl",
}
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"


class ServerMissingError(RuntimeError):
    """Dovecot or openssl is not installed; the message says how to install it."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The TCP ports of one server; `imap` and `pop3` are plain with STARTTLS and STLS."""

    imap: int
    imaps: int
    pop3: int
    pop3s: int
    lmtp: int


class Server:
    """A running Dovecot; a context manager that leaves neither process nor file behind.

    Four addresses show four servers: `host` is well made; `expired` and `other` show certificates
    that ended or name another host; `strict` refuses to log in without TLS (LOGINDISABLED).
    """

    host = "127.0.0.1"
    expired = "127.0.0.2"
    other = "127.0.0.3"
    strict = "127.0.0.4"

    def __init__(self, logins: int = 1) -> None:
        """Start with `logins` processes each for IMAP and POP3 logins; two for throughput."""
        for program, word in HOW_TO_INSTALL.items():
            if shutil.which(program, path=_PATH) is None:
                raise ServerMissingError(f"{program} is not installed: {word}")
        self._logins = logins
        self._owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="mailbox-agent-dovecot-"))
        try:
            self._furnish()
            self._start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server with all its children, and remove its folder.

        Killed, since nothing in the folder is worth the second that an orderly end takes.
        """
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            with self._alive:
                self._alive.read()
        shutil.rmtree(self.folder)

    @property
    def process_id(self) -> int:
        """The master's process id, which is also its process group's."""
        return self._process.pid if self._process else 0

    def log(self) -> str:
        """Return the server's log so far."""
        log = self.folder / "log"
        return log.read_text() if log.exists() else ""

    def _furnish(self) -> None:
        self.certificates = Certificates.make(self.folder)
        for name in ("users", "domains", "mail"):
            (self.folder / name).mkdir()
        self.give(self.folder, *self.folder.iterdir())

    def give(self, *paths: Path) -> None:
        """Make the server's user the owner of these files."""
        for path in paths:
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def _start(self) -> None:
        """Start on free ports; another process may take one meanwhile, so try more than once."""
        for _ in range(5):
            self.ports = _free_ports()
            (self.folder / "dovecot.conf").write_text(self._configuration())
            self._process = self._launch()
            if self._greets(self._process):
                return
            self._process = None
            self._alive.close()
        raise RuntimeError(f"Dovecot did not start:\n{self.log()}")

    def _launch(self) -> subprocess.Popen[bytes]:
        """Start the master; every process of the server holds a pipe that ends with the last."""
        read, write = os.pipe()
        held = fcntl.fcntl(write, fcntl.F_DUPFD, 100)  # above the numbers that Dovecot hands on
        self._alive = os.fdopen(read, "rb")
        try:
            return subprocess.Popen(
                self._command("dovecot", "-F"), **self._identity(), pass_fds=(held,),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(write)
            os.close(held)

    def _configuration(self) -> str:
        return configuration(
            self.folder,
            account=(self._owner.pw_name, grp.getgrgid(self._owner.pw_gid).gr_name),
            certificates=self.certificates,
            ports=asdict(self.ports),
            addresses={
                name: getattr(self, name) for name in ("host", "expired", "other", "strict")
            },
            logins=self._logins,
        )

    def _greets(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until the server greets; False where it ended instead."""
        while process.poll() is None:
            try:
                with socket.create_connection((self.host, self.ports.imap), timeout=10) as client:
                    return bool(client.recv(1024))
            except ConnectionError:
                time.sleep(0.01)
        return False

    def _command(self, program: str, *arguments: str) -> list[str]:
        path = shutil.which(program, path=_PATH) or program
        return [path, "-c", str(self.folder / "dovecot.conf"), *arguments]

    def _identity(self) -> dict[str, Any]:
        if os.getuid() != 0:
            return {}
        return {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}

    def doveadm(self, *arguments: str) -> None:
        """Run one administrative command; raises RuntimeError with its words if it fails."""
        done = subprocess.run(
            self._command("doveadm", *arguments), **self._identity(),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"doveadm {arguments[0]} failed: {done.stderr}")


def _free_ports() -> Ports:
    """Return ports that are free now, below the range that outgoing connections use."""
    free = (port for port in random.sample(range(20000, 32000), 1000) if _is_free(port))
    return Ports(*itertools.islice(free, 5))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((Server.host, port))
        except OSError:
            return False
        return True
