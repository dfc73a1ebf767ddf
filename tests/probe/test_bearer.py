"""What crosses the wire in a login by access token, and what servers make of it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import pytest

from agent.model import Failure, FailureKind, Reading
from agent.probe.read import Prober
from tests.support.faults import IMAP, MAILDROP, SESSION
from tests.support.provider import Provider
from tests.support.scripted import Line, Scripted, answer_imap, imap, pop3
from tests.support.tokens import by_token

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.support.scripted import Talk

AT_ONCE = IMAP + b" SASL-IR AUTH=PLAIN AUTH=XOAUTH2"
STEP_BY_STEP = IMAP + b" AUTH=PLAIN AUTH=XOAUTH2"
JSON = b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}'
CHALLENGE = b"+ " + b64encode(JSON) + b"\r\n"
REFUSED = b"NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n"
NOT_CONNECTED = b"BAD User is authenticated but not connected.\r\n"
MECHANISMS = b"+OK\r\nSASL PLAIN XOAUTH2\r\n.\r\n"


class Polled:
    """A scripted server, polled as often as a test wants to, by tokens of a provider."""

    def __init__(self, provider: Provider, folder: Path) -> None:
        self._provider, self._prober = provider, Prober(10, tokens=folder)

    def __call__(self, talk: Talk, times: int = 1, **keys: Any) -> tuple[Any, Sequence[bytes]]:
        """The last outcome, and all lines that the server heard."""
        login = {"grant": "client_credentials", "client_secret": "wonderland"}
        with Scripted(talk) as server:
            mailbox = by_token(self._provider, server.port, oauth2=login, **keys)
            for _ in range(times):
                outcome = self._prober.poll(mailbox).outcome
            return outcome, tuple(server.heard)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider("anna@example.com") as served:
        yield served


@pytest.fixture
def polled(provider: Provider, tmp_path: Path) -> Polled:
    return Polled(provider, tmp_path)


def said(line: bytes) -> bytes:
    """What the last word of a line says in base64, its token left out."""
    words, token, rest = b64decode(line.split(b" ")[-1], validate=True).partition(
        b"Bearer canary-access-"
    )
    return words + token + rest[16:]


def logs_in(line: Line) -> None:
    """Goes on with a whole session after the login."""
    line.say(line.heard[0].split(b" ")[0] + b" OK done\r\n")
    answer_imap(line, SESSION | {b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n<tag> OK\r\n"})


def step_by_step(capabilities: bytes, *challenges: bytes, end: bytes = b"") -> Talk:
    """Asks for the login in steps, and then lets it be or ends it so."""

    def talk(line: Line) -> None:
        line.say(b"* OK [CAPABILITY %b] ready\r\n" % capabilities)
        tag = line.hear().split(b" ")[0]
        for challenge in challenges:
            line.say(challenge)
            line.hear()
        if end:
            line.say(tag + b" " + end)
            line.hear()
        else:
            logs_in(line)

    return talk


def test_the_login_goes_with_the_command_where_the_server_takes_it_so(polled: Polled) -> None:
    outcome, heard = polled(imap(SESSION, AT_ONCE))
    assert isinstance(outcome, Reading), outcome
    login = heard[0]
    assert login.split(b" ")[1:3] == [b"AUTHENTICATE", b"XOAUTH2"]
    assert said(login) == b"user=anna@example.com\1auth=Bearer canary-access-\1\1"


def test_else_it_goes_when_it_is_asked_for(polled: Polled) -> None:
    outcome, heard = polled(step_by_step(STEP_BY_STEP, b"+ \r\n"))
    assert isinstance(outcome, Reading), outcome
    assert heard[0].split(b" ")[1:] == [b"AUTHENTICATE", b"XOAUTH2"]
    assert said(heard[1]) == b"user=anna@example.com\1auth=Bearer canary-access-\1\1"


def test_the_standard_goes_before_what_two_providers_made(polled: Polled) -> None:
    outcome, heard = polled(imap(SESSION, AT_ONCE + b" AUTH=OAUTHBEARER"), username="a=b,c")
    assert isinstance(outcome, Reading), outcome
    assert heard[0].split(b" ")[1:3] == [b"AUTHENTICATE", b"OAUTHBEARER"]
    message = said(heard[0]).split(b"\1")
    assert message[0] == b"n,a=a=3Db=2Cc,"
    assert message[1] == b"host=127.0.0.1"
    assert message[2].startswith(b"port=")
    assert message[3:] == [b"auth=Bearer canary-access-", b"", b""]


@pytest.mark.parametrize("capabilities", [IMAP, IMAP + b" AUTH=PLAIN AUTH=GSSAPI"])
def test_a_server_that_takes_no_token_gets_none(polled: Polled, capabilities: bytes) -> None:
    outcome, heard = polled(imap(SESSION, capabilities))
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.DENIED
    assert "offers no login by access token" in outcome.detail
    assert not [line for line in heard if b"AUTH" in line or b"LOGIN" in line]


@pytest.mark.parametrize("capabilities", [AT_ONCE, STEP_BY_STEP])
def test_what_a_server_says_before_it_refuses_is_told(polled: Polled, capabilities: bytes) -> None:
    asks = [] if capabilities is AT_ONCE else [b"+ \r\n"]
    outcome, heard = polled(step_by_step(capabilities, *asks, CHALLENGE, end=REFUSED))
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.AUTH
    assert outcome.detail.endswith(f"Invalid credentials (Failure) {JSON.decode()}")
    assert heard[-1] == b""  # the answer to it


def test_the_answer_to_a_refusal_of_the_standard_is_its_own(polled: Polled) -> None:
    talk = step_by_step(AT_ONCE + b" AUTH=OAUTHBEARER", CHALLENGE, end=REFUSED)
    outcome, heard = polled(talk)
    assert isinstance(outcome, Failure)
    assert heard[-1] == b"AQ=="


@pytest.mark.parametrize(
    "challenge", [b"+ \r\n", b"+ %%%\r\n", b"+ " + b64encode(b"\x1b[31m\0\xff" * 99) + b"\r\n"]
)
def test_a_refusal_of_any_words_is_a_printable_line(polled: Polled, challenge: bytes) -> None:
    outcome, _ = polled(step_by_step(AT_ONCE, challenge, end=b"NO\r\n"))
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.AUTH
    assert outcome.detail.isprintable()
    assert len(outcome.detail) <= 200


def test_a_server_that_goes_on_asking_gets_no_more_answers(polled: Polled) -> None:
    outcome, heard = polled(step_by_step(AT_ONCE, *[CHALLENGE] * 5))
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.PROTOCOL
    assert len(heard) == 2


def test_a_token_that_the_server_repeats_is_not_shown(polled: Polled) -> None:
    def echo(line: Line) -> None:
        line.say(b"* OK [CAPABILITY %b] ready\r\n" % AT_ONCE)
        tag, _, _, login = line.hear().split(b" ")
        token = b64decode(login).partition(b"Bearer ")[2].strip(b"\1")
        line.say(b"%b NO what is %b, or %b?\r\n" % (tag, token, login))

    outcome, _ = polled(echo)
    assert isinstance(outcome, Failure)
    assert outcome.detail == "login refused: what is [secret], or [secret]?"


@pytest.mark.parametrize("folders", ["all", "inbox"])
@pytest.mark.parametrize("command", [b"NAMESPACE", b"LIST", b"STATUS", b"GETQUOTAROOT"])
def test_who_may_not_read_the_mailbox_is_denied_though_the_login_works(
    polled: Polled, command: bytes, folders: str
) -> None:
    """As Exchange tells of a missing permission: at the first command, and then it hangs up."""
    if (command, folders) == (b"LIST", "inbox"):
        return  # it is not asked
    reply = b"<tag> " + NOT_CONNECTED + b"* BYE Connection closed. 14\r\n"
    outcome, _ = polled(imap(SESSION | {command: reply}, AT_ONCE), folders=folders)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.DENIED
    assert "not connected" in outcome.detail


def test_a_token_that_was_held_is_replaced_once_and_only_once(
    polled: Polled, provider: Provider
) -> None:
    refuse = {b"AUTHENTICATE": b"<tag> " + REFUSED}
    outcome, heard = polled(imap(SESSION | refuse, AT_ONCE))
    assert isinstance(outcome, Failure)
    assert [outcome.kind, len(heard), len(provider.requests())] == [FailureKind.AUTH, 1, 1]
    outcome, heard = polled(imap(SESSION | refuse, AT_ONCE))
    assert isinstance(outcome, Failure)
    assert [outcome.kind, len(heard), len(provider.requests())] == [FailureKind.AUTH, 2, 2]


def test_a_server_that_slows_us_down_costs_no_new_token(polled: Polled, provider: Provider) -> None:
    slow = {b"AUTHENTICATE": b"<tag> NO [LIMIT] Too many logins\r\n"}
    outcome, heard = polled(imap(SESSION | slow, AT_ONCE), times=3)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.THROTTLED
    assert (len(heard), len(provider.requests())) == (3, 1)


def maildrop(*replies: bytes, capabilities: bytes = MECHANISMS) -> Talk:
    """A POP3 server that answers AUTH and what follows it so, and then goes on."""

    def talk(line: Line) -> None:
        line.say(b"+OK ready\r\n")
        line.hear()
        line.say(capabilities)
        for reply in replies:
            line.hear()
            line.say(reply)
        while command := line.hear():
            line.say(MAILDROP.get(command, b"+OK\r\n"))  # type: ignore[arg-type]  # none is a talk

    return talk


def test_pop3_logs_in_by_two_lines_as_exchange_wants_it(polled: Polled) -> None:
    outcome, heard = polled(maildrop(b"+ \r\n", b"+OK\r\n"), protocol="pop3")
    assert isinstance(outcome, Reading), outcome
    assert outcome.messages == 3
    assert heard[:2] == (b"CAPA", b"AUTH XOAUTH2")
    assert said(heard[2]) == b"user=anna@example.com\1auth=Bearer canary-access-\1\1"


def test_pop3_without_capabilities_is_tried_by_the_older_way(polled: Polled) -> None:
    talk = maildrop(b"+\r\n", b"+OK\r\n", capabilities=b"-ERR what?\r\n")
    outcome, heard = polled(talk, protocol="pop3")
    assert isinstance(outcome, Reading), outcome
    assert heard[1] == b"AUTH XOAUTH2"


@pytest.mark.parametrize(
    ("replies", "kind", "detail"),
    [
        ((b"+ \r\n", b"-ERR Authentication failure\r\n"), FailureKind.AUTH, "failure"),
        ((b"+ \r\n", CHALLENGE, b"-ERR [AUTH] no\r\n"), FailureKind.AUTH, JSON.decode()),
        ((b"-ERR [SYS/TEMP] later\r\n",), FailureKind.UNAVAILABLE, "later"),
        ((b"+ \r\n", *[CHALLENGE] * 5), FailureKind.PROTOCOL, "does not end the login"),
        ((b"what?\r\n",), FailureKind.PROTOCOL, "not the answer of a POP3 server"),
    ],
)
def test_a_refused_pop3_login(
    polled: Polled, replies: Sequence[bytes], kind: FailureKind, detail: str
) -> None:
    outcome, heard = polled(maildrop(*replies), protocol="pop3")
    assert isinstance(outcome, Failure)
    assert (outcome.kind, detail in outcome.detail) == (kind, True), outcome
    assert not [line for line in heard if line.startswith((b"USER", b"PASS"))]


def test_a_pop3_server_that_takes_no_token_gets_none(polled: Polled) -> None:
    talk = maildrop(capabilities=b"+OK\r\nSASL PLAIN\r\nUSER\r\n.\r\n")
    outcome, heard = polled(talk, protocol="pop3")
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.DENIED
    assert heard == (b"CAPA",)


def test_a_maildrop_that_may_not_be_read_is_denied(polled: Polled) -> None:
    replies = {
        b"CAPA": MECHANISMS,
        b"AUTH": b"+ \r\n",
        b"STAT": b"-ERR User is authenticated but not connected.\r\n",
    }
    outcome, _ = polled(pop3(replies), protocol="pop3")
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.DENIED
