"""The endpoints through a real server and real sockets, bad clients included."""

from __future__ import annotations

import gzip
import http.client
import socket
import struct
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from agent.config.endpoint import Endpoint
from agent.web import Guard, Keeper, ListenError, Server, build
from agent.web.connection import MOST_CONNECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LOOPBACK = "127.0.0.1"
PIECE = 256 * 1024
BIG = b"x" * 80 * PIECE


class Agent:
    """What the application shows, settable by a test."""

    def __init__(self) -> None:
        self.page = b"page 1\n"
        self.health: Mapping[str, str | None] = {"schedule": None, "store": None}
        self.ready = False
        self.asked = 0  # pages
        self.drawn = 0  # pieces of the last one
        self.check: Callable[[], Mapping[str, str | None]] = lambda: self.health

    def render(self, openmetrics: bool) -> Iterator[bytes]:  # noqa: FBT001  the app's contract
        self.asked += 1
        return self._draw(openmetrics)

    def _draw(self, openmetrics: bool) -> Iterator[bytes]:  # noqa: FBT001  as above
        self.drawn = 0
        for start in range(0, len(self.page), PIECE):
            yield self.page[start : start + PIECE]
            self.drawn += 1
        yield b"# EOF\n" if openmetrics else b""


def made(agent: Agent, port: int = 0, *, listen_host: str = LOOPBACK) -> Server:
    app = build(agent.render, agent.check, lambda: agent.ready, [])
    keeper = Keeper(None)
    return Server(Guard(app, listen_host, keeper), Endpoint(LOOPBACK, port), keeper)


@contextmanager
def serving(agent: Agent, listen_host: str = LOOPBACK) -> Iterator[Server]:
    server = made(agent, listen_host=listen_host)
    server.start()
    try:
        yield server
    finally:
        server.stop(10)
        assert not server._thread.is_alive()


@pytest.fixture
def agent() -> Agent:
    return Agent()


@pytest.fixture
def server(agent: Agent) -> Iterator[Server]:
    with serving(agent) as server:
        yield server


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


def get(server: Server, path: str, method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection(LOOPBACK, server.port, timeout=10)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=names)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def connect(server: Server) -> socket.socket:
    return socket.create_connection((LOOPBACK, server.port), timeout=10)


def test_metrics_are_text_by_default_and_openmetrics_on_request(server: Server) -> None:
    text = get(server, "/metrics")
    assert (text.status, text.body) == (200, b"page 1\n")
    assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert text.headers["vary"] == "Accept, Accept-Encoding"
    openmetrics = get(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert openmetrics.body == b"page 1\n# EOF\n"
    assert openmetrics.headers["content-type"] == (
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    )


def test_metrics_are_compressed_where_accepted(agent: Agent, server: Server) -> None:
    agent.page = b"page\n" * 100_000
    answer = get(server, "/metrics", Accept_Encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == agent.page
    agent.page = BIG
    assert gzip.decompress(get(server, "/metrics", Accept_Encoding="gzip").body) == BIG
    assert get(server, "/metrics", Accept_Encoding="gzip;q=0").body == agent.page


def test_head_has_the_headers_and_draws_no_page(agent: Agent, server: Server) -> None:
    agent.page = BIG
    answer = get(server, "/metrics", method="HEAD", Accept_Encoding="gzip")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-encoding"] == "gzip"
    assert agent.asked == 0


def test_a_page_is_drawn_no_faster_than_it_is_read(agent: Agent, server: Server) -> None:
    agent.page = BIG
    with connect(server) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(15) == b"HTTP/1.1 200 OK"
        for _ in range(3):  # answers of others pass the one that waits
            assert get(server, "/-/ready").status == 503
        assert agent.drawn < 60


def test_health_names_every_check_and_fails_with_one(agent: Agent, server: Server) -> None:
    answer = get(server, "/-/healthy")
    assert (answer.status, answer.body) == (200, b"schedule: ok\nstore: ok\n")
    agent.health = {"schedule": None, "store": "disk full; 3 polls unrecorded"}
    answer = get(server, "/-/healthy")
    assert (answer.status, answer.body) == (
        503,
        b"schedule: ok\nstore: disk full; 3 polls unrecorded\n",
    )


def test_ready_only_after_the_first_sweep(agent: Agent, server: Server) -> None:
    answer = get(server, "/-/ready")
    assert (answer.status, answer.body) == (503, b"not ready\n")
    agent.ready = True
    answer = get(server, "/-/ready")
    assert (answer.status, answer.body) == (200, b"ready\n")


@pytest.mark.parametrize("path", ["/metrics", "/-/healthy", "/-/ready", "/nowhere"])
def test_no_answer_is_cached_or_guessed_at(server: Server, path: str) -> None:
    answer = get(server, path)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers


def test_unknown_paths_and_methods_are_refused(server: Server) -> None:
    assert get(server, "/nowhere").status == 404
    assert get(server, "/metrics/").status == 404
    answer = get(server, "/metrics", method="POST")
    assert answer.status == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:9143", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:9143", 200),
        ("[::1]:9143", 200),
        ("192.0.2.7", 200),
        ("attacker.example", 421),
        ("127.0.0.1.attacker.example:9143", 421),
        ("localhost.attacker.example", 421),
        ("[::1].attacker.example", 421),
    ],
)
def test_on_loopback_only_our_own_names_are_answered(
    server: Server, host: str, status: int
) -> None:
    assert get(server, "/metrics", Host=host).status == status


