"""At whatever stage a server falls silent, breaks or says goodbye: in time, and of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import pytest

from agent.model import FailureKind, QuotaState
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.faults import (
    SECOND,
    Fault,
    broken,
    expected_of,
    imap_at,
    meet,
    part,
    pop3_at,
    say,
)
from tests.support.scripted import Line, Scripted

if TYPE_CHECKING:
    from tests.support.scripted import Talk


class Stage(NamedTuple):
    """A command that the agent sends, and what makes it send it."""

    command: bytes
    capabilities: bytes = b""
    tls: Literal["none", "starttls"] = "none"


IMAP_STAGES = (
    Stage(b"CAPABILITY"),
    Stage(b"STARTTLS", b"STARTTLS", "starttls"),
    Stage(b"LOGIN"),
    Stage(b"AUTHENTICATE", b"LOGINDISABLED AUTH=PLAIN"),
    Stage(b"ID"),
    Stage(b"NAMESPACE"),
    Stage(b"LIST"),
    Stage(b"STATUS"),
    Stage(b"GETQUOTAROOT"),
    Stage(b"GETQUOTA"),
)
IMAP_ACTS = {
    "silence": (Line.stall, FailureKind.TIMEOUT),
    "silence within a line": (say(b"* QUOTA"), FailureKind.TIMEOUT),
    "a reset within a line": (broken(b"* QUOTA"), FailureKind.PROTOCOL),
    "an end within a line": (part(b"* QUOTA"), FailureKind.PROTOCOL),
    "goodbye": (part(b"* BYE shutting down\r\n"), FailureKind.UNAVAILABLE),
    "a goodbye that does not go": (say(b"* BYE [UNAVAILABLE]\r\n"), FailureKind.UNAVAILABLE),
}
POP3_STAGES = (
    Stage(b"CAPA", tls="starttls"),
    Stage(b"STLS", tls="starttls"),
    Stage(b"USER"),
    Stage(b"PASS"),
    Stage(b"STAT"),
)
POP3_ACTS = {
    "silence": (Line.stall, FailureKind.TIMEOUT),
    "silence within a line": (say(b"+O"), FailureKind.TIMEOUT),
    "a reset within a line": (broken(b"+O"), FailureKind.PROTOCOL),
    "an end within a line": (part(b"+O"), FailureKind.PROTOCOL),
}

AFTER_A_COMMAND = {
    f"{at.command.decode()}: {act}": (
        at.command,
        Fault(imap_at(at.command, does, at.capabilities), kind, "imap", at.tls),
    )
    for at in IMAP_STAGES
    for act, (does, kind) in IMAP_ACTS.items()
} | {
    f"{at.command.decode()}: {act}": (
        at.command,
        Fault(pop3_at(at.command, does), kind, "pop3", at.tls),
    )
    for at in POP3_STAGES
    for act, (does, kind) in POP3_ACTS.items()
}
AS_GREETING = {
    f"IMAP greeting: {act}": Fault(does, kind) for act, (does, kind) in IMAP_ACTS.items()
} | {f"POP3 greeting: {act}": Fault(does, kind, "pop3") for act, (does, kind) in POP3_ACTS.items()}

PARTINGS = {
    "silence": Line.stall,
    "a drip": lambda line: line.drip(b"* OK not yet\r\n", 0.05),
    "a reset": broken(b"* BY"),
    "an end": part(b""),
    "no BYE": b"<tag> OK\r\n",
    "a refusal": b"<tag> BAD what?\r\n",
    "junk": part(b"\0\xff\r\n\r\n" * 5),
}


@pytest.mark.parametrize(("command", "fault"), AFTER_A_COMMAND.values(), ids=AFTER_A_COMMAND.keys())
def test_a_server_that_fails_after_a_command(command: bytes, fault: Fault) -> None:
    assert any(command in line for line in meet(fault).heard)


@pytest.mark.parametrize("fault", AS_GREETING.values(), ids=AS_GREETING.keys())
def test_a_server_that_fails_at_once(fault: Fault) -> None:
    assert meet(fault).heard == ()


@pytest.mark.parametrize("act", PARTINGS.values(), ids=PARTINGS.keys())
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_however_a_server_parts_the_reading_is_kept(protocol: str, act: Talk | bytes) -> None:
    met = meet(
        Fault(imap_at(b"LOGOUT", act), QuotaState.LIMITED)
        if protocol == "imap"
        else Fault(pop3_at(b"QUIT", act), QuotaState.UNSUPPORTED, "pop3")
    )
    assert met.reading.messages == 3
    assert met.poll.duration < SECOND + SECOND


def test_a_silent_parting_keeps_the_reading_within_the_time_of_the_poll() -> None:
    with Scripted(imap_at(b"LOGOUT", Line.stall)) as server:
        done = poll(account(server.port), 0.4)
    assert expected_of(done) is QuotaState.LIMITED
    assert done.duration < 0.4 + SECOND
