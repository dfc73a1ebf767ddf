"""The mailboxes of a private Dovecot: made, filled, emptied, for tests, benchmarks and the demo."""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING

from tests.support.daemon import give
from tests.support.dovecot_server import Server
from tests.support.peer import User, kib, message, utf7

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Dovecot", "User"]

_MEBIBYTE = 1024 * 1024


class Dovecot(Server):
    """A running server and its mailboxes; each test makes the ones that it needs."""

    def add(  # noqa: PLR0913 -- one keyword a kind of mailbox
        self,
        name: str | None = None,
        *,
        password: str = "wonderland",
        storage: int | None = None,
        messages: int | None = None,
        archive: int | None = None,
        quota: bool = True,
        fields: str = "",
    ) -> User:
        """Make a new mailbox, its name unique unless given.

        `storage` and `archive` are bytes (whole KiB) of the roots "User quota" and "Archive",
        `messages` is a count; without any the mailbox is unlimited. `quota=False` has no QUOTA
        at all. `fields` are further Dovecot fields, such as `nologin`.
        """
        user = User(name or f"user{next(self.numbers)}", password)
        quotas = _fields(storage, messages, archive, quota=quota)
        (self.folder / "users" / user.name).write_text(_line(user, f"{quotas} {fields}"))
        return user

    def provision(self, count: int, messages: int = 4, size: int = 4096) -> list[User]:
        """Make many mailboxes of 10 MiB, with `messages` of `size` bytes each in INBOX."""
        domain = f"many{next(self.numbers)}.example"
        users = [User(f"user{number}@{domain}", "wonderland") for number in range(count)]
        fields = _fields(10 * _MEBIBYTE, None, None, quota=True)
        lines = (_line(user, fields) for user in users)
        (self.folder / "domains" / domain).write_text("".join(lines))
        for user in users:
            self.store(user, messages=messages, size=size)
        return users

    def store(
        self, user: User, folder: str = "INBOX", *, messages: int = 1, size: int = 4096
    ) -> None:
        """Put messages of `size` bytes straight into the Maildir, past every quota, unread."""
        # W= is the size with CRLF, which spares Dovecot reading the file.
        self.fill(self.maildir(user, folder), messages, message(size), f"S={size},W={size}")

    def deliver(self, user: User, mail: bytes | int) -> None:
        """Deliver one message, or one of that many bytes, through LMTP.

        Raises smtplib.SMTPDataError with code 552 where the mailbox is full.
        """
        body = mail if isinstance(mail, bytes) else message(mail)
        with smtplib.LMTP(self.host, self.ports.lmtp) as lmtp:
            lmtp.sendmail("sender@example.com", [user.name], body)

    def expunge(self, user: User, folder: str = "INBOX") -> None:
        """Remove every message of a folder, as a client that cleans up."""
        self.doveadm("expunge", "-u", user.name, "mailbox", folder, "all")

    def maildir(self, user: User, folder: str) -> Path:
        """Return the folder's Maildir, made where it is missing."""
        home = self.folder / "mail" / user.name
        inbox = home / "Maildir"
        maildir = inbox if folder == "INBOX" else inbox / f".{utf7(folder.replace('/', '.'))}"
        if not (maildir / "new").is_dir():
            wanted = [home, inbox, maildir, *(maildir / part for part in ("cur", "new", "tmp"))]
            for path in wanted:
                path.mkdir(exist_ok=True)
            give(*wanted)
        return maildir


def _line(user: User, fields: str) -> str:
    return f"{user.name}:{{PLAIN}}{user.password}::::::{fields}\n"


def _fields(storage: int | None, messages: int | None, archive: int | None, *, quota: bool) -> str:
    """Return the userdb fields that give a user these quotas."""
    if not quota:
        return "userdb_mail_plugins=notify"  # one that does nothing; an empty value means "yes"
    rules = [f"storage={kib(storage)}K"] if storage is not None else []
    rules += [f"messages={messages}"] if messages is not None else []
    fields = [f"userdb_quota_rule=*:{':'.join(rules)}"] if rules else []
    if archive is not None:
        fields += ["userdb_quota2=count:Archive", f"userdb_quota2_rule=*:storage={kib(archive)}K"]
    return " ".join(fields)
