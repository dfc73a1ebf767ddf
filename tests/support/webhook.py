"""A webhook that really listens: it records what it gets and answers as told."""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Event, Thread
from typing import Any, Literal, Self

Trouble = Literal["ok", "hang", "drip", "reset"]
OK: Trouble = "ok"
HANG: Trouble = "hang"  # reads the request and says nothing until released
DRIP: Trouble = "drip"  # one byte of the answer now and then, until released
RESET: Trouble = "reset"  # reads the request and breaks the connection
DRIP_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with headers."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


class Webhook:
    """Serve on a free port of 127.0.0.1 while the `with` block runs.

    `script` holds the answers to come, in order; when it is empty every request is accepted.
    `requests` gets the JSON body of each request as it arrives, for a GET its path; `headers` its
    headers.
    """

    def __init__(self, *script: Answer | Trouble) -> None:
        self.script: Queue[Answer | Trouble] = Queue()
        for answer in script:
            self.script.put(answer)
        self.requests: Queue[dict[str, Any]] = Queue()
        self.headers: Queue[dict[str, str]] = Queue()
        self.release = Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.webhook = self
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The Apprise URL of this webhook."""
        return f"json://127.0.0.1:{self._server.server_port}/hook"

    @property
    def address(self) -> str:
        """Its web address, without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def next(self) -> dict[str, Any]:
        """The next request; fails where none comes."""
        return self.requests.get(timeout=20)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    webhook: Webhook

    def handle_error(self, *_: object) -> None:
        """Clients that are killed or give up are what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def do_GET(self) -> None:
        self._serve({"path": self.path})

    def _serve(self, body: dict[str, Any]) -> None:
        webhook = self.server.webhook
        webhook.headers.put(dict(self.headers))
        answer = OK if webhook.script.empty() else webhook.script.get()
        webhook.requests.put(body)
        self.close_connection = True
        match answer:
            case Answer(status, headers):
                self._answer(status, headers)
            case "ok":
                self._answer(200, {})
            case "hang":
                webhook.release.wait()
                self._answer(200, {})
            case "drip":
                self._drip(webhook.release)
            case "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _drip(self, release: Event) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not release.wait(DRIP_SECONDS):
            self.wfile.write(b"x")
        self.wfile.write(b"\r\nContent-Length: 0\r\n\r\n")
