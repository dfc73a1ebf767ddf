"""What a refusal means, by its response code or by its words, to the command that it answers."""

from __future__ import annotations

import pytest

from agent.model import FailureKind, QuotaState
from agent.probe.failures import ProbeError, failure_of
from tests.support.faults import IMAP, SESSION, Fault, meet, pop3_at, refused_imap, say
from tests.support.scripted import imap

AUTH, DENIED, LOCKED = FailureKind.AUTH, FailureKind.DENIED, FailureKind.LOCKED
THROTTLED, UNAVAILABLE = FailureKind.THROTTLED, FailureKind.UNAVAILABLE
PROTOCOL, TLS = FailureKind.PROTOCOL, FailureKind.TLS

BACKOFF = b"Request is throttled. Suggested Backoff Time: 89117 milliseconds"
GMAIL = b"NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)"

LOGIN = {  # the answer to LOGIN, and what it means
    b"NO [AUTHENTICATIONFAILED] Invalid credentials": AUTH,
    b"NO [authenticationfailed] invalid credentials": AUTH,
    b"NO [AUTHENTICATIONFAILED] Invalid credentials, please try again": AUTH,
    b"NO [AUTHENTICATIONFAILED] Account is locked": AUTH,
    b"NO [AUTHORIZATIONFAILED] not for you": AUTH,
    b"NO [EXPIRED] That password is not valid any more": AUTH,
    b"NO LOGIN failed.": AUTH,
    b"NO Wrong password. Try again.": AUTH,
    b"NO": AUTH,
    b"NO [ALERT] Application-specific password required: https://mail.example/help": AUTH,
    b"NO [WEBALERT https://mail.example/] Web login required.": AUTH,
    b"NO [CONTACTADMIN] ask the administrator": DENIED,
    b"NO [NOPERM] IMAP is not allowed here": DENIED,
    b"NO [PRIVACYREQUIRED] only with TLS": TLS,
    b"NO [UNAVAILABLE] User's backend is down for maintenance.": UNAVAILABLE,
    b"NO [UNAVAILABLE] Temporary authentication failure.": UNAVAILABLE,
    b"NO [SERVERBUG] Internal error occurred. Refer to server log.": UNAVAILABLE,
    b"NO [INUSE] another process has the mailbox": LOCKED,
    b"NO [LIMIT] too much of something": THROTTLED,
    b"NO Temporary system problem. Please try again later.": UNAVAILABLE,
    b"NO Login failed. Try again in 5 minutes": UNAVAILABLE,
    b"NO [ALERT] Too many simultaneous connections. (Failure)": THROTTLED,
    b"NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded "
    b"(mail_max_userip_connections=16)": THROTTLED,
    b"NO " + BACKOFF: THROTTLED,
    b"BAD " + BACKOFF: THROTTLED,
    b"BAD " + BACKOFF + b"\r\n* BYE Connection closed. 14": THROTTLED,
    GMAIL: THROTTLED,
}
PASS = {  # the answer to PASS, and what it means
    b"-ERR": AUTH,
    b"-ERR [AUTH] Username and password not accepted.": AUTH,
    b"-ERR [auth] username and password not accepted.": AUTH,
    b"-ERR [AUTH] Authentication failed. Try again.": AUTH,
    b"-ERR authorization failed": AUTH,
    b"-ERR [IN-USE] mailbox in use": LOCKED,
    b"-ERR maildrop already locked": LOCKED,
    b"-ERR unable to lock maildrop: lock busy": LOCKED,
    b"-ERR [LOGIN-DELAY] minimum time between mail checks": THROTTLED,
    b"-ERR [LOGIN-DELAY]": THROTTLED,
    b"-ERR Exceeded the login limit for a 15 minute period. Reduce the frequency of requests to "
    b"the POP3 server.": THROTTLED,
    b"-ERR [SYS/TEMP] Couldn't sync mailbox.": UNAVAILABLE,
    b"-ERR [SYS/TEMP]": UNAVAILABLE,
    b"-ERR [SYS/PERM] Mailbox does not exist": DENIED,
    b"-ERR [SYS/PERM]": DENIED,
    b"-ERR " + BACKOFF: THROTTLED,
}
GREETINGS = {  # the first words, and what they mean
    b"* BYE [UNAVAILABLE] shutting down": UNAVAILABLE,
    b"* BYE": UNAVAILABLE,
    b"* BYE Too many connections from your address": THROTTLED,
    b"* BYE [ALERT] Maximum number of connections from user+IP exceeded": THROTTLED,
    b"* BYE " + BACKOFF: THROTTLED,
    b"-ERR [SYS/TEMP] come back": UNAVAILABLE,
    b"-ERR [SYS/PERM] this address is banned": DENIED,
    b"-ERR Too many connections": THROTTLED,
}
READ_COMMANDS = (b"NAMESPACE", b"STATUS", b"LIST", b"GETQUOTAROOT", b"GETQUOTA")
SLOWED = (GMAIL, b"NO " + BACKOFF, b"BAD " + BACKOFF, b"NO [LIMIT] slowly", b"* BYE " + BACKOFF)

