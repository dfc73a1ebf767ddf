"""POP3 in its own right: what is asked in which order, logins, delays, and refusals."""

from __future__ import annotations

from hashlib import md5
from ssl import SSLSocket
from typing import TYPE_CHECKING, Any

import pytest

from agent.model import Failure, FailureKind, Reading
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.proxy import Proxy
from tests.support.scripted import Scripted, pop3

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.model import Poll
    from tests.support.dovecot import Dovecot
    from tests.support.scripted import Line

STAMP = b"<1896.697170952@dbc.mtview.ca.us>"
OFFER = b"+OK POP3 server ready %b\r\n" % STAMP
DIGEST = md5(STAMP + b"wonderland", usedforsecurity=False).hexdigest()
TWO = {b"STAT": b"+OK 2 320\r\n"}


def capabilities(*lines: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in (b"+OK", *lines, b"."))


def announcing(
    before: bytes, after: bytes, replies: dict[bytes, bytes] = TWO
) -> Callable[[Line], None]:
    """A script whose reply to CAPA changes with the login."""

    def talk(line: Line) -> None:
        line.say(b"+OK ready\r\n")
        capa = before
        while command := line.hear():
            word = command.split(b" ")[0]
            reply = capa if word == b"CAPA" else replies.get(word, b"+OK\r\n")
            capa = after if word == b"PASS" else capa
            line.say(reply)

    return talk


def asked(talk: Callable[[Line], None], **keys: Any) -> Poll:
    with Scripted(talk) as server:
        return poll(account(server.port, "pop3", **keys), 5)


def flights(talk: Callable[[Line], None]) -> list[list[bytes]]:
    """The command words of a poll, those together that left together."""
    with Scripted(talk) as server, Proxy(server.port) as wire:
        assert isinstance(poll(account(wire.port, "pop3"), 5).outcome, Reading)
    return [[line.split()[0] for line in flight] for flight in wire.flights]


def failure(talk: Callable[[Line], None]) -> Failure:
    outcome = asked(talk).outcome
    assert isinstance(outcome, Failure)
    return outcome


PIPELINING = capabilities(b"USER", b"pipelining")
NONE = b"-ERR unknown command\r\n"
ALONE = [[b"CAPA"], [b"USER"], [b"PASS"], [b"CAPA"], [b"STAT"], [b"QUIT"]]
TOGETHER = [[b"CAPA"], [b"USER"], [b"PASS"], [b"CAPA", b"STAT"], [b"QUIT"]]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(NONE, NONE, ALONE), (NONE, PIPELINING, ALONE), (PIPELINING, PIPELINING, TOGETHER)],
)
def test_commands_leave_together_once_the_server_is_known_to_bear_it(
    before: bytes, after: bytes, expected: list[list[bytes]]
) -> None:
    assert flights(announcing(before, after)) == expected


def test_capabilities_before_the_login_hold_where_the_server_tells_none_after_it() -> None:
    assert flights(announcing(PIPELINING, NONE)) == TOGETHER


DELAYS = {
    "only before the login": (b"LOGIN-DELAY 300 USER", b"USER", 300),
    "only after it": (b"USER", b"login-delay 10", 10),
    "the larger one, before": (b"LOGIN-DELAY 900 USER", b"LOGIN-DELAY 300", 900),
    "the larger one, after": (b"LOGIN-DELAY 10 USER", b"LOGIN-DELAY 300", 300),
    "a day": (b"USER", b"LOGIN-DELAY 86400", 86400),
    "more than a day": (b"USER", b"LOGIN-DELAY 86401", None),
    "none at all": (b"LOGIN-DELAY 0", b"LOGIN-DELAY 0", None),
    "negative": (b"LOGIN-DELAY -5", b"LOGIN-DELAY", None),
    "words": (b"LOGIN-DELAY NEVER", b"LOGIN-DELAY300", None),
    "very many digits": (b"LOGIN-DELAY " + b"9" * 5000, b"LOGIN-DELAY 1e3", None),
}


