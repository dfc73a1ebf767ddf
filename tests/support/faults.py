"""One fault server for every way in which a mail server can go wrong: a row says what it does.

The tables are in the tests; each row is a script, and what a poll of it must come to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from agent.model import Failure, FailureKind, Poll, QuotaState, Reading
from agent.probe.read import poll
from agent.text import LONGEST_DETAIL
from tests.support.accounts import account
from tests.support.scripted import Line, Scripted, answer_imap, imap, pop3

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.support.certificates import Certificates
    from tests.support.scripted import Reply, Talk

SECOND = 1.0  # how much a poll may exceed its time by
PASSWORD = "wonderland"
HUGE = b"9" * 5000
IMAP = b"IMAP4rev1 QUOTA ID NAMESPACE"
READY = b"* OK [CAPABILITY IMAP4rev1 QUOTA STARTTLS] ready\r\n"
LISTED = b'* LIST () "/" INBOX\r\n<tag> OK\r\n'
SESSION: dict[bytes, Reply] = {  # of a mailbox with a limit, with every command that there is
    b"ID": b'* ID ("name" "scripted")\r\n<tag> OK\r\n',
    b"NAMESPACE": b'* NAMESPACE (("" "/")) NIL NIL\r\n<tag> OK\r\n',
    b"LIST": LISTED,
    b"STATUS": b"* STATUS INBOX (MESSAGES 3 UNSEEN 1)\r\n<tag> OK\r\n",
    b"GETQUOTAROOT": b'* QUOTAROOT INBOX "a"\r\n<tag> OK\r\n',
    b"GETQUOTA": b'* QUOTA "a" (STORAGE 90 100)\r\n<tag> OK\r\n',
    b"LOGOUT": b"* BYE bye\r\n<tag> OK\r\n",
}
MAILDROP: dict[bytes, Reply] = {
    b"CAPA": b"+OK\r\nSTLS\r\nUSER\r\n.\r\n",
    b"STAT": b"+OK 3 4096\r\n",
}

Expected = FailureKind | QuotaState


@dataclass(frozen=True, slots=True)
class Fault:
    """A script and what must come of it: a failure of this kind, or a reading in this state."""

    talk: Talk
    expected: Expected
    protocol: Literal["imap", "pop3"] = "imap"
    tls: Literal["none", "starttls", "implicit"] = "none"
    certificate: Literal["good", "expired", "other"] = "good"
    most: float = 60.0  # seconds that an answer may take

    @property
    def patience(self) -> float:
        """Seconds that the poll gets: few where it is to use them up."""
        return 0.4 if self.expected is FailureKind.TIMEOUT else self.most


@dataclass(frozen=True, slots=True)
class Met:
    """One poll of a fault server, and what that heard."""

    poll: Poll
    heard: Sequence[bytes]
    connections: int

    @property
    def reading(self) -> Reading:
        """The outcome where it is one."""
        assert isinstance(self.poll.outcome, Reading), self.poll.outcome
        return self.poll.outcome

    @property
    def failure(self) -> Failure:
        """The outcome where it is one."""
        assert isinstance(self.poll.outcome, Failure), self.poll.outcome
        return self.poll.outcome


def meet(fault: Fault, certificates: Certificates | None = None, **keys: Any) -> Met:
    """Poll the server of a row; what holds for every row is asserted here.

    `keys` are further keys of the account.
    """
    keys = {"protocol": fault.protocol, "tls": fault.tls, "password": PASSWORD} | keys
    if certificates:
        keys = {"ca_file": str(certificates.ca)} | keys
    shown = getattr(certificates, fault.certificate) if certificates else None
    with Scripted(fault.talk, shown) as server:
        done = poll(account(server.port, **keys), fault.patience)
        met = Met(done, tuple(server.heard), server.connections)
    assert expected_of(done) is fault.expected, done.outcome
    assert done.duration < fault.patience + SECOND
    assert met.connections <= 1, "it came back after a failure"
    if isinstance(done.outcome, Failure):
        assert done.outcome.detail.isprintable()
        assert len(done.outcome.detail) <= LONGEST_DETAIL
        assert PASSWORD not in done.outcome.detail
    return met


def expected_of(done: Poll) -> Expected:
    """What a row would have to say of this poll."""
    outcome = done.outcome
    return outcome.kind if isinstance(outcome, Failure) else outcome.quota_state


def say(data: bytes) -> Talk:
    """Say it, then nothing more."""
    return after(data, Line.stall)


def part(data: bytes) -> Talk:
    """Say it and close."""
    return after(data, lambda _: None)


def broken(data: bytes) -> Talk:
    """Say it and reset the connection."""
    return after(data, Line.reset)


def endless(data: bytes) -> Talk:
    """Say it over and over."""

    def talk(line: Line) -> None:
        while True:
            line.say(data)

    return talk


def drip(data: bytes) -> Talk:
    """Say it over and over, slowly."""
    return lambda line: line.drip(data, 0.05)


def after(data: bytes, talk: Talk) -> Talk:
    """Say it, then go on so."""

    def both(line: Line) -> None:
        line.hurry()
        line.say(data)
        talk(line)

    return both


def under_tls(talk: Talk) -> Talk:
    """Shake hands first."""
    return lambda line: talk(line.shake_hands())


def begun(talk: Talk) -> Talk:
    """Agree to STARTTLS or STLS first."""

    def agree(line: Line) -> None:
        tag = line.heard[-1].split()[0]
        line.say(b"+OK\r\n" if tag == b"STLS" else tag + b" OK begin\r\n")
        talk(line)

    return agree


def imap_at(stage: bytes, does: Reply, more: bytes = b"") -> Talk:
    """A whole session that goes well until the command of this name; it is asked for all."""
    capabilities = IMAP + b" " + more

    def talk(line: Line) -> None:
        line.say(b"* OK ready\r\n")
        told = {b"CAPABILITY": b"* CAPABILITY %b\r\n<tag> OK\r\n" % capabilities}
        answer_imap(line, told | SESSION | {stage: does})

    return talk


def pop3_at(stage: bytes, does: Reply) -> Talk:
    """A whole session that goes well until the command of this name."""
    return pop3(MAILDROP | {stage: does})


def refused_imap(command: bytes, words: bytes) -> Talk:
    """A session in which this command gets these words for an answer."""
    return imap(SESSION | {command: b"<tag> " + words + b"\r\n"}, IMAP)


def starttls(reply: Reply) -> Talk:
    """A server that tells of no limit, and answers STARTTLS so."""
    told = {b"STARTTLS": reply, b"LIST": LISTED, b"STATUS": SESSION[b"STATUS"]}
    return imap(told, IMAP + b" STARTTLS")


def stls(reply: Reply) -> Talk:
    """A POP3 server that answers STLS so."""
    return pop3(MAILDROP | {b"STLS": reply})


def confidential(heard: Iterable[bytes]) -> bool:
    """Whether no login was tried, in whatever form."""
    words = (PASSWORD.encode(), b"LOGIN", b"AUTH", b"USER", b"PASS", b"APOP")
    return not any(word in line for line in heard for word in words)


def assert_no_login(met: Met) -> None:
    """It failed, and no login was tried."""
    assert isinstance(met.poll.outcome, Failure)
    assert confidential(met.heard)
