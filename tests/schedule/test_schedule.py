"""Every account in its turn, and no server in the way of another."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import TYPE_CHECKING

from agent.memory import Memory
from agent.model import Failure, FailureKind, Poll, Reading
from agent.probe.read import Prober
from agent.schedule import Schedule
from tests.support.configured import mailbox, settings
from tests.support.scripted import Line, Scripted, imap, pop3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.config.settings import Settings

PATIENCE = 20  # seconds that a poll may be waited for, far more than it needs


class Running:
    """A schedule at work, its polls in a queue."""

    def __init__(self, configured: Settings, timeout: float = 5) -> None:
        self.polls: SimpleQueue[Poll] = SimpleQueue()
        self.lateness: list[float] = []
        self.prober = Prober(timeout)
        self.schedule = Schedule(
            configured,
            self.prober,
            Memory(),
            self.polls.put,
            self.lateness.append,
            lambda: datetime.now(UTC),
        )

    def next(self) -> Poll:
        return self.polls.get(timeout=PATIENCE)


@contextlib.contextmanager
def running(configured: Settings, timeout: float = 5) -> Iterator[Running]:
    made = Running(configured, timeout)
    made.schedule.start()
    try:
        yield made
    finally:
        made.schedule.stop()


def test_every_account_is_polled_at_once_and_again(tmp_path: Path) -> None:
    with Scripted(imap({})) as server:
        names = {"anna", "bert", "carl"}
        configured = settings(tmp_path, *(mailbox(name, server.port) for name in names))
        with running(configured) as made:
            assert {made.next().account for _ in names} == names
            assert {made.next().account for _ in names} == names
            assert made.schedule.problem is None
        assert len(made.lateness) >= 6
        assert all(seconds >= 0 for seconds in made.lateness)


def test_a_server_that_hangs_starves_no_other(tmp_path: Path) -> None:
    with Scripted(Line.stall) as hanging, Scripted(imap({})) as well:
        stuck = [mailbox(f"stuck{number}", hanging.port) for number in range(5)]
        configured = settings(tmp_path, *stuck, mailbox("anna", well.port))
        with running(configured, timeout=600) as made:
            polls = [made.next() for _ in range(3)]
        assert [poll.account for poll in polls] == ["anna"] * 3
        assert all(isinstance(poll.outcome, Reading) for poll in polls)


def test_a_server_sees_no_more_connections_than_it_may(tmp_path: Path) -> None:
    talking = threading.Semaphore(2)
    exceeded = threading.Event()

    def talk(line: Line) -> None:
        if not talking.acquire(blocking=False):
            exceeded.set()
        line.say(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        while command := line.hear():
            tag, word, *_ = command.split()
            if word == b"LOGOUT":
                talking.release()  # before the answer, after which the next may come
            line.say(tag + b" OK done\r\n")

    with Scripted(talk) as server:
        accounts = [mailbox(f"user{number}", server.port) for number in range(12)]
        with running(settings(tmp_path, *accounts)) as made:
            assert len({made.next().account for _ in accounts}) == len(accounts)
    assert not exceeded.is_set()


def test_a_rejected_login_is_not_tried_again_and_again(tmp_path: Path) -> None:
    refusing = imap({b"LOGIN": b"<tag> NO [AUTHENTICATIONFAILED] no\r\n"})
    with Scripted(refusing) as server, Scripted(imap({})) as well:
        configured = settings(tmp_path, mailbox("eve", server.port), mailbox("anna", well.port))
        with running(configured) as made:
            polls = [made.next() for _ in range(4)]
        assert server.connections == 1
    (failed,) = [poll for poll in polls if poll.account == "eve"]
    assert isinstance(failed.outcome, Failure)
    assert failed.outcome.kind is FailureKind.AUTH


def test_two_rejected_logins_pause_their_server_and_no_other(tmp_path: Path) -> None:
    refusing = imap({b"LOGIN": b"<tag> NO [AUTHENTICATIONFAILED] no\r\n"})
    with Scripted(refusing) as server, Scripted(imap({})) as well:
        strangers = [mailbox(f"eve{number}", server.port) for number in range(6)]
        configured = settings(
            tmp_path,
            *strangers,
            mailbox("anna", well.port),
            agent={"poll_interval": "1s", "max_connections": 1},
        )
        with running(configured) as made:
            polls = [made.next() for _ in range(5)]
            assert len(made.schedule.held) >= 4
        assert server.connections == 2
    assert sum(poll.account == "anna" for poll in polls) == 3


def test_what_a_server_wants_between_two_logins_is_kept(tmp_path: Path) -> None:
    told = {b"CAPA": b"+OK\r\nLOGIN-DELAY 600\r\n.\r\n", b"STAT": b"+OK 1 100\r\n"}
    with Scripted(pop3(told)) as server:
        configured = settings(tmp_path, mailbox("anna", server.port, protocol="pop3"))
        with running(configured) as made:
            poll = made.next()
            planned = poll.at
            while planned < poll.at + timedelta(seconds=300):
                job = made.schedule._scheduler.get_job("anna")
                planned = job.next_run_time
                threading.Event().wait(0.05)
        assert planned >= poll.at + timedelta(seconds=600)
        assert server.connections == 1
    assert poll.login_delay == 600


def test_a_server_that_throttles_sees_fewer_connections_and_longer_waits(tmp_path: Path) -> None:
    asked = b"<tag> NO Suggested Backoff Time: 600000 milliseconds\r\n"
    with Scripted(imap({b"LOGIN": asked})) as server:
        configured = settings(tmp_path, mailbox("anna", server.port))
        with running(configured) as made:
            poll = made.next()
            assert isinstance(poll.outcome, Failure)
            assert poll.outcome.kind is FailureKind.THROTTLED
            planned = poll.at
            while planned < poll.at + timedelta(seconds=300):
                planned = made.schedule._scheduler.get_job("anna").next_run_time
                threading.Event().wait(0.05)
            assert made.schedule._pace.connections(f"127.0.0.1:{server.port}") == 1
        assert server.connections == 1


def test_a_mailbox_that_is_polled_seldom_is_asked_again_soon_after_a_failure(
    tmp_path: Path,
) -> None:
    closing = {b"LOGIN": b"* BYE shutting down\r\n"}
    with Scripted(imap(closing)) as server:
        configured = settings(
            tmp_path, *(mailbox(f"user{number}", server.port, interval="1d") for number in range(3))
        )
        with running(configured) as made:
            polls = {poll.account: poll for poll in (made.next() for _ in range(3))}
            planned = {name: made.schedule._scheduler.get_job(name).next_run_time for name in polls}
    waits = [planned[name] - poll.at for name, poll in polls.items()]
    assert all(isinstance(poll.outcome, Failure) for poll in polls.values())
    assert max(waits) <= timedelta(minutes=18)


def test_a_clock_that_was_set_back_does_not_stop_the_polls(tmp_path: Path) -> None:
    with (
        Scripted(imap({})) as server,
        running(settings(tmp_path, mailbox("anna", server.port))) as made,
    ):
        made.next()
        job = made.schedule._scheduler.get_job("anna")
        job.modify(next_run_time=datetime.now(UTC) + timedelta(hours=1))
        made.schedule._plan_anew()
        assert made.next().account == "anna"


def test_stopping_ends_what_hangs_and_records_nothing_of_it(tmp_path: Path) -> None:
    arrived = threading.Semaphore(0)

    def talk(line: Line) -> None:
        arrived.release()
        line.stall()

    with Scripted(talk) as server:
        accounts = [mailbox(f"user{number}", server.port) for number in range(20)]
        configured = settings(
            tmp_path, *accounts, agent={"max_connections": 20, "poll_interval": "1s"}
        )
        with running(configured, timeout=600) as made:
            for _ in accounts:
                assert arrived.acquire(timeout=PATIENCE)
        while made.prober._live:  # ends because every socket was shut down
            threading.Event().wait(0.01)
        assert made.polls.empty()