@pytest.mark.parametrize(("before", "after", "seconds"), DELAYS.values(), ids=DELAYS.keys())
def test_the_time_that_the_server_wants_between_logins_is_learned(
    before: bytes, after: bytes, seconds: float | None
) -> None:
    done = asked(announcing(capabilities(before), capabilities(after)))
    assert isinstance(done.outcome, Reading)
    assert done.login_delay == seconds


def test_it_is_learned_from_a_rejected_login_too() -> None:
    delayed = capabilities(b"LOGIN-DELAY 300 USER")
    done = asked(pop3({b"CAPA": delayed, b"PASS": b"-ERR [AUTH] no\r\n"}))
    assert isinstance(done.outcome, Failure)
    assert done.login_delay == 300


def test_malformed_capabilities_are_passed_over() -> None:
    mailutils = capabilities(b"30", b"", b"EXPIRENEVER", b"\xff\x00", b"LOGIN-DELAY 7", b"..x")
    done = asked(pop3(TWO | {b"CAPA": mailutils}))
    assert isinstance(done.outcome, Reading)
    assert done.login_delay == 7


def test_what_was_announced_before_tls_is_forgotten_after_it(dovecot: Dovecot) -> None:
    together: list[int] = []

    def talk(line: Line) -> None:
        line.say(b"+OK ready\r\n")
        line.hear()
        line.say(capabilities(b"STLS", b"PIPELINING", b"LOGIN-DELAY 300"))
        line.hear()
        line.say(b"+OK\r\n")
        secure = line.shake_hands(dovecot.certificates.good)
        while command := secure.hear():
            assert isinstance(secure.socket, SSLSocket)
            together.append(secure.socket.pending())  # what came in the same TLS record
            secure.say({b"CAPA": NONE, b"STAT": TWO[b"STAT"]}.get(command, b"+OK\r\n"))

    ca = str(dovecot.certificates.ca)
    with Scripted(talk) as server:
        done = poll(account(server.port, "pop3", "starttls", ca_file=ca), 5)
    assert isinstance(done.outcome, Reading), done.outcome
    assert done.login_delay is None
    assert not any(together)
    words = [line.split()[0] for line in server.heard]
    assert words == [b"CAPA", b"STLS", b"CAPA", b"USER", b"PASS", b"CAPA", b"STAT", b"QUIT"]


def test_in_the_clear_a_digest_is_sent_instead_of_the_password() -> None:
    with Scripted(pop3(TWO, OFFER)) as server:
        outcome = poll(account(server.port, "pop3"), 5).outcome
    assert isinstance(outcome, Reading), outcome
    assert f"APOP anna {DIGEST}".encode() in server.heard
    assert not any(line.startswith((b"USER", b"PASS")) for line in server.heard)


def test_a_rejected_digest_is_not_followed_by_the_password() -> None:
    with Scripted(pop3({b"APOP": b"-ERR [AUTH] no\r\n"}, OFFER)) as server:
        outcome = poll(account(server.port, "pop3"), 5).outcome
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.AUTH
    assert [line.split()[0] for line in server.heard] == [b"CAPA", b"APOP"]
    assert server.connections == 1


@pytest.mark.parametrize("shown", [DIGEST, DIGEST.upper()])
def test_a_digest_that_the_server_repeats_is_not_shown(shown: str) -> None:
    said = failure(pop3({b"APOP": b"-ERR what is %b?\r\n" % shown.encode()}, OFFER))
    assert said.detail == "login by APOP refused: what is [secret]?"


def test_under_tls_a_digest_is_never_sent(dovecot: Dovecot) -> None:
    def talk(line: Line) -> None:
        pop3(TWO, OFFER)(line.shake_hands(dovecot.certificates.good))

    ca = str(dovecot.certificates.ca)
    with Scripted(talk) as server:
        outcome = poll(account(server.port, "pop3", "implicit", ca_file=ca), 5).outcome
    assert isinstance(outcome, Reading), outcome
    assert [line.split()[0] for line in server.heard][:3] == [b"CAPA", b"USER", b"PASS"]


