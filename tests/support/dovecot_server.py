"""The programs of a private Dovecot 2.3: what they need, how they start, and what they wrote down.

It always runs as an ordinary user: as the caller, or as `nobody` where the caller is root.
"""

from __future__ import annotations

import grp
import os
import shutil

from tests.support.certificates import LATE, Certificates
from tests.support.daemon import OWNER, Command, ServerMissingError, give
from tests.support.dovecot_conf import configuration, oauth2
from tests.support.peer import Peer
from tests.support.provider import Provider
from tests.support.recorded import hear_rawlogs

__all__ = ["Server", "ServerMissingError"]

HOW_TO_INSTALL = {
    "dovecot": "apt-get install dovecot-imapd dovecot-pop3d dovecot-lmtpd",
    "openssl": "apt-get install openssl",
}
MECHANISMS = "plain login cram-md5 apop scram-sha-256 xoauth2 oauthbearer"
_ADDRESSES = ("host", "expired", "other", "strict", "poor", "bare", "unrecorded")
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"


class Server(Peer):
    """A running Dovecot.

    Its addresses show several servers: `host` is well made; `expired` and `other` show certificates
    that ended or name another host; `strict` refuses to log in without TLS (LOGINDISABLED);
    `poor` announces QUOTA, but no LIST-STATUS, STATUS=SIZE or SPECIAL-USE, and `bare` nothing at
    all. `unrecorded` is `host` for tests' own mail clients, which may do what an agent must not.
    """

    expired = "127.0.0.2"
    other = "127.0.0.3"
    strict = "127.0.0.4"
    poor = "127.0.0.5"
    bare = "127.0.0.6"
    unrecorded = "127.0.0.7"
    services = (*Peer.services, "lmtp")
    certificate_ends = LATE

    def __init__(
        self, logins: int = 1, *, recorded: bool = False, mechanisms: str = MECHANISMS
    ) -> None:
        """Start with `logins` processes each for IMAP and POP3 logins; two for throughput.

        With `recorded` all that agents sent is judged when the server ends. `mechanisms` are the
        ways to log in (SASL) that it offers.
        """
        self._mechanisms = mechanisms
        self._logins = logins
        self._recorded = recorded
        super().__init__()

    def missing(self) -> str | None:
        for program, word in HOW_TO_INSTALL.items():
            if shutil.which(program, path=_PATH) is None:
                return f"{program} is not installed: {word}"
        return None

    def furnish(self) -> None:
        self.certificates = Certificates.make(self.folder, self.certificate_ends)
        for name in ("users", "domains", "mail", *(["wire"] if self._recorded else [])):
            (self.folder / name).mkdir()
        give(*self.folder.iterdir())
        provider = self.at_end.enter_context(Provider())
        (self.folder / "oauth2.conf").write_text(oauth2(f"{provider.address}/introspect"))
        self.at_end.callback(hear_rawlogs, self.folder / "wire")

    def commands(self) -> list[Command]:
        text = configuration(
            self.folder,
            account=(OWNER.pw_name, grp.getgrgid(OWNER.pw_gid).gr_name),
            certificates=self.certificates,
            ports=self.ports._asdict(),
            addresses={name: getattr(self, name) for name in _ADDRESSES},
            logins=self._logins,
            mechanisms=self._mechanisms,
        )
        (self.folder / "dovecot.conf").write_text(text)
        return [self._command("dovecot", "-F")]

    def doveadm(self, *arguments: str) -> None:
        """Run one administrative command; raises RuntimeError with its words if it fails."""
        self.run(*self._command("doveadm", *arguments))

    def _command(self, program: str, *arguments: str) -> Command:
        path = shutil.which(program, path=_PATH) or program
        return [path, "-c", self.folder / "dovecot.conf", *arguments]
