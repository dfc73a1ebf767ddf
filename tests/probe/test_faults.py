"""Whatever a server does, a poll ends in time, with the right kind of failure or the truth."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, NamedTuple

import pytest

from agent.model import Failure, FailureKind, QuotaState, Reading
from agent.probe.failures import failure_of
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.scripted import Line, Scripted, answer_imap, imap, pop3

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.dovecot import Dovecot

SECOND = 1.0
READY = b"* OK [CAPABILITY IMAP4rev1 QUOTA STARTTLS] ready\r\n"
HUGE = b"9" * 5000


def say(data: bytes) -> Callable[[Line], None]:
    """Say it, then nothing more."""

    def talk(line: Line) -> None:
        line.say(data)
        line.stall()

    return talk


def reset(line: Line) -> None:
    line.reset()


def drip(line: Line) -> None:
    line.drip(b"*", 0.05)


def drip_after_login(line: Line) -> None:
    line.say(READY)
    line.say(line.hear().split()[0] + b" OK [CAPABILITY IMAP4rev1 QUOTA] in\r\n")
    line.drip(b"* OK still here\r\n", 0.05)


def endless(data: bytes) -> Callable[[Line], None]:
    def talk(line: Line) -> None:
        line.say(READY)
        while True:
            line.say(data)

    return talk


def reset_in_reply(line: Line) -> None:
    line.say(READY)
    line.hear()
    line.say(b"* CAPABILITY IMAP4rev1")
    line.reset()


class Fault(NamedTuple):
    talk: Callable[[Line], None]
    kind: FailureKind
    protocol: str = "imap"
    tls: str = "none"


FAULTS = {
    "an IMAP server that says nothing": Fault(Line.stall, FailureKind.TIMEOUT),
    "a POP3 server that says nothing": Fault(Line.stall, FailureKind.TIMEOUT, "pop3"),
    "a handshake that never comes": Fault(Line.stall, FailureKind.TIMEOUT, tls="implicit"),
    "a drip of bytes": Fault(drip, FailureKind.TIMEOUT),
    "a drip of lines": Fault(drip_after_login, FailureKind.TIMEOUT),
    "a reset at once": Fault(reset, FailureKind.PROTOCOL),
    "a reset within a reply": Fault(reset_in_reply, FailureKind.PROTOCOL),
    "a line without end": Fault(endless(b"x" * 65536), FailureKind.PROTOCOL),
    "lines without end": Fault(endless(b"* OK more\r\n" * 6000), FailureKind.PROTOCOL),
    "a web server": Fault(
        say(b"HTTP/1.1 400 Bad Request\r\nServer: web\r\n\r\n"), FailureKind.PROTOCOL
    ),
    "a web server for POP3": Fault(
        say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), FailureKind.PROTOCOL, "pop3"
    ),
    "a POP3 server for IMAP": Fault(say(b"+OK POP3 ready\r\n"), FailureKind.PROTOCOL),
    "an IMAP server for POP3": Fault(say(READY), FailureKind.PROTOCOL, "pop3"),
    "plain text where TLS is due": Fault(say(READY), FailureKind.TLS, tls="implicit"),
    "a goodbye as greeting": Fault(
        say(b"* BYE [UNAVAILABLE] shutting down\r\n"), FailureKind.UNAVAILABLE
    ),
    "too many connections": Fault(
        say(b"* BYE Too many connections from your address\r\n"), FailureKind.THROTTLED
    ),
    "STARTTLS that is not offered": Fault(imap({}), FailureKind.TLS, tls="starttls"),
    "STARTTLS that is refused": Fault(
        imap({b"STARTTLS": b"<tag> NO not now\r\n"}, b"IMAP4rev1 STARTTLS"),
        FailureKind.TLS,
        tls="starttls",
    ),
    "a login before STARTTLS": Fault(
        say(b"* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n"), FailureKind.TLS, tls="starttls"
    ),
    "STLS that is not offered": Fault(
        pop3({b"CAPA": b"+OK\r\nUSER\r\n.\r\n"}), FailureKind.TLS, "pop3", "starttls"
    ),
    "STLS that is refused": Fault(
        pop3({b"CAPA": b"-ERR what?\r\n", b"STLS": b"-ERR what?\r\n"}),
        FailureKind.TLS,
        "pop3",
        "starttls",
    ),
    "LOGINDISABLED": Fault(imap({}, b"IMAP4rev1 LOGINDISABLED"), FailureKind.DENIED),
    "a rejected login": Fault(
        imap({b"LOGIN": b"<tag> NO [AUTHENTICATIONFAILED] no\r\n"}), FailureKind.AUTH
    ),
    "a rejected login without a code": Fault(
        imap({b"LOGIN": b"<tag> NO LOGIN failed.\r\n"}), FailureKind.AUTH
    ),
    "an expired password": Fault(imap({b"LOGIN": b"<tag> NO [EXPIRED] no\r\n"}), FailureKind.AUTH),
    "a login backend that is down": Fault(
        imap({b"LOGIN": b"<tag> NO [UNAVAILABLE] Temporary authentication failure.\r\n"}),
        FailureKind.UNAVAILABLE,
    ),
    "Gmail's connection limit": Fault(
        imap({b"LOGIN": b"<tag> NO [ALERT] Too many simultaneous connections. (Failure)\r\n"}),
        FailureKind.THROTTLED,
    ),
    "Dovecot's connection limit": Fault(
        imap(
            {
                b"LOGIN": b"<tag> NO [UNAVAILABLE] Maximum number of connections from user+IP "
                b"exceeded (mail_max_userip_connections=16)\r\n"
            }
        ),
        FailureKind.THROTTLED,
    ),
    "Exchange's throttling": Fault(
        imap(
            {
                b"LIST": b"<tag> BAD Request is throttled. Suggested Backoff Time: 89117 "
                b"milliseconds\r\n* BYE Connection closed. 14\r\n"
            }
        ),
        FailureKind.THROTTLED,
    ),
    "Gmail's bandwidth limit": Fault(
        imap(
            {
                b"GETQUOTAROOT": b"<tag> NO [OVERQUOTA] Account exceeded command or bandwidth "
                b"limits. (Failure)\r\n"
            }
        ),
        FailureKind.THROTTLED,
    ),
    "a goodbye in the middle": Fault(
        imap({b"LIST": b"* BYE server is going down\r\n"}), FailureKind.UNAVAILABLE
    ),
    "a literal of 4 GiB": Fault(
        imap({b"LIST": b'* LIST () "/" {4294967295}\r\n'}), FailureKind.PROTOCOL
    ),
    "a literal of 5,000 digits": Fault(
        imap({b"LIST": b'* LIST () "/" {%b}\r\n' % HUGE}), FailureKind.PROTOCOL
    ),
    "a locked maildrop": Fault(
        pop3({b"PASS": b"-ERR [IN-USE] mailbox in use\r\n"}), FailureKind.LOCKED, "pop3"
    ),
    "a lock told in words": Fault(
        pop3({b"PASS": b"-ERR maildrop already locked\r\n"}), FailureKind.LOCKED, "pop3"
    ),
    "a login delay": Fault(
        pop3({b"PASS": b"-ERR [LOGIN-DELAY] minimum time between mail checks\r\n"}),
        FailureKind.THROTTLED,
        "pop3",
    ),
    "Hotmail's throttling": Fault(
        pop3({b"PASS": b"-ERR Exceeded the login limit for a 15 minute period.\r\n"}),
        FailureKind.THROTTLED,
        "pop3",
    ),
    "a maildrop that cannot be synced": Fault(
        pop3({b"PASS": b"-ERR [SYS/TEMP] Couldn't sync mailbox.\r\n"}),
        FailureKind.UNAVAILABLE,
        "pop3",
    ),
    "a maildrop that does not exist": Fault(
        pop3({b"PASS": b"-ERR [SYS/PERM] Mailbox does not exist\r\n"}), FailureKind.DENIED, "pop3"
    ),
    "a rejected POP3 login": Fault(pop3({b"PASS": b"-ERR no\r\n"}), FailureKind.AUTH, "pop3"),
    "a STAT without numbers": Fault(
        pop3({b"STAT": b"+OK 7 #octets\r\n"}), FailureKind.PROTOCOL, "pop3"
    ),
    "a STAT below zero": Fault(pop3({b"STAT": b"+OK -3 -1\r\n"}), FailureKind.PROTOCOL, "pop3"),
    "a STAT beyond 63 bits": Fault(
        pop3({b"STAT": b"+OK 1 9223372036854775808\r\n"}), FailureKind.PROTOCOL, "pop3"
    ),
    "a CAPA list without end": Fault(
        pop3({b"CAPA": b"+OK\r\n" + b"X\r\n" * 200_001}), FailureKind.PROTOCOL, "pop3", "starttls"
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_becomes_a_failure_of_its_kind_in_time(fault: Fault) -> None:
    patience = 0.4 if fault.kind is FailureKind.TIMEOUT else 8.0
    with Scripted(fault.talk) as server:
        done = poll(account(server.port, fault.protocol, fault.tls), patience)
    assert isinstance(done.outcome, Failure)
    assert done.outcome.kind is fault.kind, done.outcome.detail
    assert done.outcome.detail.isprintable()
    assert done.duration < patience + SECOND


def test_a_refused_connection_is_told_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = poll(account(port), 5).outcome
    assert outcome == Failure(FailureKind.CONNECT, "connection refused")


def test_a_reset_means_the_same_however_early_it_is_noticed() -> None:
    early = failure_of(
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "connect"
    )
    assert early.kind is FailureKind.PROTOCOL


def test_a_full_backlog_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.settimeout(0)
            each.connect_ex(address)
        done = poll(account(address[1]), 0.4)
        for each in waiting:
            each.close()
    assert isinstance(done.outcome, Failure)
    assert done.outcome.kind is FailureKind.TIMEOUT
    assert done.duration < 0.4 + SECOND


@pytest.mark.parametrize("name", ["nowhere.invalid", "a" * 63 + ".invalid"])
def test_a_name_that_does_not_resolve_is_told_as_such(name: str) -> None:
    outcome = poll(account(143, server=name), 8).outcome
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.DNS
    assert name in outcome.detail


@pytest.mark.parametrize(
    ("host", "words"),
    [("expired", "certificate has expired"), ("other", "not valid for '127.0.0.3'")],
)
def test_a_certificate_that_does_not_fit_ends_the_poll_before_the_login(
    dovecot: Dovecot, host: str, words: str
) -> None:
    server = f"{getattr(dovecot, host)}:{dovecot.ports.imaps}"
    trusted = str(dovecot.certificates.ca)
    outcome = poll(account(0, tls="implicit", server=server, ca_file=trusted), 8).outcome
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.TLS
    assert words in outcome.detail


def test_a_certificate_of_an_unknown_authority_ends_the_poll(dovecot: Dovecot) -> None:
    outcome = poll(account(dovecot.ports.imaps, tls="implicit"), 8).outcome
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.TLS


def test_a_ca_file_that_is_missing_is_an_error_of_the_configuration(dovecot: Dovecot) -> None:
    asked = account(dovecot.ports.imaps, tls="implicit", ca_file="/nowhere/ca.pem")
    assert poll(asked, 8).outcome == Failure(
        FailureKind.CONFIG, "ca_file /nowhere/ca.pem: No such file or directory"
    )


# The answers to everything that will be asked, as one who can guess the tags would send them.
FORGED = b"""* CAPABILITY IMAP4rev1 QUOTA
A1 OK
A2 OK [CAPABILITY IMAP4rev1 QUOTA] in
* LIST () "/" Forged
A3 OK
* QUOTAROOT INBOX ""
* QUOTA "" (STORAGE 1 2)
A4 OK
""".replace(b"\n", b"\r\n")


def test_what_was_said_before_starttls_is_not_believed_after_it(dovecot: Dovecot) -> None:
    """The injection of "Why TLS is better without STARTTLS", before and after the tagged OK."""

    def talk(line: Line) -> None:
        line.say(b"* OK [CAPABILITY IMAP4rev1 STARTTLS QUOTA] ready\r\n")
        tag = line.hear().split()[0]
        line.say(b'* QUOTA "" (STORAGE 1 2)\r\n* LIST () "/" Forged\r\n')
        line.say(tag + b" OK begin\r\n" + FORGED)
        secure = line.shake_hands(dovecot.certificates.good)
        capability = b"* CAPABILITY IMAP4rev1 QUOTA\r\n<tag> OK done\r\n"
        answer_imap(secure, {b"CAPABILITY": capability})

    with Scripted(talk) as server:
        trusted = str(dovecot.certificates.ca)
        outcome = poll(account(server.port, tls="starttls", ca_file=trusted), 8).outcome
    assert isinstance(outcome, Reading)
    assert (outcome.quota_state, outcome.quotas) == (QuotaState.UNLIMITED, ())
    assert outcome.folders == ()


def test_without_starttls_no_secret_leaves() -> None:
    with Scripted(imap({}, b"IMAP4rev1 LOGINDISABLED AUTH=PLAIN")) as server:
        poll(account(server.port, tls="starttls"), 5)
        assert not any(b"wonderland" in line for line in server.heard)
        assert server.connections == 1


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_a_password_that_the_server_repeats_is_not_shown(protocol: str) -> None:
    scripts = {
        "imap": imap({b"LOGIN": b'<tag> NO what is LOGIN "anna" "wonderland"?\r\n'}),
        "pop3": pop3({b"PASS": b"-ERR what is PASS wonderland?\r\n"}),
    }
    with Scripted(scripts[protocol]) as server:
        outcome = poll(account(server.port, protocol), 5).outcome
    assert isinstance(outcome, Failure)
    assert "wonderland" not in outcome.detail
    assert "[secret]" in outcome.detail


def test_a_refusal_is_one_printable_line_of_bounded_length() -> None:
    text = "<tag> NO \x1b[2J\u202e" + "x" * 1000 + "\r\n"
    with Scripted(imap({b"LOGIN": text.encode()})) as server:
        outcome = poll(account(server.port), 5).outcome
    assert isinstance(outcome, Failure)
    assert outcome.detail.isprintable()
    assert len(outcome.detail) <= 200


SLOPPY = {
    b"LIST": b'* list (\\hasnochildren)  "/" INBOX\r\n<tag> ok\r\n',
    b"STATUS": b"*  STATUS INBOX (MESSAGES 3 UNSEEN 1) \r\n<tag> OK\r\n",
    b"GETQUOTAROOT": b'* quotaroot INBOX ""\r\n* quota "" (storage 10 512)\r\n<tag> ok\r\n',
    b"LOGOUT": b"<tag> OK no goodbye\r\n",
}


def test_sloppy_replies_are_read_all_the_same() -> None:
    with Scripted(imap(SLOPPY)) as server:
        outcome = poll(account(server.port), 5).outcome
    assert isinstance(outcome, Reading)
    assert (outcome.messages, outcome.unread, outcome.size_bytes) == (3, 1, None)
    assert [(quota.used, quota.limit) for quota in outcome.quotas] == [(10240, 524288)]


def test_a_reading_survives_a_server_that_goes_without_goodbye() -> None:
    with Scripted(imap(SLOPPY | {b"LOGOUT": b""})) as server:
        outcome = poll(account(server.port), 5).outcome
    assert isinstance(outcome, Reading)


def test_folders_of_others_do_not_count() -> None:
    script = {
        b"NAMESPACE": b'* NAMESPACE (("" "/")) (("Other/" "/")) NIL\r\n<tag> OK\r\n',
        b"LIST": b'* LIST () "/" INBOX\r\n* LIST () "/" Other/bert\r\n<tag> OK\r\n',
        b"STATUS": b"* STATUS INBOX (MESSAGES 3 UNSEEN 1)\r\n<tag> OK\r\n",
    }
    with Scripted(imap(script, b"IMAP4rev1 NAMESPACE")) as server:
        outcome = poll(account(server.port), 5).outcome
        assert not any(b"STATUS" in line and b"Other" in line for line in server.heard)
    assert isinstance(outcome, Reading)
    assert [folder.name for folder in outcome.folders] == ["INBOX"]
    assert outcome.messages == 3


def test_a_quota_line_in_the_reply_to_another_question_is_ignored() -> None:
    stray = b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 1 2)\r\n<tag> OK\r\n'
    with Scripted(imap({b"LIST": stray, b"GETQUOTAROOT": b"<tag> OK No quota.\r\n"})) as server:
        outcome = poll(account(server.port), 5).outcome
    assert isinstance(outcome, Reading)
    assert outcome.quota_state is QuotaState.UNLIMITED


UNBELIEVABLE = {
    "negative": b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE -1 512)\r\n',
    "not a number": b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE NaN 512)\r\n',
    "10^23": b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 1' + b"0" * 23 + b" 512)\r\n",
    "5,000 digits": b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE ' + HUGE + b" 512)\r\n",
    "an underflow": b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 18446744073709551615 5)\r\n',
    "bytes beyond 63 bits": b'* QUOTAROOT INBOX ""\r\n'
    b'* QUOTA "" (STORAGE 9223372036854775807 5)\r\n',
    "a foreign root": b'* QUOTAROOT INBOX "a"\r\n* QUOTA "b" (STORAGE 1 512)\r\n',
    "no root named": b'* QUOTA "" (STORAGE 1 512)\r\n',
    "cut short": b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 1\r\n',
    "an open quote": b'* QUOTAROOT INBOX ""\r\n* QUOTA " (STORAGE 1 512)\r\n',
    "a contradiction": b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 1 512)\r\n'
    b'* QUOTA "" (STORAGE 2 512)\r\n',
}


@pytest.mark.parametrize("reply", UNBELIEVABLE.values(), ids=UNBELIEVABLE.keys())
def test_an_answer_that_cannot_be_believed_is_invalid_and_feeds_nothing(reply: bytes) -> None:
    with Scripted(imap({b"GETQUOTAROOT": reply + b"<tag> OK done\r\n"})) as server:
        outcome = poll(account(server.port), 5).outcome
    assert isinstance(outcome, Reading)
    assert (outcome.quota_state, outcome.quotas) == (QuotaState.INVALID, ())


NAMES = {
    "bad modified UTF-7": (b'"&ZZZ"', "&ZZZ"),
    "a lone surrogate": (b'"&2D0-"', "\ufffd"),
    "an escape sequence": (b'"\x1b[2J"', "\ufffd[2J"),
    "a line break in a literal": (b"{4}\r\na\r\nb", "a\ufffd\ufffdb"),
    "a bidirectional mark": ('"\u202eevil"'.encode(), "\ufffdevil"),
    "NIL": (b"NIL", "NIL"),
    "modified UTF-7": (b'"Entw&APw-rfe"', "Entwürfe"),
    "raw UTF-8": ('"Entwürfe"'.encode(), "Entwürfe"),
    "quotes": (rb'"a \"b\" \\c"', 'a "b" \\c'),
}


@pytest.mark.parametrize(("raw", "shown"), NAMES.values(), ids=NAMES.keys())
def test_a_poisoned_folder_name_is_made_harmless_on_entry(raw: bytes, shown: str) -> None:
    reply = b'* LIST () "/" %b\r\n<tag> OK\r\n' % raw
    with Scripted(imap({b"LIST": reply})) as server:
        outcome = poll(account(server.port), 5).outcome
    if raw.startswith(b"{"):  # asking for its STATUS would put a line break on the wire
        assert isinstance(outcome, Failure)
        assert b"b" not in server.heard
        return
    assert isinstance(outcome, Reading)
    assert [folder.name for folder in outcome.folders] == [shown]
