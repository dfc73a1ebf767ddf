"""STARTTLS and STLS: required, and nothing that came before them is believed or shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.model import FailureKind, QuotaState
from tests.support.faults import (
    Fault,
    assert_no_login,
    confidential,
    meet,
    part,
    say,
    starttls,
    stls,
)
from tests.support.scripted import imap, pop3

if TYPE_CHECKING:
    from tests.support.dovecot import Dovecot

NOT_OFFERED = {
    "STARTTLS that is not offered": Fault(imap({}), FailureKind.TLS, tls="starttls"),
    "STARTTLS that is refused": Fault(
        starttls(b"<tag> NO not now\r\n"), FailureKind.TLS, tls="starttls"
    ),
    "STARTTLS that is not understood": Fault(
        starttls(b"<tag> BAD what?\r\n"), FailureKind.TLS, tls="starttls"
    ),
    "a password by AUTHENTICATE instead of STARTTLS": Fault(
        imap({}, b"IMAP4rev1 LOGINDISABLED AUTH=PLAIN"), FailureKind.TLS, tls="starttls"
    ),
    "a login before STARTTLS": Fault(
        say(b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n"), FailureKind.TLS, tls="starttls"
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
}

FORGED_LIST = b'* LIST () "/" Forged\r\n* STATUS Forged (MESSAGES 9 UNSEEN 9)\r\n'
FORGED_QUOTA = b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 1 2)\r\n'
FORGED_CAPABILITY = b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n"
# The answers to everything that will be asked, as one who can guess the tags would send them.
GUESSED = (
    FORGED_LIST
    + FORGED_QUOTA
    + b"".join(b"A%d OK [CAPABILITY IMAP4rev1 QUOTA] in\r\n" % number for number in range(10))
)
OK = b"<tag> OK begin\r\n"
INJECTIONS = {  # into the answer to STARTTLS
    "QUOTA before the OK": FORGED_QUOTA + OK,
    "LIST before the OK": FORGED_LIST + OK,
    "CAPABILITY before the OK": FORGED_CAPABILITY + OK,
    "a referral before the OK": b"* OK [REFERRAL imap://evil.example/]\r\n" + OK,
    "an alert before the OK": b"* OK [ALERT] go to evil.example\r\n" + OK,
    "a capability within the OK": b"<tag> OK [CAPABILITY X-FORGED] begin\r\n",
    "guessed answers after the OK": OK + GUESSED,
    "half a line after the OK": OK + b'* QUOTA "" (STOR',
    "all of it": FORGED_CAPABILITY + GUESSED[: len(FORGED_LIST + FORGED_QUOTA)] + OK + GUESSED,
}

EVIL = "evil.example"
SPOOFS = {  # what a server says before TLS, to whoever reads the failure
    "an alert that refuses STARTTLS": Fault(
        starttls(b"<tag> NO [ALERT] go to evil.example\r\n"), FailureKind.TLS, tls="starttls"
    ),
    "an alert before the refusal": Fault(
        starttls(b"* NO [ALERT] go to evil.example\r\n<tag> NO no\r\n"),
        FailureKind.TLS,
        tls="starttls",
    ),
    "a referral instead of STARTTLS": Fault(
        starttls(b"<tag> NO [REFERRAL imap://evil.example/] there\r\n"),
        FailureKind.TLS,
        tls="starttls",
    ),
    "a referral in the greeting": Fault(
        say(b"* OK [REFERRAL imap://evil.example/] there\r\nA0 OK\r\n"),
        FailureKind.TLS,
        tls="starttls",
    ),
    "a login and a referral in the greeting": Fault(
        say(b"* PREAUTH [REFERRAL imap://evil.example/] there\r\n"),
        FailureKind.TLS,
        tls="starttls",
    ),
    "goodbye with an alert as greeting": Fault(
        part(b"* BYE [ALERT] go to evil.example\r\n"), FailureKind.UNAVAILABLE, tls="starttls"
    ),
    "goodbye with a referral as greeting": Fault(
        part(b"* BYE [REFERRAL imap://evil.example/] there\r\n"),
        FailureKind.DENIED,
        tls="starttls",
    ),
    "goodbye with an alert instead of STARTTLS": Fault(
        starttls(part(b"* BYE [ALERT] go to evil.example\r\n")),
        FailureKind.UNAVAILABLE,
        tls="starttls",
    ),
    "a POP3 greeting that refuses": Fault(
        part(b"-ERR go to evil.example\r\n"), FailureKind.UNAVAILABLE, "pop3", "starttls"
    ),
    "a refused STLS": Fault(
        stls(b"-ERR go to evil.example\r\n"), FailureKind.TLS, "pop3", "starttls"
    ),
}


@pytest.mark.parametrize("fault", NOT_OFFERED.values(), ids=NOT_OFFERED.keys())
def test_without_starttls_there_is_no_login(fault: Fault, dovecot: Dovecot) -> None:
    assert_no_login(meet(fault, dovecot.certificates))


def test_a_server_that_logs_in_by_itself_gets_no_command() -> None:
    assert meet(NOT_OFFERED["a login before STARTTLS"]).heard == ()


@pytest.mark.parametrize("reply", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_what_was_said_before_starttls_is_not_believed_after_it(
    reply: bytes, dovecot: Dovecot
) -> None:
    """The injections of "Why TLS is better without STARTTLS", before and after the tagged OK."""
    fault = Fault(starttls(reply), QuotaState.UNLIMITED, tls="starttls")
    met = meet(fault, dovecot.certificates)
    assert met.reading.quotas == ()
    assert [folder.name for folder in met.reading.folders] == ["INBOX"]
    assert met.reading.messages == 3
    upgraded = [line.endswith(b" STARTTLS") for line in met.heard].index(True)
    assert confidential(met.heard[:upgraded])


@pytest.mark.parametrize("injected", [b"", b"+OK in\r\n+OK in\r\n+OK 9 9\r\n", b"-ERR half"])
def test_what_was_said_before_stls_is_not_believed_after_it(
    injected: bytes, dovecot: Dovecot
) -> None:
    fault = Fault(stls(b"+OK\r\n" + injected), QuotaState.UNSUPPORTED, "pop3", "starttls")
    met = meet(fault, dovecot.certificates)
    assert (met.reading.messages, met.reading.size_bytes) == (3, 4096)


@pytest.mark.parametrize("fault", SPOOFS.values(), ids=SPOOFS.keys())
def test_what_was_said_before_tls_is_shown_to_nobody(fault: Fault, dovecot: Dovecot) -> None:
    met = meet(fault, dovecot.certificates)
    assert_no_login(met)
    assert EVIL not in met.failure.detail
