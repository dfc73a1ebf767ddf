"""Whatever a server does, a poll ends in time, with the right kind of failure or the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.model import Failure, FailureKind, QuotaState
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.faults import (
    HUGE,
    IMAP,
    READY,
    SESSION,
    Fault,
    after,
    drip,
    endless,
    imap_at,
    meet,
    pop3_at,
    refused_imap,
    say,
)
from tests.support.scripted import imap

if TYPE_CHECKING:
    from tests.support.dovecot import Dovecot

PROTOCOL, TIMEOUT, DENIED = FailureKind.PROTOCOL, FailureKind.TIMEOUT, FailureKind.DENIED
MEBIBYTE = 1 << 20
CAPA = b"+OK\r\nSTLS\r\n"

WRONG_SERVICES = {
    "a web server": Fault(say(b"HTTP/1.1 400 Bad Request\r\nServer: web\r\n\r\n"), PROTOCOL),
    "a web server for POP3": Fault(say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), PROTOCOL, "pop3"),
    "a mail transfer agent": Fault(say(b"220 mail.example.com ESMTP\r\n"), PROTOCOL),
    "a POP3 server for IMAP": Fault(say(b"+OK POP3 ready\r\n"), PROTOCOL),
    "an IMAP server for POP3": Fault(say(READY), PROTOCOL, "pop3"),
    "an empty line": Fault(say(b"\r\n"), PROTOCOL),
    "an empty line for POP3": Fault(say(b"\r\n"), PROTOCOL, "pop3"),
    "noise": Fault(say(bytes(range(256)) + b"\r\n"), PROTOCOL),
    "an answer to nothing": Fault(imap_at(b"LOGIN", b"A999 OK in\r\n"), PROTOCOL),
    "no login by password": Fault(imap({}, b"IMAP4rev1 LOGINDISABLED"), DENIED),
}
DRIPS = {  # one byte or one line now and then
    "bytes": Fault(drip(b"*"), TIMEOUT),
    "bytes of POP3": Fault(drip(b"+"), TIMEOUT, "pop3"),
    "lines": Fault(imap_at(b"LOGIN", drip(b"* OK still here\r\n")), TIMEOUT),
    "continuations": Fault(imap_at(b"LOGIN", drip(b"+ go on\r\n")), TIMEOUT),
    "a name": Fault(imap_at(b"LIST", after(b'* LIST () "/" ', drip(b"x"))), TIMEOUT),
    "a literal": Fault(imap_at(b"LIST", after(b'* LIST () "/" {999}\r\n', drip(b"x"))), TIMEOUT),
    "quotas": Fault(imap_at(b"GETQUOTAROOT", drip(b'* QUOTA "" (STORAGE 1 2)\r\n')), TIMEOUT),
    "capabilities": Fault(
        pop3_at(b"CAPA", after(CAPA, drip(b"X\r\n"))), TIMEOUT, "pop3", "starttls"
    ),
    "STAT": Fault(pop3_at(b"STAT", after(b"+OK 1", drip(b"0"))), TIMEOUT, "pop3"),
}
FLOODS = {
    "a line as greeting": Fault(endless(b"x" * 65536), PROTOCOL),
    "a line as POP3 greeting": Fault(endless(b"+" * 65536), PROTOCOL, "pop3"),
    "greetings": Fault(endless(b"* OK more\r\n" * 6000), PROTOCOL),
    "a line": Fault(imap_at(b"LIST", endless(b"x" * 65536)), PROTOCOL),
    "a quoted name": Fault(
        imap_at(b"LIST", after(b'* LIST () "', endless(b"x" * 65536))), PROTOCOL
    ),
    "short lines": Fault(imap_at(b"LIST", endless(b"* 1 EXISTS\r\n" * 6000)), PROTOCOL),
    "empty lines": Fault(imap_at(b"LIST", endless(b"\r\n" * 6000)), PROTOCOL),
    "continuations": Fault(imap_at(b"LOGIN", endless(b"+\r\n" * 6000)), PROTOCOL),
    "long lines": Fault(imap_at(b"LIST", endless(b"* OK %b\r\n" % (b"x" * 65536))), PROTOCOL),
    "folders": Fault(imap_at(b"LIST", endless(b'* LIST () "/" x\r\n' * 6000)), PROTOCOL),
    "literals": Fault(
        imap_at(b"LIST", endless(b'* LIST () "/" {1048576}\r\n%b\r\n' % (b"x" * MEBIBYTE))),
        PROTOCOL,
    ),
    "a literal of 4 GiB": Fault(imap_at(b"LIST", say(b'* LIST () "/" {4294967295}\r\n')), PROTOCOL),
    "a literal of 4 GiB as root": Fault(
        imap_at(b"GETQUOTAROOT", say(b"* QUOTAROOT INBOX {4294967295}\r\n")), PROTOCOL
    ),
    "a literal of 4 GiB before login": Fault(say(b"* OK {4294967295}\r\n"), PROTOCOL),
    "a literal of 5,000 digits": Fault(
        imap_at(b"LIST", say(b'* LIST () "/" {%b}\r\n' % HUGE)), PROTOCOL
    ),
    "a POP3 line": Fault(pop3_at(b"STAT", endless(b"9" * 65536)), PROTOCOL, "pop3"),
    "POP3 capabilities": Fault(
        pop3_at(b"CAPA", after(CAPA, endless(b"X\r\n" * 6000))), PROTOCOL, "pop3", "starttls"
    ),
    "long POP3 capabilities": Fault(
        pop3_at(b"CAPA", after(CAPA, endless(b"X" * 65536 + b"\r\n"))), PROTOCOL, "pop3", "starttls"
    ),
}
NONSENSE = {
    "a STAT without numbers": b"+OK 7 #octets\r\n",
    "a STAT with one number": b"+OK 7\r\n",
    "a STAT without anything": b"+OK\r\n",
    "a STAT below zero": b"+OK -3 -1\r\n",
    "a STAT that is not a number": b"+OK NaN 1\r\n",
    "a STAT beyond 63 bits": b"+OK 1 9223372036854775808\r\n",
    "a STAT of 10^23": b"+OK 1 1" + b"0" * 23 + b"\r\n",
    "a STAT of 5,000 digits": b"+OK 1 " + HUGE + b"\r\n",
    "a STAT in other digits": "+OK \u0661 \u0662\r\n".encode(),
}
FAULTS = (
    WRONG_SERVICES
    | {f"a drip of {what}": fault for what, fault in DRIPS.items()}
    | {f"an endless flood of {what}": fault for what, fault in FLOODS.items()}
    | {what: Fault(pop3_at(b"STAT", said), PROTOCOL, "pop3") for what, said in NONSENSE.items()}
)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_becomes_a_failure_of_its_kind_in_time(fault: Fault) -> None:
    assert isinstance(meet(fault).poll.outcome, Failure)


def test_a_ca_file_that_is_missing_is_an_error_of_the_configuration(dovecot: Dovecot) -> None:
    asked = account(dovecot.ports.imaps, tls="implicit", ca_file="/nowhere/ca.pem")
    assert poll(asked, 8).outcome == Failure(
        FailureKind.CONFIG, "ca_file /nowhere/ca.pem: No such file or directory"
    )


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_a_password_that_the_server_repeats_is_not_shown(protocol: str) -> None:
    said = b'what is LOGIN "anna" "wonderland"?'
    fault = (
        Fault(refused_imap(b"LOGIN", b"NO " + said), FailureKind.AUTH)
        if protocol == "imap"
        else Fault(pop3_at(b"PASS", b"-ERR " + said + b"\r\n"), FailureKind.AUTH, "pop3")
    )
    assert "[secret]" in meet(fault).failure.detail


def test_a_refusal_is_one_printable_line_of_bounded_length() -> None:
    words = "NO \x1b[2J\u202e" + "x" * 1000
    met = meet(Fault(refused_imap(b"LOGIN", words.encode()), FailureKind.AUTH))
    assert met.failure.detail.startswith("login refused: \ufffd[2J\ufffdxxx")


def listing(folders: int, messages: int = 1) -> bytes:
    """LIST and STATUS replies of so many folders."""
    one = b'* LIST () "/" "f%d"\r\n* STATUS "f%d" (MESSAGES %d UNSEEN 0 SIZE 9)\r\n'
    return b"".join(one % (number, number, messages) for number in range(folders))


RICH = IMAP + b" LIST-STATUS STATUS=SIZE"


def test_many_folders_are_counted_in_one_answer() -> None:
    script = imap(SESSION | {b"LIST": listing(20_000) + b"<tag> OK\r\n"}, RICH)
    met = meet(Fault(script, QuotaState.LIMITED))
    assert (met.reading.messages, met.reading.size_bytes) == (20_000, 180_000)
    assert not any(b" STATUS " in line and b"LIST" not in line for line in met.heard)


def test_a_hundred_thousand_folders_are_more_than_a_poll_may_bring() -> None:
    script = imap(SESSION | {b"LIST": listing(100_000) + b"<tag> OK\r\n"}, RICH)
    met = meet(Fault(script, PROTOCOL))
    assert "during reading" in met.failure.detail
    alone = meet(Fault(script, QuotaState.LIMITED), folders="inbox")
    assert alone.reading.messages == 3


def test_a_million_messages_are_counted_and_none_is_looked_at() -> None:
    script = imap(SESSION | {b"LIST": listing(1, 10**6) + b"<tag> OK\r\n"}, RICH)
    met = meet(Fault(script, QuotaState.LIMITED))
    assert met.reading.messages == 10**6
    words = {line.split()[1] for line in met.heard}
    assert words <= set(b"CAPABILITY LOGIN ID NAMESPACE LIST GETQUOTAROOT GETQUOTA LOGOUT".split())
    drop = meet(Fault(pop3_at(b"STAT", b"+OK 1000000 9\r\n"), QuotaState.UNSUPPORTED, "pop3"))
    assert drop.reading.messages == 10**6
