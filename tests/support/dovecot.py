"""A private Dovecot 2.3 on the loopback, with quotas, for the tests, the benchmarks and the demo.

It always runs as an ordinary user: as the caller, or as `nobody` where the caller is root.
Everything it writes lies in one temporary folder, which goes when the server ends.
"""

from __future__ import annotations

import grp
import imaplib
import itertools
import os
import pwd
import random
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.support.certificates import Certificates
from tests.support.dovecot_conf import configuration

if TYPE_CHECKING:
    from collections.abc import Iterable

HOW_TO_INSTALL = {
    "dovecot": "apt-get install dovecot-imapd dovecot-pop3d dovecot-lmtpd",
    "openssl": "apt-get install openssl",
}
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
_MEBIBYTE = 1024 * 1024


class ServerMissing(RuntimeError):
    """Dovecot or openssl is not installed; the message says how to install it."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The TCP ports of one server; `imap` and `pop3` are plain with STARTTLS and STLS."""

    imap: int
    imaps: int
    pop3: int
    pop3s: int
    lmtp: int


@dataclass(frozen=True, slots=True)
class User:
    """A mailbox that exists on the server."""

    name: str
    password: str


class Dovecot:
    """A running server; a context manager that leaves neither process nor file behind.

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
                raise ServerMissing(f"{program} is not installed: {word}")
        self._logins = logins
        self._owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self._numbers = itertools.count(1)
        self.folder = Path(tempfile.mkdtemp(prefix="mailbox-agent-dovecot-"))
        try:
            self._furnish()
            self._start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server by its process id, with its children, and remove its folder."""
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def process_id(self) -> int:
        """The master's process id, which is also its process group's."""
        return self._process.pid

    @property
    def process_id(self) -> int:
        """The master's process id, which is also its process group's."""
        return self._process.pid

    def log(self) -> str:
        """Return the server's log so far."""
        log = self.folder / "log"
        return log.read_text() if log.exists() else ""

    # --- mailboxes -------------------------------------------------------------------------

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
        user = User(name or f"user{next(self._numbers)}", password)
        quotas = _fields(storage, messages, archive, quota=quota)
        (self.folder / "users" / user.name).write_text(_line(user, f"{quotas} {fields}"))
        return user

    def provision(self, count: int, messages: int = 4, size: int = 4096) -> list[User]:
        """Make many mailboxes of 10 MiB, with `messages` of `size` bytes each in INBOX."""
        domain = f"many{next(self._numbers)}.example"
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
        maildir = self._maildir(user, folder)
        body = message(size)
        for _ in range(messages):
            # W= is the size with CRLF, which spares Dovecot reading the file.
            file = maildir / "new" / f"1.{next(self._numbers)}.test,S={size},W={size}"
            file.write_bytes(body)
            os.chown(file, self._owner.pw_uid, self._owner.pw_gid)

    def deliver(self, user: User, mail: bytes | int) -> None:
        """Deliver one message, or one of that many bytes, through LMTP.

        Raises smtplib.SMTPDataError with code 552 where the mailbox is full.
        """
        body = mail if isinstance(mail, bytes) else message(mail)
        with smtplib.LMTP(self.host, self.ports.lmtp) as lmtp:
            lmtp.sendmail("sender@example.com", [user.name], body)

    def expunge(self, user: User, folder: str = "INBOX") -> None:
        """Remove every message of a folder, as a client that cleans up."""
        self._doveadm("expunge", "-u", user.name, "mailbox", folder, "all")

    def imap(self, user: User) -> imaplib.IMAP4:
        """Return a logged-in plain session, for what a test does as a mail client."""
        session = imaplib.IMAP4(self.host, self.ports.imap)
        try:
            session.login(user.name, user.password)
        except imaplib.IMAP4.error:
            session.shutdown()
            raise
        return session

    # --- inside ----------------------------------------------------------------------------

    def _furnish(self) -> None:
        self.certificates = Certificates.make(self.folder)
        for name in ("users", "domains", "mail"):
            (self.folder / name).mkdir()
        self._give(self.folder, *self.folder.iterdir())

    def _give(self, *paths: Path) -> None:
        for path in paths:
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def _start(self) -> None:
        """Start on free ports; another process may take one meanwhile, so try more than once."""
        for _ in range(5):
            self.ports = _free_ports()
            (self.folder / "dovecot.conf").write_text(self._configuration())
            self._process = subprocess.Popen(
                self._command("dovecot", "-F"), **self._as_owner(),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
            if self._listens():
                return
        raise RuntimeError(f"Dovecot did not start:\n{self.log()}")

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

    def _listens(self) -> bool:
        """Wait until the server greets; False where it ended instead."""
        while self._process.poll() is None:
            try:
                with socket.create_connection((self.host, self.ports.imap), timeout=10) as client:
                    return client.recv(4) == b"* OK"
            except ConnectionError:
                time.sleep(0.01)
        return False

    def _command(self, program: str, *arguments: str) -> list[str]:
        path = shutil.which(program, path=_PATH) or program
        return [path, "-c", str(self.folder / "dovecot.conf"), *arguments]

    def _as_owner(self) -> dict[str, Any]:
        if os.getuid() != 0:
            return {}
        return {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}

    def _doveadm(self, *arguments: str) -> None:
        done = subprocess.run(
            self._command("doveadm", *arguments), **self._as_owner(),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"doveadm {arguments[0]} failed: {done.stderr}")

    def _maildir(self, user: User, folder: str) -> Path:
        """Return the folder's Maildir, made where it is missing."""
        home = self.folder / "mail" / user.name
        inbox = home / "Maildir"
        maildir = inbox if folder == "INBOX" else inbox / f".{folder.replace('/', '.')}"
        if not (maildir / "new").is_dir():
            wanted = [home, inbox, maildir, *(maildir / part for part in ("cur", "new", "tmp"))]
            for path in wanted:
                path.mkdir(exist_ok=True)
            self._give(*wanted)
        return maildir


def message(size: int) -> bytes:
    """Return a message of exactly `size` octets, at least 50, with CRLF line ends."""
    head = b"From: sender@example.com\r\nSubject: test\r\n\r\n"
    line = b"x" * 70 + b"\r\n"
    rest = size - len(head)
    whole, odd = divmod(rest - 2, len(line))
    return head + line * whole + b"x" * odd + b"\r\n"


def _line(user: User, fields: str) -> str:
    return f"{user.name}:{{PLAIN}}{user.password}::::::{fields}\n"


def _fields(storage: int | None, messages: int | None, archive: int | None, *, quota: bool) -> str:
    """Return the userdb fields that give a user these quotas."""
    if not quota:
        return "userdb_mail_plugins=notify"  # one that does nothing; an empty value means "yes"
    rules = [f"storage={_kib(storage)}"] if storage is not None else []
    rules += [f"messages={messages}"] if messages is not None else []
    fields = [f"userdb_quota_rule=*:{':'.join(rules)}"] if rules else []
    if archive is not None:
        fields += ["userdb_quota2=count:Archive", f"userdb_quota2_rule=*:storage={_kib(archive)}"]
    return " ".join(fields)


def _kib(size: int) -> str:
    if size % 1024:
        raise ValueError(f"{size} bytes are no whole KiB, which is the unit of IMAP's STORAGE")
    return f"{size // 1024}K"


def _free_ports() -> Ports:
    """Return ports that are free now, below the range that outgoing connections use."""
    free = (port for port in random.sample(range(20000, 32000), 1000) if _is_free(port))
    return Ports(*itertools.islice(free, 5))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((Dovecot.host, port))
        except OSError:
            return False
        return True
