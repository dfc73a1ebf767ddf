"""A private pymap: an IMAP server without any extension that helps to count or to measure."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.peer import Peer, User

if TYPE_CHECKING:
    from tests.support.daemon import Command

PACKAGE = "pymap"
_PROGRAM = Path(__file__).with_name("pymap_program.py")


class Pymap(Peer):
    """A running pymap and its mailboxes; it has neither quotas nor POP3."""

    services = ("imap",)

    def missing(self) -> str | None:
        return None if find_spec(PACKAGE) else "pymap is not installed: run make setup"

    def furnish(self) -> None:
        self._users = self.folder / "users"
        self._users.mkdir()

    def commands(self) -> list[Command]:
        listen = ("--host", self.host, "--port", str(self.ports.imap), "--no-tls")
        return [[sys.executable, _PROGRAM, *listen, "files", self._users]]

    def environment(self) -> dict[str, str]:
        """Return the name by which it greets; without one it would ask the DNS each time."""
        return super().environment() | {"FQDN": "Pymap"}

    def identity(self) -> dict[str, Any]:
        """Run as the caller: the server's user may not be able to look into .venv."""
        return {}

    def add(
        self,
        *,
        storage: int | None = None,
        messages: int | None = None,
        password: str = "wonderland",
    ) -> User:
        if storage is not None or messages is not None:
            raise ValueError("pymap has no quotas")
        user = User(f"user{next(self.numbers)}", password)
        (self._users / user.name).write_text(password)
        return user