NO_OFFERS = {
    "no @": b"<1896.697170952>",
    "two @": b"<1896@697170952@host>",
    "a space": b"<1896 697170952@host>",
    "no end": b"<1896.697170952@host",
    "nothing before the @": b"<@host1>",
    "nothing after it": b"<1896.697170952@>",
    "a control character": b"<1896.\x07@host>",
    "beyond ASCII": b"<1896.\xe4@host>",
    "an address": b"<postmaster@host1.example.com>",
}


@pytest.mark.parametrize("stamp", NO_OFFERS.values(), ids=NO_OFFERS.keys())
def test_what_is_no_timestamp_is_no_offer(stamp: bytes) -> None:
    with Scripted(pop3(TWO, b"+OK %b\r\n" % stamp)) as server:
        assert isinstance(poll(account(server.port, "pop3"), 5).outcome, Reading)
    assert b"PASS wonderland" in server.heard


def test_a_user_name_with_a_space_goes_the_way_that_can_carry_it() -> None:
    with Scripted(pop3(TWO, OFFER)) as server:
        poll(account(server.port, "pop3", username="anna b"), 5)
    assert b"USER anna b" in server.heard


REFUSALS = {
    b"[AUTH] Invalid login, please try again later": FailureKind.AUTH,
    b"[IN-USE] Try again in 5 minutes": FailureKind.LOCKED,
    b"[in-use] busy": FailureKind.LOCKED,
    b"[LOGIN-DELAY] Temporarily refused, try again later": FailureKind.THROTTLED,
    b"[SYS/TEMP] Out of disk": FailureKind.UNAVAILABLE,
    b"[SYS/TEMP] Account exceeded command or bandwidth limits": FailureKind.THROTTLED,
    b"[SYS/PERM] Mailbox temporarily moved for ever": FailureKind.DENIED,
    b"[WHATEVER] no": FailureKind.AUTH,
    b"[10.0.0.1] no": FailureKind.AUTH,
    b"invalid password": FailureKind.AUTH,
    b"Logon failure: unknown user name or bad password.": FailureKind.AUTH,
    b"maildrop already locked": FailureKind.LOCKED,
    b"Exceeded the login limit for a 15 minute period.": FailureKind.THROTTLED,
    b"temporary failure": FailureKind.UNAVAILABLE,
    b"": FailureKind.AUTH,
}


@pytest.mark.parametrize("command", [b"USER", b"PASS"])
@pytest.mark.parametrize(("text", "kind"), REFUSALS.items(), ids=map(repr, REFUSALS))
def test_a_code_tells_a_refusals_kind_and_words_where_there_is_none(
    command: bytes, text: bytes, kind: FailureKind
) -> None:
    assert failure(pop3({command: b"-ERR %b\r\n" % text})).kind is kind


def test_a_real_server_takes_the_digest(dovecot: Dovecot) -> None:
    user = dovecot.add(password="pässwörd")
    dovecot.deliver(user, 1_000)
    with Proxy(dovecot.ports.pop3) as wire:
        ours = account(wire.port, "pop3", username=user.name, password=user.password)
        outcome = poll(ours, 10).outcome
    assert isinstance(outcome, Reading), outcome
    assert outcome.messages == 1
    words = [[line.split()[0] for line in flight] for flight in wire.flights]
    assert words == [[b"CAPA"], [b"APOP"], [b"CAPA", b"STAT"], [b"QUIT"]]


def test_a_real_server_rejects_a_wrong_digest_once(dovecot: Dovecot) -> None:
    with Proxy(dovecot.ports.pop3) as wire:
        ours = account(wire.port, "pop3", username=dovecot.add().name, password="wrong")
        outcome = poll(ours, 10).outcome
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.AUTH
    assert [line.split()[0] for line in wire.commands] == [b"CAPA", b"APOP"]