QUOTAROOT = {  # the answer to GETQUOTAROOT, after which the rest is read all the same
    b"NO [NOPERM] no": QuotaState.DENIED,
    b"NO Permission denied": QuotaState.DENIED,
    b"NO Quota not enabled": QuotaState.UNSUPPORTED,
    b"BAD unknown command": QuotaState.UNSUPPORTED,
    b"NO [OVERQUOTA] the mailbox is full": QuotaState.INVALID,
    b"NO [SERVERBUG] Internal error occurred.": QuotaState.INVALID,
    b"NO": QuotaState.INVALID,
    b"OK": QuotaState.UNLIMITED,
    b"OK No quota.": QuotaState.UNLIMITED,
}


def name(words: object) -> str | None:
    """A row's name: what was said."""
    return words.decode()[:60] if isinstance(words, bytes) else None


@pytest.mark.parametrize(("words", "kind"), LOGIN.items(), ids=name)
def test_a_refused_login(words: bytes, kind: FailureKind) -> None:
    meet(Fault(refused_imap(b"LOGIN", words), kind))


@pytest.mark.parametrize(("words", "kind"), PASS.items(), ids=name)
def test_a_refused_pop3_login(words: bytes, kind: FailureKind) -> None:
    meet(Fault(pop3_at(b"PASS", words + b"\r\n"), kind, "pop3"))


@pytest.mark.parametrize(("words", "kind"), GREETINGS.items(), ids=name)
def test_a_refused_connection(words: bytes, kind: FailureKind) -> None:
    meet(Fault(say(words + b"\r\n"), kind, "imap" if words.startswith(b"*") else "pop3"))


@pytest.mark.parametrize("words", SLOWED, ids=name)
@pytest.mark.parametrize("command", READ_COMMANDS, ids=name)
def test_a_server_that_slows_us_down_says_nothing_of_the_mailbox(
    command: bytes, words: bytes
) -> None:
    untagged = imap(SESSION | {command: words + b"\r\n"}, IMAP)
    meet(Fault(untagged if words[:1] == b"*" else refused_imap(command, words), THROTTLED))


@pytest.mark.parametrize(("words", "state"), QUOTAROOT.items(), ids=name)
def test_a_refused_quota_leaves_the_rest_of_the_reading(words: bytes, state: QuotaState) -> None:
    met = meet(Fault(refused_imap(b"GETQUOTAROOT", words), state))
    assert met.reading.messages == 3
    assert met.reading.usage_ratio is None


def test_a_stat_that_is_refused_is_no_empty_maildrop() -> None:
    for words, kind in ((b"-ERR", PROTOCOL), (b"-ERR [SYS/TEMP] no", UNAVAILABLE)):
        meet(Fault(pop3_at(b"STAT", words + b"\r\n"), kind, "pop3"))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Request is throttled. Suggested Backoff Time: 89117 milliseconds", 89.117),
        ("[LIMIT] Too many logins. Try again in 5 minutes.", 300),
        ("rate limit exceeded, retry after 30 seconds", 30),
        ("Too many connections", None),
        ("rate limit exceeded, retry after some time", None),
    ],
)
def test_for_how_long_a_server_wants_to_be_left_alone_is_understood(
    said: str, seconds: float | None
) -> None:
    failure = failure_of(ProbeError(FailureKind.THROTTLED, said), "login")
    assert failure.retry_after == seconds


def test_only_a_server_that_throttles_asks_to_be_left_alone() -> None:
    failure = failure_of(ProbeError(FailureKind.AUTH, "try again in 5 minutes"), "login")
    assert failure.retry_after is None
