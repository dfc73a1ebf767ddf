"""A private Courier with IMAP and POP3: Debian's programs and settings, unpacked beside Dovecot.

`scripts/servers/courier` puts them into .venv. What the tests have instead of Courier's own is the
authentication daemon and the file monitor (see `courier_daemons`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.courier_daemons import Authentication, FileMonitor
from tests.support.daemon import OWNER, Command, give
from tests.support.peer import Peer, User, message

INSTALLED = Path(__file__).parents[2] / ".venv/servers/courier"

# No locks: with them, imapd would wait for news of the file monitor, which has none.
_RUN = '. "$0"; IMAP_USELOCKS=0; exec bin/couriertcpd "$@"'


class Courier(Peer):
    """A running Courier and its mailboxes; each test makes the ones that it needs."""

    services = ("imap", "pop3")

    def missing(self) -> str | None:
        return (
            None if INSTALLED.is_dir() else "Courier is not installed: run scripts/servers/courier"
        )

    def furnish(self) -> None:
        # A copy, since the server's user may not be able to look into the checkout.
        shutil.copytree(INSTALLED, self.folder, symlinks=True, dirs_exist_ok=True)
        (self.folder / "mail").mkdir()
        self._quotas: dict[str, str] = {}
        self._accounts: dict[tuple[str, str], str] = {}
        socket = self.folder / "auth.socket"
        self.at_end.callback(Authentication(socket, self._accounts).end)
        self.at_end.callback(FileMonitor(OWNER.pw_name, self.folder.name).end)
        give(self.folder, self.folder / "mail", socket)

    def commands(self) -> list[Command]:
        return [
            self._listening("imapd", self.ports.imap, "imaplogin", "imapd"),
            self._listening("pop3d", self.ports.pop3, "courierpop3login", "courierpop3d"),
        ]

    def environment(self) -> dict[str, str]:
        own = {"LD_LIBRARY_PATH": f"{self.folder}/lib", "GAM_CLIENT_ID": self.folder.name}
        return super().environment() | own

    def add(
        self,
        *,
        storage: int | None = None,
        messages: int | None = None,
        password: str = "wonderland",
    ) -> User:
        user = User(f"user{next(self.numbers)}", password)
        home = self.folder / "mail" / user.name
        home.mkdir()
        give(home)
        self._maildirmake(home / "Maildir")
        self._open(home / "Maildir")
        limits = {"S": storage, "C": messages}
        self._quotas[user.name] = ",".join(
            f"{limit}{unit}" for unit, limit in limits.items() if limit is not None
        )
        self._count(user)
        self._accounts[user.name, password] = (
            f"UID={OWNER.pw_uid}\nGID={OWNER.pw_gid}\nHOME={home}\nADDRESS={user.name}\n.\n"
        )
        return user

    def store(
        self, user: User, folder: str = "INBOX", *, messages: int = 1, size: int = 4096
    ) -> None:
        """Put unread messages of `size` octets straight into the Maildir, past every quota.

        Courier keeps lines without CR, and its quota counts what it keeps.
        """
        body = message(size).replace(b"\r\n", b"\n")
        self.fill(self._maildir(user, folder), messages, body, f"S={len(body)}")
        self._count(user)

    def folder_name(self, folder: str) -> str:
        return folder if folder == "INBOX" else f"INBOX.{folder.replace('/', '.')}"

    def _listening(self, settings: str, port: int, login: str, session: str) -> Command:
        """Return what starts one protocol's server as Debian's own script does."""
        limits = ["-maxprocs=40", "-maxperip=40", "-nodnslookup", "-noidentlookup"]
        programs = [f"{self.folder}/bin/{program}" for program in (login, session)]
        return [
            "/bin/sh", "-ac", _RUN, f"etc/{settings}",
            f"-address={self.host}", *limits, str(port), *programs, "Maildir",
        ]  # fmt: skip

    def _maildir(self, user: User, folder: str) -> Path:
        """Return the folder's Maildir, made where it is missing."""
        inbox = self.folder / "mail" / user.name / "Maildir"
        if folder == "INBOX":
            return inbox
        name = folder.replace("/", ".")
        maildir = inbox / f".{name}"
        if not maildir.is_dir():
            self._maildirmake("-f", name, inbox)
            self._open(maildir)
        return maildir

    def _open(self, maildir: Path) -> None:
        """Leave behind what a mail client's first SELECT does: UIDs are kept from now on.

        Until then Courier numbers all messages anew each time, and the time is their UIDVALIDITY.
        """
        uids = maildir / "courierimapuiddb"
        uids.write_text(f"1 {next(self.numbers)} 1\n")
        give(uids)

    def _count(self, user: User) -> None:
        """Set the quota, which counts anew what the Maildir holds."""
        if quota := self._quotas[user.name]:
            self._maildirmake("-q", quota, self.folder / "mail" / user.name / "Maildir")

    def _maildirmake(self, *arguments: str | Path) -> None:
        self.run(self.folder / "bin/maildirmake.courier", *arguments)
