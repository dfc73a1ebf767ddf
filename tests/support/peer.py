"""The mailboxes of a private mail server, and what a mail client does with them.

Dovecot, Cyrus, Courier and pymap stand on it: one interface, whatever runs below.
"""

from __future__ import annotations

import imaplib
import poplib
import socket
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imapclient import imap_utf7

from tests.support.daemon import PrivateServer, give

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class User:
    """A mailbox that exists on a server."""

    name: str
    password: str


class Peer(PrivateServer):
    """A private mail server with its mailboxes; each test makes the ones that it needs."""

    unrecorded = PrivateServer.host  # where tests' own mail clients connect

    @abstractmethod
    def add(
        self,
        *,
        storage: int | None = None,
        messages: int | None = None,
        password: str = "wonderland",
    ) -> User:
        """Make a new mailbox: `storage` in bytes (whole KiB), `messages` a count.

        Without them it is unlimited; raises ValueError for a limit that the server cannot set.
        """

    def store(
        self, user: User, folder: str = "INBOX", *, messages: int = 1, size: int = 4096
    ) -> None:
        """Put unread messages of `size` octets into a folder, past every quota.

        The folder, whose levels "/" separates, is made where it is missing.
        """
        name = self.wire_name(folder)
        with self.imap(user) as session:
            if session.status(name, "(MESSAGES)")[0] != "OK":
                done(session.create(name))
            done(session.append(name, "", "", message(size)))
            first = int(done(session.select(name, readonly=True))[0])
            stored = 1
            while stored < messages:  # twice as many each time
                more = min(stored, messages - stored)
                done(session.copy(f"{first}:{first + more - 1}", name))
                stored += more

    def fill(self, maildir: Path, messages: int, body: bytes, told: str) -> None:
        """Put new messages straight into a Maildir; `told` is what their file names tell.

        The names are in order, which Courier goes by.
        """
        for _ in range(messages):
            file = maildir / "new" / f"1.{next(self.numbers):09}.test,{told}"
            file.write_bytes(body)
            give(file)

    def delete(self, user: User, folder: str, count: int) -> None:
        """Expunge the first `count` messages of a folder, and no others (RFC 4315, UIDPLUS)."""
        with self.imap(user) as session:
            uids = self._uids(session, folder, count)
            done(session.uid("STORE", uids, "+FLAGS.SILENT", r"(\Deleted)"))
            done(session.uid("EXPUNGE", uids))

    def flag(self, user: User, folder: str, *flags: str) -> None:
        r"""Set flags, such as \Deleted, on every message of a folder."""
        with self.imap(user) as session:
            uids = self._uids(session, folder)
            done(session.uid("STORE", uids, "+FLAGS.SILENT", f"({' '.join(flags)})"))

    def folder_name(self, folder: str) -> str:
        """Return the server's name of a folder, whose levels `folder` separates with "/"."""
        return folder

    def imap(self, user: User) -> imaplib.IMAP4:
        """Return a logged-in plain session, for what a test does as a mail client."""
        session = imaplib.IMAP4(self.unrecorded, self.ports.imap)
        # imaplib sends a message in two pieces, which would wait 40 ms for each other.
        session.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if user.password.isascii():
                session.login(user.name, user.password)
            else:
                session.authenticate("PLAIN", lambda _: f"\0{user.name}\0{user.password}".encode())
        except imaplib.IMAP4.error:
            session.shutdown()
            raise
        return session

    def pop3(self, user: User) -> poplib.POP3:
        """Return a logged-in plain session, for what a test does as a mail client."""
        session = poplib.POP3(self.unrecorded, self.ports.pop3)
        session.user(user.name)
        session.pass_(user.password)
        return session

    def _uids(self, session: imaplib.IMAP4, folder: str, count: int | None = None) -> str:
        """Select a folder, and return the UIDs of its first messages."""
        done(session.select(self.wire_name(folder)))
        uids = bytes(done(session.uid("SEARCH", "ALL"))[0]).split()
        return b",".join(uids[:count]).decode()

    def wire_name(self, folder: str) -> str:
        """Return a folder's name as it crosses the wire: quoted, in modified UTF-7."""
        return f'"{utf7(self.folder_name(folder))}"'


def message(size: int) -> bytes:
    """Return a message of exactly `size` octets, at least 50, with CRLF line ends."""
    head = b"From: sender@example.com\r\nSubject: test\r\n\r\n"
    line = b"x" * 70 + b"\r\n"
    whole, odd = divmod(size - len(head) - 2, len(line))
    return head + line * whole + b"x" * odd + b"\r\n"


def kib(size: int) -> int:
    """Return bytes as the unit of IMAP's STORAGE; raises ValueError if they are no whole KiB."""
    if size % 1024:
        raise ValueError(f"{size} bytes are no whole KiB, which is the unit of IMAP's STORAGE")
    return size // 1024


def utf7(name: str) -> str:
    """Return a folder's name in modified UTF-7 (RFC 3501, section 5.1.3)."""
    return bytes(imap_utf7.encode(name)).decode()


def done(answer: tuple[str, Sequence[Any]]) -> Sequence[Any]:
    """Return the data of a command that succeeded; raises imaplib.IMAP4.error for any other."""
    word, data = answer
    if word != "OK":
        raise imaplib.IMAP4.error(f"{word}: {data}")
    return data
