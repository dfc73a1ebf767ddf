"""Recorded capabilities: what a server announces decides what it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.model import Reading
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.corpus import Row, assert_agrees, rows_of
from tests.support.scripted import Line, Scripted, answer_imap

if TYPE_CHECKING:
    from collections.abc import Callable

GREETINGS = rows_of("(GREETING)")
ASKED = rows_of("CAPABILITY")
REPLAYED = GREETINGS + ASKED

# For every server: what the session needs, whatever was announced. EXAMINE and FETCH are for sizes.
ALWAYS = {b"CAPABILITY", b"LOGIN", b"LIST", b"STATUS", b"EXAMINE", b"FETCH", b"UID", b"LOGOUT"}
IF_ANNOUNCED = {
    b"ID": b"ID",
    b"NAMESPACE": b"NAMESPACE",
    b"QUOTA": b"GETQUOTAROOT",
    b"XLIST": b"XLIST",
}
# The agent makes no use of these, nor logs in by a token: whatever is announced, it asks the same.
UNUSED = {"CONDSTORE", "QRESYNC", "IDLE", "AUTH=XOAUTH2", "AUTH=OAUTHBEARER"}
LISTED = b'* LIST () "/" INBOX\r\n* LIST (\\All) "/" "All Mail"\r\n<tag> OK done\r\n'
LISTS = {b"LIST": LISTED, b"XLIST": LISTED.replace(b"LIST", b"XLIST")}


def announced(row: Row) -> set[bytes]:
    return set(row.answer.upper().replace(b"[", b" ").replace(b"]", b" ").split())


def before_login(row: Row) -> Callable[[Line], None]:
    """A server that says the same at any time, in its greeting or when asked."""

    def talk(line: Line) -> None:
        greeting = row.word == "(GREETING)"
        line.say(row.untagged if greeting else b"* OK ready\r\n")
        words = row.untagged.partition(b"[")[2].partition(b"]")[0]
        told = b"* %b\r\n<tag> OK done\r\n" % words if greeting else row.answer
        answer_imap(line, LISTS | {b"CAPABILITY": told})

    return talk


def with_login(row: Row) -> Callable[[Line], None]:
    """A server that says before the login what every server can do, and all with the login."""

    def talk(line: Line) -> None:
        line.say(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n")
        answer_imap(line, LISTS | {b"LOGIN": row.answer})

    return talk


def after_login(row: Row) -> Callable[[Line], None]:
    """A server that has to be asked after the login."""

    def talk(line: Line) -> None:
        line.say(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n")
        answer_imap(line, LISTS | {b"CAPABILITY": row.answer})

    return talk


def commands(talk: Callable[[Line], None]) -> list[bytes]:
    """What the server was sent, without the tags, in a poll that succeeded."""
    with Scripted(talk) as server:
        outcome = poll(account(server.port), 5).outcome
    assert isinstance(outcome, Reading), outcome
    assert len(outcome.folders) == 1  # at Gmail it is the one that holds all mail
    return [line.partition(b" ")[2] for line in server.heard]


def assert_asked_as_announced(row: Row, sent: list[bytes]) -> None:
    words = {line.split()[0] for line in sent}
    known = announced(row)
    possible = {command for name, command in IF_ANNOUNCED.items() if name in known}
    assert words <= ALWAYS | possible
    assert any(b"SPECIAL-USE" in line for line in sent) == (
        {b"SPECIAL-USE", b"LIST-STATUS"} <= known
    )
    asked = {
        "QUOTA": b"GETQUOTAROOT" in words,
        "ID": b"ID" in words,
        "STATUS=SIZE": any(b" SIZE)" in line or b" SIZE " in line for line in sent),
        "LIST-STATUS": any(b"STATUS (" in line for line in sent if line.startswith(b"LIST ")),
        "LOGINDISABLED": b"LOGIN" not in words,
    }
    if row.expect["stage"] == "post-auth":  # the login is over, and was not
        asked["LOGINDISABLED"] = row.expect["caps"]["LOGINDISABLED"]
    unused = {name: value for name, value in row.expect["caps"].items() if name in UNUSED}
    assert_agrees(row, {"caps": asked | unused})


@pytest.mark.parametrize(
    "row", [row for row in REPLAYED if row.expect["stage"] != "post-auth"], ids=str
)
def test_what_is_announced_before_the_login_decides_what_is_asked(row: Row) -> None:
    sent = commands(before_login(row))
    assert_asked_as_announced(row, sent)
    # The greeting spares one question; after the login it is asked, as the answer may have changed.
    assert sent.count(b"CAPABILITY") == (1 if row.word == "(GREETING)" else 2)


@pytest.mark.parametrize(
    "row", [row for row in REPLAYED if row.expect["stage"] == "post-auth"], ids=str
)
def test_what_is_announced_with_the_login_decides_what_is_asked(row: Row) -> None:
    sent = commands(with_login(row))
    assert_asked_as_announced(row, sent)
    assert b"CAPABILITY" not in sent


@pytest.mark.parametrize(
    "row", [row for row in ASKED if row.expect["stage"] == "post-auth"], ids=str
)
def test_what_is_announced_when_asked_after_the_login_decides_what_is_asked(row: Row) -> None:
    sent = commands(after_login(row))
    assert_asked_as_announced(row, sent)
    assert sent.count(b"CAPABILITY") == 1
