"""Clients that hold up their side of TLS, at every stage of a connection."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from agent.web.connection import MOST_CONNECTIONS, MOST_SLOW
from tests.support.website import LOOPBACK, PATIENCE, Website, tls, trusting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.certificates import Certificates

BIG = b"x" * 5_000_000
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def site(tmp_path: Path, certificates: Certificates) -> Iterator[Website]:
    with Website(tmp_path, tls(certificates.good), page=BIG) as site:
        yield site


@pytest.fixture
def client(certificates: Certificates) -> ssl.SSLContext:
    return trusting(certificates)


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    """Closes at the end what is entered."""
    with ExitStack() as crowd:
        yield crowd


def silent(site: Website) -> socket.socket:
    return socket.create_connection((LOOPBACK, site.server.port), timeout=PATIENCE)


def half_greeting(site: Website) -> socket.socket:
    """The first half of a handshake's first message."""
    hello = ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    shaking = client.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        shaking.do_handshake()
    connection = silent(site)
    connection.sendall(hello.read()[:100])
    return connection


def secured(site: Website, client: ssl.SSLContext, spoken: bytes) -> ssl.SSLSocket:
    """A connection on which this was said; nothing of what comes back is read."""
    connection = client.wrap_socket(silent(site), server_hostname="localhost")
    connection.sendall(spoken)
    return connection


def until_gone(site: Website) -> None:
    end = time.monotonic() + PATIENCE
    while site.server._uvicorn.server_state.connections:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_hundred_slow_clients_delay_no_scrape_and_no_stop(
    site: Website,
    client: ssl.SSLContext,
    crowd: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("agent.web.connection.HANDSHAKE", 600)  # while the others come
    for _ in range(25):
        crowd.enter_context(silent(site))
        crowd.enter_context(half_greeting(site))
        crowd.enter_context(secured(site, client, REQUEST[:20]))
        crowd.enter_context(secured(site, client, REQUEST))
    assert site.get(tls=client).body == BIG
    assert len(site.server._uvicorn.server_state.connections) > 75
    site.server.stop(PATIENCE)
    assert not site.server._thread.is_alive()
    assert caplog.records == []


def test_only_a_few_may_leave_their_answer_unread(
    site: Website, client: ssl.SSLContext, crowd: ExitStack
) -> None:
    readers = [crowd.enter_context(secured(site, client, REQUEST)) for _ in range(3 * MOST_SLOW)]
    for reader in readers:
        assert reader.recv(15) == b"HTTP/1.1 200 OK"  # it has one, as far as it would read
    assert site.get(tls=client).body == BIG
    connections = list(site.server._uvicorn.server_state.connections)
    assert 0 < sum(each.is_slow for each in connections) <= MOST_SLOW  # type: ignore[union-attr]  # ours
    assert body(readers[-1]) == BIG
    assert len(body(readers[0])) < len(BIG)


def body(reader: ssl.SSLSocket) -> bytes:
    """What has come of the page when all of it has, or the connection has ended."""
    answer = b""
    with suppress(ssl.SSLError, ConnectionError):
        while not answer.endswith(BIG) and (data := reader.recv(1_000_000)):
            answer += data
    return answer.partition(b"\r\n\r\n")[2]


def test_clients_in_their_handshake_count_and_go_first(
    site: Website, client: ssl.SSLContext, crowd: ExitStack
) -> None:
    first = crowd.enter_context(secured(site, client, b""))
    shaking = [crowd.enter_context(silent(site)) for _ in range(MOST_CONNECTIONS)]
    assert site.get("/-/healthy", tls=client).status == 200
    assert len(site.server._uvicorn.server_state.connections) <= MOST_CONNECTIONS
    assert shaking[0].recv(1) == b""
    first.sendall(REQUEST)
    assert first.recv(15) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("start", [silent, half_greeting])
def test_a_handshake_that_never_ends_is_dropped(
    site: Website,
    crowd: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
    start: Callable[[Website], socket.socket],
) -> None:
    monkeypatch.setattr("agent.web.connection.HANDSHAKE", 0.05)
    connection = crowd.enter_context(start(site))
    assert connection.recv(1) == b""
    until_gone(site)


def test_a_handshake_that_fails_or_breaks_off_leaves_nothing_behind(
    site: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.web.connection.HANDSHAKE", 600)  # not what ends them
    for spoken in (b"", b"GET / HTTP/1.1\r\n\r\n"):
        with silent(site) as connection:
            connection.sendall(spoken)
    with half_greeting(site):
        pass
    with pytest.raises((ssl.SSLError, ConnectionError)):
        secured(site, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), b"")
    until_gone(site)


@pytest.mark.parametrize("spoken", [b"", REQUEST[:20]])
def test_a_request_that_never_ends_is_dropped_under_tls_too(
    site: Website,
    client: ssl.SSLContext,
    crowd: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
    spoken: bytes,
) -> None:
    monkeypatch.setattr("agent.web.connection.PATIENCE", 0.05)
    crowd.enter_context(secured(site, client, spoken))
    until_gone(site)
