"""Names that do not resolve, addresses that do not answer: one budget of time over all of them."""

from __future__ import annotations

import errno
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from agent.model import Failure, FailureKind, QuotaState
from agent.probe import resolve
from agent.probe.failures import failure_of
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.faults import IMAP, SECOND, SESSION, expected_of
from tests.support.scripted import Scripted, imap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.model import Poll

NAME = "mail.example.test"
WELL = imap(SESSION, IMAP)


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    """Let every name have these addresses, as the platform would answer."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", each) for each in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


@contextmanager
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Name servers that answer nothing: getaddrinfo blocks until the block ends."""
    released = threading.Event()

    def block(*_: object, **__: object) -> Any:
        released.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", block)
    try:
        yield
    finally:
        released.set()
        for thread in lookups():
            thread.join()


def lookups() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "lookup"]


@contextmanager
def blackhole() -> Iterator[tuple[str, int]]:
    """An address that swallows every SYN: a listener whose backlog is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.settimeout(0)
            each.connect_ex(address)
        yield address
        for each in waiting:
            each.close()


def nobody() -> tuple[str, int]:
    """An address that refuses."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        return host, port


def named(seconds: float, name: str = NAME) -> Poll:
    return poll(account(143, server=name), seconds)


@pytest.mark.parametrize("name", ["nowhere.invalid", "a" * 63 + ".invalid"])
def test_a_name_that_does_not_resolve_is_told_as_such(name: str) -> None:
    outcome = named(8, name).outcome
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.DNS
    assert name in outcome.detail


def test_a_lookup_that_hangs_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with hanging(monkeypatch):
        done = named(0.4)
    assert expected_of(done) is FailureKind.DNS
    assert done.duration < 0.4 + SECOND


def test_a_lookup_that_hangs_ends_after_its_own_time_in_a_long_poll(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolve, "LONGEST_LOOKUP", 0.2)
    with hanging(monkeypatch):
        done = named(30)
    assert expected_of(done) is FailureKind.DNS
    assert done.duration < 0.2 + SECOND


def test_dead_name_servers_pile_up_no_threads_and_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolve, "LONGEST_LOOKUP", 0.05)
    with Scripted(WELL) as server:
        with hanging(monkeypatch):
            for _ in range(resolve.MOST_LOOKUPS + 3):
                assert expected_of(named(8)) is FailureKind.DNS
            assert len(lookups()) == resolve.MOST_LOOKUPS
            # One that needs no name is not held up by those that do.
            assert expected_of(poll(account(server.port), 8)) is QuotaState.LIMITED
        resolving(monkeypatch, ("127.0.0.1", server.port))
        for _ in range(resolve.MOST_LOOKUPS + 3):
            assert expected_of(named(8)) is QuotaState.LIMITED


def test_the_next_address_is_tried_where_the_first_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Scripted(WELL) as server:
        resolving(monkeypatch, nobody(), ("127.0.0.1", server.port))
        assert expected_of(named(8)) is QuotaState.LIMITED


def test_the_next_address_is_tried_in_time_where_the_first_is_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Scripted(WELL) as server, blackhole() as dead:
        resolving(monkeypatch, dead, dead, ("127.0.0.1", server.port))
        done = named(1.5)
    assert expected_of(done) is QuotaState.LIMITED


def test_all_addresses_share_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    with blackhole() as dead:
        resolving(monkeypatch, *[dead] * 8)
        done = named(0.4)
    assert expected_of(done) is FailureKind.TIMEOUT
    assert done.duration < 0.4 + SECOND


def test_of_several_addresses_that_fail_the_last_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch, nobody(), nobody())
    assert named(8).outcome == Failure(FailureKind.CONNECT, "connection refused")


def test_a_refused_connection_is_told_as_such() -> None:
    outcome = poll(account(nobody()[1]), 5).outcome
    assert outcome == Failure(FailureKind.CONNECT, "connection refused")


def test_a_full_backlog_ends_at_the_deadline() -> None:
    with blackhole() as (_, port):
        done = poll(account(port), 0.4)
    assert expected_of(done) is FailureKind.TIMEOUT
    assert done.duration < 0.4 + SECOND


def test_a_reset_means_the_same_however_early_it_is_noticed() -> None:
    early = failure_of(
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "connect"
    )
    assert early.kind is FailureKind.PROTOCOL
