"""A private server: as whom its programs run, on which ports and in which folder, how they end."""

from __future__ import annotations

import fcntl
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
from abc import ABC, abstractmethod
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar
from unittest import SkipTest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Command = list[str | Path]
LOOPBACK = "127.0.0.1"
OWNER = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())


class Daemon:
    """A server's first process and all its children, which hold a pipe that ends with the last."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str],
        identity: Mapping[str, Any],
    ) -> None:
        """Start it in a process group of its own, where its log is, which has what it says."""
        read, write = os.pipe()
        held = fcntl.fcntl(write, fcntl.F_DUPFD, 100)  # above the numbers that servers hand on
        self._alive = os.fdopen(read, "rb")
        try:
            with log.open("ab") as said:
                self._process = subprocess.Popen(
                    command, cwd=log.parent, env=environment, **identity, pass_fds=(held,),
                    stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
                )  # fmt: skip
        except BaseException:
            self._alive.close()
            raise
        finally:
            os.close(write)
            os.close(held)

    @property
    def process_id(self) -> int:
        """The first process's id, which is also its process group's."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the first process has not ended by itself."""
        return self._process.poll() is None

    def end(self) -> None:
        """Kill every process; an orderly end takes time and saves nothing that anyone wants."""
        if self._alive.closed:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process_id, signal.SIGKILL)
        self._process.wait()
        with self._alive:
            self._alive.read()


class ServerMissingError(RuntimeError):
    """What a server needs is not installed; the message says how to install it."""


class Ports(NamedTuple):
    """The TCP ports of one server; `imap` and `pop3` are plain, with STARTTLS and STLS if any.

    Nobody listens on those that are not among the server's `services`.
    """

    imap: int
    imaps: int
    pop3: int
    pop3s: int
    lmtp: int


class PrivateServer(ABC):
    """A running server; a context manager that leaves neither process nor file behind."""

    host = LOOPBACK
    services: tuple[str, ...] = ("imap", "imaps", "pop3", "pop3s")
    ports: Ports

    def __init__(self) -> None:
        """Start; raises ServerMissingError where it is not installed."""
        if advice := self.missing():
            raise ServerMissingError(advice)
        self.numbers = itertools.count(1)
        self._daemons: list[Daemon] = []
        name = type(self).__name__.lower()
        self.folder = Path(tempfile.mkdtemp(prefix=f"mailbox-agent-{name}-"))
        self.at_end = ExitStack()
        self.at_end.callback(shutil.rmtree, self.folder)
        try:
            self._log = self.folder / "log"
            self._log.touch()
            give(self.folder, self._log)
            self.furnish()
            self._start()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def missing(self) -> str | None:
        """Say what is not installed, and how to install it."""

    @abstractmethod
    def furnish(self) -> None:
        """Put into the folder what does not depend on the ports."""

    @abstractmethod
    def commands(self) -> list[Command]:
        """Return the programs to start, which listen on `ports`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server with all its children, and remove its folder."""
        self.at_end.close()

    def log(self) -> str:
        """Return what the server said so far; Cyrus tells most of it to syslog only."""
        return self._log.read_text()

    @property
    def process_ids(self) -> list[int]:
        """The first process of each program, whose ids are their process groups' too."""
        return [each.process_id for each in self._daemons]

    def environment(self) -> dict[str, str]:
        """Return the environment of the server's programs."""
        return {"PATH": os.defpath}

    def identity(self) -> dict[str, Any]:
        """Return as whom subprocess runs the server's programs."""
        return as_owner()

    def run(self, *command: str | Path, words: str = "") -> None:
        """Run a program, `words` its input; raises RuntimeError with what it says if it fails."""
        done = subprocess.run(
            command, **self.identity(), cwd=self.folder, env=self.environment(), input=words,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{Path(command[0]).name} failed: {done.stdout}")

    def _start(self) -> None:
        """Start on free ports; another process may take one meanwhile, so try more than once."""
        for _ in range(5):
            self.ports = Ports(*itertools.islice(free_ports(), len(Ports._fields)))
            self._daemons = [self._launch(command) for command in self.commands()]
            if self._is_up():
                return
            for daemon in self._daemons:
                daemon.end()
        raise RuntimeError(f"{type(self).__name__} did not start:\n{self.log()}")

    def _launch(self, command: Command) -> Daemon:
        daemon = Daemon(command, self._log, self.environment(), self.identity())
        self.at_end.callback(daemon.end)
        return daemon

    def _is_up(self) -> bool:
        """Wait until all services listen and IMAP greets; False where a program ended instead."""
        while all(each.running for each in self._daemons):
            try:
                for service in self.services:
                    self._connect(service).close()
                with self._connect("imap") as client:
                    return self._is_own(client.recv(1024))
            except ConnectionError:
                time.sleep(0.01)
        return False

    def _is_own(self, greeting: bytes) -> bool:
        """Whether no other server has the port; Cyrus would go on without its own."""
        return type(self).__name__.encode() in greeting

    def _connect(self, service: str) -> socket.socket:
        return socket.create_connection((self.host, getattr(self.ports, service)), timeout=10)


AnyServer = TypeVar("AnyServer")


def started(kind: Callable[[], AnyServer]) -> AnyServer:
    """Start a server, or skip the test that needs it where it is not installed; CI must have it."""
    try:
        return kind()
    except ServerMissingError as missing:
        if os.environ.get("CI"):
            raise
        raise SkipTest(str(missing)) from missing


def as_owner() -> dict[str, Any]:
    """Return what lets subprocess run a program as the owner, who is never root."""
    if os.getuid() != 0:
        return {}
    return {"user": OWNER.pw_uid, "group": OWNER.pw_gid, "extra_groups": []}


def give(*paths: Path) -> None:
    """Make the owner of the servers the owner of these files."""
    for path in paths:
        os.chown(path, OWNER.pw_uid, OWNER.pw_gid)


def free_ports() -> Iterator[int]:
    """Yield ports that are free now, below the range that outgoing connections use."""
    return (port for port in random.sample(range(20000, 32000), 1000) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
