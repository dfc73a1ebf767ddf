"""Only whole lines with reading commands pass the gate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.probe.allow import IMAP_COMMANDS, POP3_COMMANDS, ForbiddenCommandError, Gate

FORBIDDEN = {
    "imap": [
        b"A1 SELECT INBOX",
        b"A1 DELETE INBOX",
        b"A1 STORE 1 +FLAGS (\\Deleted)",
        b"A1 EXPUNGE",
        b"A1 APPEND INBOX {3}",
        b"A1 select INBOX",
        b"a1 LOGIN x y",
        b"A1  LOGIN x y",
        b"LOGIN",
        b"",
        b"A1 NOOP\nA2 DELETE INBOX",
        b"A1 NOOP\rA2 DELETE INBOX",
        b"A1 STATUS \0",
        b"YWJj",
    ],
    "pop3": [b"RETR 1", b"DELE 1", b"TOP 1 0", b"RSET", b"UIDL", b"LIST", b"stat", b"", b"YWJj"],
}
CASES = [(protocol, line) for protocol, lines in FORBIDDEN.items() for line in lines]
GATES = {"imap": Gate.imap, "pop3": Gate.pop3}


@pytest.mark.parametrize(("protocol", "line"), CASES)
def test_what_is_no_reading_command_does_not_pass(protocol: str, line: bytes) -> None:
    with pytest.raises(ForbiddenCommandError):
        GATES[protocol]().check(line + b"\r\n")


@pytest.mark.parametrize("line", [b"A1 NOOP", b"A1 NOOP\r", b"A1 NOOP\n"])
def test_a_part_of_a_line_does_not_pass(line: bytes) -> None:
    with pytest.raises(ForbiddenCommandError):
        Gate.imap().check(line)


def test_every_allowed_command_passes() -> None:
    for command in IMAP_COMMANDS:
        Gate.imap().check(b"A7 %b some thing\r\n" % command)
    for command in POP3_COMMANDS:
        Gate.pop3().check(b"%b some thing\r\n" % command)


def test_unique_ids_pass_only_where_messages_are_tracked_and_all_at_once() -> None:
    Gate.pop3(track_messages=True).check(b"STAT\r\nUIDL\r\n")
    for line in (*FORBIDDEN["pop3"], b"UIDL 1", b"uidl", b"UIDLX"):
        if line != b"UIDL":
            with pytest.raises(ForbiddenCommandError):
                Gate.pop3(track_messages=True).check(line + b"\r\n")


def test_several_lines_pass_only_together() -> None:
    Gate.imap().check(b'A1 LIST "" "*"\r\nA2 GETQUOTAROOT INBOX\r\n')
    with pytest.raises(ForbiddenCommandError):
        Gate.imap().check(b'A1 LIST "" "*"\r\nA2 DELETE INBOX\r\n')


def test_a_sasl_answer_passes_only_after_its_question() -> None:
    gate = Gate.imap()
    gate.check(b"A1 AUTHENTICATE PLAIN\r\n")
    gate.check(b"AGFubmEAd29uZGVybGFuZA==\r\n")
    with pytest.raises(ForbiddenCommandError):
        gate.check(b"AGFub mEA\r\n")
    gate.check(b"A2 NOOP\r\n")
    with pytest.raises(ForbiddenCommandError):
        gate.check(b"AGFubmEAd29uZGVybGFuZA==\r\n")


@pytest.mark.parametrize("line", [b"RETR", b"DELE", b"RSET", b"UIDL", b"LIST", b"RETR1", b"A==="])
def test_no_command_passes_as_a_sasl_answer(line: bytes) -> None:
    gate = Gate.pop3()
    gate.check(b"AUTH XOAUTH2\r\n")
    with pytest.raises(ForbiddenCommandError):
        gate.check(line + b"\r\n")


@pytest.mark.parametrize("line", [b"", b"*", b"AQ==", b"dXNlcj1h", b"dXNlcj0=", b"dXNlcg=="])
def test_every_sasl_answer_passes(line: bytes) -> None:
    for gate, command in ((Gate.pop3(), b"AUTH XOAUTH2"), (Gate.imap(), b"A1 AUTHENTICATE X")):
        gate.check(command + b"\r\n")
        gate.check(line + b"\r\n")


@given(data=st.binary(max_size=30))
def test_whatever_passes_to_a_pop3_server_holds_nothing_but_allowed_commands(data: bytes) -> None:
    try:
        Gate.pop3(track_messages=True).check(data)
    except ForbiddenCommandError:
        return
    for line in data[:-2].split(b"\r\n"):
        assert line.split(b" ")[0] in POP3_COMMANDS | {b"UIDL"}


@given(data=st.binary(max_size=200))
def test_whatever_passes_holds_nothing_but_allowed_commands(data: bytes) -> None:
    try:
        Gate.imap().check(data)
    except ForbiddenCommandError:
        return
    for line in data[:-2].split(b"\r\n"):
        assert line.split(b" ")[1] in IMAP_COMMANDS
        assert not {b"\r", b"\n", b"\0"} & {bytes([byte]) for byte in line}
