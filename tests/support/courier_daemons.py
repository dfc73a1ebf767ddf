"""The two daemons that Courier's programs ask, as threads of the test process.

Courier's own belong to the whole system: they want /etc/courier, /run/courier and root.
"""

from __future__ import annotations

import socketserver
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME_SIZE = 108  # of sun_path, see unix(7): libgamin names an abstract socket by all of it


class Daemon(socketserver.ThreadingUnixStreamServer):
    """A daemon on a Unix socket, at work from its construction until `end`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, handler: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(address, handler)
        self._thread = Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop listening."""
        self.shutdown()
        self._thread.join()
        self.server_close()


class Authentication(Daemon):
    """What authdaemond is: says whose mailbox a name and a password open, if any.

    The conversation is the one that authlib documents as "the authpipe protocol".
    """

    def __init__(self, path: Path, accounts: Mapping[tuple[str, str], str]) -> None:
        """Listen at `path`; `accounts` has the answer for each name and password, read live."""
        self.accounts = accounts
        super().__init__(str(path), _Login)


class _Login(socketserver.StreamRequestHandler):
    """One request: lines, the last of which is "AUTH" with the number of octets that follow."""

    server: Authentication

    def handle(self) -> None:
        for line in self.rfile:
            verb, _, size = line.partition(b" ")
            if verb == b"AUTH":
                _service, _kind, name, password, *_ = (
                    self.rfile.read(int(size)).decode().split("\n")
                )
                self.wfile.write(self.server.accounts.get((name, password), "FAIL\n").encode())
                return


class FileMonitor(Daemon):
    """What famd is, but without any news: every imapd looks for it, for a second if in vain."""

    def __init__(self, user: str, client: str) -> None:
        """Listen where libgamin looks as that user of the system, with that GAM_CLIENT_ID."""
        super().__init__(f"\0/tmp/fam-{user}-{client}".ljust(_NAME_SIZE, "\0"), _Silence)


class _Silence(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.rfile.read()
