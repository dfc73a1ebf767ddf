"""Where the demo's notifications arrive: a small web server, as a chat's webhook would be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Thread
from typing import Self


class Kind(StrEnum):
    """What a notification says, in the demo's three words."""

    WARNING = "warning"
    ESCALATION = "escalation"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification as a receiver sees it."""

    title: str
    message: str
    level: str

    @property
    def kind(self) -> Kind:
        """Read as a person reads the title."""
        if "got worse" in self.title:
            return Kind.ESCALATION
        return Kind.RECOVERY if "recovered" in self.title else Kind.WARNING


class Sink:
    """A context manager; `notices` is a queue of what has arrived."""

    def __init__(self) -> None:
        self.notices: SimpleQueue[Notice] = SimpleQueue()
        notices = self.notices

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                notices.put(Notice(told["title"], told["message"], told["type"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing: the demo prints what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """The receiver's URL, in Apprise's words."""
        return f"json://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
