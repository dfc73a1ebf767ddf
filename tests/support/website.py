"""The agent's web server with a web configuration file, and a client for it."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from agent.config.endpoint import Endpoint
from agent.metrics.page import BLOCK
from agent.web import Guard, Keeper, Server

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from tests.support.certificates import Certificate, Certificates

LOOPBACK = "127.0.0.1"
PATIENCE = 30  # seconds for what takes a moment

# Of the cheapest cost there is; each password is the user's name, twice.
ALICE = "$2b$04$0IpwoQhqSkyB6rD6XE8ave5cQOfP6/Pdjs0kOTsw7yqv4l2yM2PWG"
BOB = "$2y$04$58aRwpFuFqXtiZV3y8o/zeVTMMk1pbsCX4cWI7OCTUEvTg1sg/VTi"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass(slots=True)
class Website:
    """A running server of three pages, with `document` as its web configuration file.

    Ends with its `with` block; fails there where the server does not end.
    """

    folder: Path
    document: dict[str, Any]
    page: bytes = b"page\n"
    server: Server = field(init=False)

    @property
    def file(self) -> Path:
        """The web configuration file."""
        return self.folder / "web.yml"

    def __enter__(self) -> Self:
        self.write(self.document)
        keeper = Keeper(self.file)
        app = Starlette(routes=[Route(path, self._answer) for path in ("/", "/-/healthy")])
        app.add_route("/error", _fail)
        self.server = Server(Guard(app, LOOPBACK, keeper), Endpoint(LOOPBACK, 0), keeper)
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop(PATIENCE)
        assert not self.server._thread.is_alive()

    def write(self, document: dict[str, Any]) -> None:
        """Replace the file; a JSON document is a YAML document."""
        self.file.write_text(json.dumps(document))

    def get(
        self,
        path: str = "/",
        user: str = "",
        *,
        tls: ssl.SSLContext | None = None,
        client: str = LOOPBACK,
        **headers: str,
    ) -> Answer:
        """One request, by a client with this address; `user` is `name:password`."""
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        if user:
            names["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
        with closing(self.connection(tls, client)) as connection:
            connection.request("GET", path, headers=names)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def connection(
        self, tls: ssl.SSLContext | None = None, client: str = LOOPBACK
    ) -> http.client.HTTPConnection:
        """A connection that can carry many requests."""
        where, source = (LOOPBACK, self.server.port), (client, 0)
        if tls is None:
            return http.client.HTTPConnection(*where, timeout=PATIENCE, source_address=source)
        return http.client.HTTPSConnection(
            *where, timeout=PATIENCE, source_address=source, context=tls
        )

    async def _answer(self, _request: Request) -> StreamingResponse:
        chunks = (self.page[start : start + BLOCK] for start in range(0, len(self.page), BLOCK))
        return StreamingResponse(chunks, headers={"Content-Length": str(len(self.page))})


async def _fail(_request: Request) -> PlainTextResponse:
    raise RuntimeError("wonderland")


def trusting(certificates: Certificates, shown: Certificate | None = None) -> ssl.SSLContext:
    """A client that verifies the server, and shows this certificate."""
    context = ssl.create_default_context(cafile=certificates.ca)
    if shown:
        context.load_cert_chain(shown.chain, shown.key)
    return context


def tls(shown: Certificate, **more: Any) -> dict[str, Any]:
    """A configuration with TLS."""
    server = {"cert_file": str(shown.chain), "key_file": str(shown.key)} | more
    return {"tls_server_config": server}
