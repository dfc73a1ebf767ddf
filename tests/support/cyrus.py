"""A private Cyrus 3.6: Debian's programs, unpacked beside Dovecot by `scripts/servers/cyrus`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import cyrus_conf
from tests.support.certificates import Certificates
from tests.support.cyrus_conf import ADMINISTRATOR, REALM
from tests.support.daemon import OWNER, Command, give
from tests.support.peer import Peer, User, done, kib

if TYPE_CHECKING:
    import imaplib

HOME = Path(__file__).parents[2] / ".venv/servers/cyrus"


class Cyrus(Peer):
    """A running Cyrus and its mailboxes; each test makes the ones that it needs."""

    def __init__(self, popminpoll: int = 0, *, prefix: bool = False) -> None:
        """Start; `popminpoll` minutes must lie between two POP3 logins of a user.

        With `prefix` all folders lie below INBOX, levels are separated by dots, and shared folders
        begin with nothing, as Debian has it.
        """
        self._popminpoll = popminpoll
        self._prefix = prefix
        self._limits: dict[str, str] = {}
        super().__init__()

    def missing(self) -> str | None:
        return None if HOME.is_dir() else "Cyrus is not installed: run scripts/servers/cyrus"

    def furnish(self) -> None:
        self._home = self._reachable()
        self.certificates = Certificates.make(self.folder)
        (self.folder / "imapd.conf").write_text(
            cyrus_conf.mailboxes(
                self.folder, OWNER, self.certificates.good, self._popminpoll, prefix=self._prefix
            )
        )
        (self.folder / "config/socket").mkdir(parents=True)
        (self.folder / "mail").mkdir()
        give(self.folder / "config/socket", *self.folder.iterdir())
        self._set_password(User(ADMINISTRATOR, ADMINISTRATOR))

    def commands(self) -> list[Command]:
        programs = self._home / "usr/lib/cyrus/bin"
        services = self.folder / "cyrus.conf"
        services.write_text(
            cyrus_conf.services(self.folder, programs, self.host, self.ports._asdict())
        )
        files = ("-C", self.folder / "imapd.conf", "-M", services, "-p", self.folder / "pid")
        return [[programs / "master", "-D", *files]]

    def environment(self) -> dict[str, str]:
        """Return where the programs find what was unpacked beside them, before the system's."""
        libraries = [*self._home.glob("usr/lib/*-*"), *self._home.glob("lib/*-*")]
        plugins = [
            folder for root in (self._home, Path("/")) for folder in root.glob("usr/lib/*-*/sasl2")
        ]
        return {
            "LD_LIBRARY_PATH": ":".join(str(folder) for folder in libraries),
            "SASL_PATH": ":".join(str(folder) for folder in plugins),
        }

    def add(
        self,
        *,
        storage: int | None = None,
        messages: int | None = None,
        password: str = "wonderland",
        root: bool = True,
    ) -> User:
        """Make a new mailbox with Sent, Drafts, Junk and Trash.

        Without limits there is a quota root all the same; `root=False` has none, and INBOX only,
        as an administrator makes it.
        """
        user = User(f"user{next(self.numbers)}", password)
        self._set_password(user)
        limits = [f"STORAGE {kib(storage)}"] if storage is not None else []
        limits += [f"MESSAGE {messages}"] if messages is not None else []
        self._limits[user.name] = f"({' '.join(limits)})"
        if not root:
            with self.administrator() as administrator:
                done(administrator.create(self.mailbox(user)))
        self.imap(user).logout()  # the first login makes what is not there
        if limits:
            self._limit(user, self._limits[user.name])
        return user

    def store(
        self, user: User, folder: str = "INBOX", *, messages: int = 1, size: int = 4096
    ) -> None:
        limits = self._limits[user.name]
        if limits != "()":
            self._limit(user, "()")
        super().store(user, folder, messages=messages, size=size)
        if limits != "()":
            self._limit(user, limits)

    def folder_name(self, folder: str) -> str:
        if folder == "INBOX" or not self._prefix:
            return folder
        return f"INBOX.{folder.replace('/', '.')}"

    def administrator(self) -> imaplib.IMAP4:
        """Return a logged-in plain session of who may do everything to every mailbox."""
        return self.imap(User(ADMINISTRATOR, ADMINISTRATOR))

    def mailbox(self, user: User) -> str:
        """Return what an administrator calls a user's mailbox."""
        return f"user.{user.name}" if self._prefix else f"user/{user.name}"

    def _limit(self, user: User, limits: str) -> None:
        with self.administrator() as administrator:
            done(administrator.setquota(self.mailbox(user), limits))

    def _set_password(self, user: User) -> None:
        """Let a user log in; raises RuntimeError where the password is refused."""
        where = ("-f", self.folder / "sasldb2", "-u", REALM)
        program = self._home / "usr/sbin/saslpasswd2"
        self.run(program, "-p", "-c", *where, user.name, words=user.password)

    def _reachable(self) -> Path:
        """Return where the programs are: a copy, where root's checkout is closed to others."""
        if os.getuid() != 0 or all(each.stat().st_mode & 0o001 for each in HOME.parents):
            return HOME
        return shutil.copytree(HOME, self.folder / "home", symlinks=True)