def test_elsewhere_any_name_is_answered(agent: Agent) -> None:
    with serving(agent, listen_host="0.0.0.0") as server:
        assert get(server, "/metrics", Host="mailbox-agent:9143").status == 200


def test_silent_and_half_spoken_clients_delay_no_scrape_and_no_stop(agent: Agent) -> None:
    with serving(agent) as server:
        clients = [connect(server) for _ in range(100)]
        try:
            for client in clients[:50]:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: local")
            assert get(server, "/metrics").body == b"page 1\n"
            server.stop(10)
            assert not server._thread.is_alive()
        finally:
            for client in clients:
                client.close()


def test_clients_that_do_not_read_delay_no_scrape_and_no_stop(
    agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    agent.page = BIG
    with serving(agent) as server:
        clients = [connect(server) for _ in range(3)]
        try:
            for client in clients:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert client.recv(15) == b"HTTP/1.1 200 OK"
            assert get(server, "/metrics").body == BIG
            server.stop(10)
            assert not server._thread.is_alive()
            assert caplog.records == []
        finally:
            for client in clients:
                client.close()


def test_a_client_that_goes_away_within_an_answer_ends_it_without_a_word(
    agent: Agent, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    agent.page = BIG
    for _ in range(3):
        with connect(server) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(15) == b"HTTP/1.1 200 OK"
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    state = server._uvicorn.server_state
    end = time.monotonic() + 30
    while state.connections or state.tasks:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert caplog.records == []


def test_one_client_too_many_costs_the_longest_silent_its_place(server: Server) -> None:
    clients = [connect(server) for _ in range(MOST_CONNECTIONS)]
    try:
        assert get(server, "/metrics").body == b"page 1\n"
        assert clients[0].recv(1) == b""
        clients[-1].sendall(b"GET /-/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert clients[-1].recv(12) == b"HTTP/1.1 503"
    finally:
        for client in clients:
            client.close()


def test_a_burst_of_clients_leaves_no_more_than_the_most_allowed(agent: Agent) -> None:
    gate, asked = threading.Event(), threading.Event()

    def health() -> dict[str, str | None]:
        asked.set()
        gate.wait(10)
        return {}

    agent.check = health
    with serving(agent) as server, connect(server) as first:
        first.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
        asked.wait(10)
        clients = [connect(server) for _ in range(2 * MOST_CONNECTIONS)]
        gate.set()
        assert get(server, "/metrics").status == 200
        assert len(server._uvicorn.server_state.connections) <= MOST_CONNECTIONS
        for client in clients:
            client.close()


@pytest.mark.parametrize("spoken", [b"", b"GET / HTTP/1.1\r\nHost: local"])
def test_a_request_that_never_ends_is_dropped(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, spoken: bytes
) -> None:
    monkeypatch.setattr("agent.web.connection.PATIENCE", 0.05)
    with serving(agent) as server, connect(server) as client:
        client.sendall(spoken)
        assert client.recv(1) == b""


def test_a_connection_serves_many_requests(server: Server) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, server.port, timeout=10)
    connection.connect()
    used = connection.sock
    for _ in range(3):
        connection.request("GET", "/metrics")
        assert connection.getresponse().read() == b"page 1\n"
        assert connection.sock is used
    connection.close()


def test_endless_headers_are_cut_off(server: Server) -> None:
    with connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000)
        assert client.recv(12) == b"HTTP/1.1 400"


def test_a_port_in_use_is_one_clear_line_before_anything_starts(server: Server) -> None:
    with pytest.raises(ListenError) as caught:
        made(Agent(), server.port)
    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1:{server.port}: Address already in use"
    )


def test_a_server_that_never_started_can_be_stopped(agent: Agent) -> None:
    server = made(agent)
    server.stop(1)
    with pytest.raises(ConnectionRefusedError):
        connect(server)
