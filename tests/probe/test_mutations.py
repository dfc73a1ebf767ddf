"""Valid sessions with a few bytes changed: a poll ends with a failure, or with what was sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from agent.model import Failure, FailureKind, Reading, Role
from agent.probe.read import poll
from agent.text import LONGEST_NAME
from tests.support.accounts import account
from tests.support.scripted import Line, Scripted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agent.model import Outcome

Script = dict[bytes, bytes]  # what is said to which command, the greeting being said to none
KIBIBYTE = 1024

IMAP_SESSIONS: dict[str, Script] = {
    "everything at once": {
        b"": b"* OK [CAPABILITY IMAP4rev1 QUOTA ID NAMESPACE LIST-STATUS STATUS=SIZE] ready\r\n",
        b"LOGIN": b"<tag> OK [CAPABILITY IMAP4rev1 QUOTA ID NAMESPACE LIST-STATUS STATUS=SIZE "
        b"SPECIAL-USE] in\r\n",
        b"ID": b'* ID ("name" "Dovecot")\r\n<tag> OK\r\n',
        b"NAMESPACE": b'* NAMESPACE (("" "/")) (("Other/" "/")) NIL\r\n<tag> OK\r\n',
        b"LIST": b'* LIST (\\HasNoChildren) "/" INBOX\r\n'
        b"* STATUS INBOX (MESSAGES 31 UNSEEN 7 SIZE 4001)\r\n"
        b'* LIST (\\HasNoChildren \\Trash) "/" "Entw&APw-rfe"\r\n'
        b'* STATUS "Entw&APw-rfe" (MESSAGES 53 UNSEEN 0 SIZE 6007)\r\n'
        b'* LIST (\\Junk) "/" {4}\r\nSpam\r\n* STATUS {4}\r\nSpam (MESSAGES 2 UNSEEN 2 SIZE 83)\r\n'
        b"<tag> OK done\r\n",
        b"GETQUOTAROOT": b'* QUOTAROOT INBOX "User quota" {5}\r\nother\r\n'
        b'* QUOTA "User quota" (STORAGE 19 97 MESSAGE 86 1009)\r\n'
        b"* QUOTA other (STORAGE 5 89)\r\n<tag> OK done\r\n",
    },
    "one after the other": {
        b"": b"* OK ready\r\n",
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1 QUOTA\r\n<tag> OK done\r\n",
        b"LIST": b'* LIST () "." INBOX\r\n* LIST (\\Noselect) "." a\r\n'
        b'* LIST () "." "a.b \\"c\\""\r\n'
        b"<tag> OK done\r\n",
        b'STATUS "INBOX"': b"* STATUS INBOX (MESSAGES 31 UNSEEN 7)\r\n<tag> OK done\r\n",
        b'STATUS "a.b': b'* STATUS "a.b \\"c\\"" (MESSAGES 53 UNSEEN 11)\r\n<tag> OK done\r\n',
        b"GETQUOTAROOT": b'* QUOTAROOT "INBOX" "" "x"\r\n'
        b'* QUOTA "" (STORAGE 19 97)\r\n<tag> OK\r\n',
        b"GETQUOTA ": b'* QUOTA "x" (MESSAGE 86 1009)\r\n<tag> OK done\r\n',
    },
}
POP3_SESSION: Script = {
    b"": b"+OK POP3 ready <1896.697170952@mail.example.com>\r\n",
    b"CAPA": b"+OK\r\nUSER\r\nUIDL\r\nLOGIN-DELAY 10\r\n.\r\n",
    b"STAT": b"+OK 31 4001\r\n",
}
Change = Callable[[bytes, int, int], bytes]  # of the data, from a place on, by some number
CHANGES: dict[str, Change] = {
    "flip a bit": lambda data, at, by: data[:at] + bytes([data[at] ^ 1 << by % 8]) + data[at + 1 :],
    "set": lambda data, at, by: data[:at] + bytes([by % 256]) + data[at + 1 :],
    "drop": lambda data, at, _: data[:at] + data[at + 1 :],
    "insert": lambda data, at, by: data[:at] + bytes([by % 256]) + data[at:],
    "repeat": lambda data, at, by: data[: at + 1 + by % 40] + data[at:],
    "truncate": lambda data, at, _: data[:at],
}
NUMBERS = st.integers(0, 10**6)
MUTATIONS = st.lists(
    st.tuples(st.sampled_from([*CHANGES]), NUMBERS, NUMBERS), min_size=1, max_size=3
)


def changed(data: bytes, mutation: tuple[str, int, int]) -> bytes:
    """The data with one change; what is empty stays so."""
    change, at, by = mutation
    return CHANGES[change](data, at % len(data), by) if data else data


@dataclass(slots=True)
class Mutant:
    """A server that talks by the script it has now; `said` is all it said to the last client."""

    script: Script = field(default_factory=dict)
    said: bytearray = field(default_factory=bytearray)
    patience: float = 0.05  # seconds; a client that goes on takes a few thousandths

    def talk(self, line: Line) -> None:
        """Answer each command, and go once the client waits for what will not come."""
        line.hurry()
        line.socket.settimeout(self.patience)
        self._say(line, self.script[b""])
        while command := line.hear():
            tag, _, rest = command.partition(b" ")
            imap = b"GETQUOTAROOT" in self.script
            words, otherwise = (rest, b"<tag> OK\r\n") if imap else (command, b"+OK\r\n")
            key = max((each for each in self.script if words.startswith(each)), key=len)
            reply = self.script[key] if key else otherwise
            self._say(line, reply.replace(b"<tag>", tag))

    def _say(self, line: Line, data: bytes) -> None:
        self.said += data
        line.say(data)


@pytest.fixture(scope="module")
def mutant() -> Iterator[tuple[Mutant, int]]:
    """One server for all examples, and its port."""
    mutant = Mutant()
    with Scripted(mutant.talk) as server:
        yield mutant, server.port


def harmless(text: str) -> bool:
    """Whether it can be shown anywhere, and is of bounded length."""
    unsafe = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return len(text) <= LONGEST_NAME and not unsafe & set(map(unicodedata.category, text))


def believe(outcome: Outcome, said: bytes) -> None:
    """Assert that it is a failure in time, or tells nothing but what was sent."""
    if isinstance(outcome, Failure):
        assert outcome.kind is not FailureKind.TIMEOUT
        assert harmless(outcome.detail)
        return
    sent = {int(digits) for digits in re.findall(rb"\d+", said)}
    for quota in outcome.quotas:
        unit = KIBIBYTE if quota.resource == "storage" else 1
        assert harmless(quota.root)
        assert harmless(quota.resource)
        assert quota.used in {number * unit for number in sent}
        assert quota.limit is None or quota.limit in {number * unit for number in sent}
    for folder in outcome.folders:
        assert harmless(folder.name)
        assert {folder.messages, folder.unread, folder.size_bytes} <= sent | {None}
    if outcome.folders:
        assert_sums(outcome)
    else:
        assert {outcome.messages, outcome.size_bytes} <= sent | {None, 0}


def assert_sums(reading: Reading) -> None:
    """Assert that totals are the sums of the folders that are told of, or unknown."""
    wasted = {Role.TRASH, Role.JUNK}
    new = [folder for folder in reading.folders if folder.role not in wasted]
    assert reading.messages == total(folder.messages for folder in reading.folders)
    assert reading.size_bytes == total(folder.size_bytes for folder in reading.folders)
    assert reading.unread == total(folder.unread for folder in new)
    for role, size in reading.reclaimable or ():
        assert size == total(each.size_bytes for each in reading.folders if each.role == role)


def total(numbers: Iterable[int | None]) -> int | None:
    """Their sum, unknown where one is."""
    known = list(numbers)
    return None if None in known else sum(number for number in known if number is not None)


def polled(mutant: tuple[Mutant, int], script: Script, protocol: str = "imap") -> Outcome:
    """The outcome of a poll of a server with this script, which is no surprise to the probe."""
    server, port = mutant
    server.script = script
    server.said.clear()
    with capture_logs() as logged:
        outcome = poll(account(port, protocol), 8).outcome
    assert not logged
    return outcome


@pytest.mark.parametrize(
    ("script", "figures"),
    [
        (IMAP_SESSIONS["everything at once"], (86, 10091, 7, 6090, [19, 86, 5])),
        (IMAP_SESSIONS["one after the other"], (84, None, 18, 0, [19, 86])),
    ],
)
def test_the_sessions_are_read_in_full_while_nothing_is_changed(
    mutant: tuple[Mutant, int], script: Script, figures: tuple[object, ...]
) -> None:
    mutant[0].patience = 8
    reading = polled(mutant, script)
    mutant[0].patience = Mutant().patience
    assert isinstance(reading, Reading)
    used = [
        quota.used // (KIBIBYTE if quota.resource == "storage" else 1) for quota in reading.quotas
    ]
    found = (reading.messages, reading.size_bytes, reading.unread, reading.reclaimable_bytes, used)
    assert found == figures
    believe(reading, bytes(mutant[0].said))


@settings(max_examples=400)
@given(name=st.sampled_from([*IMAP_SESSIONS]), part=NUMBERS, mutations=MUTATIONS)
def test_a_mutated_imap_session_tells_nothing_that_was_not_sent(
    mutant: tuple[Mutant, int], name: str, part: int, mutations: list[tuple[str, int, int]]
) -> None:
    script = IMAP_SESSIONS[name]
    command = list(script)[part % len(script)]
    mutated = reduce(changed, mutations, script[command])
    outcome = polled(mutant, script | {command: mutated})
    believe(outcome, bytes(mutant[0].said))


@settings(max_examples=150)
@given(command=st.sampled_from([*POP3_SESSION]), mutations=MUTATIONS)
def test_a_mutated_pop3_session_tells_nothing_that_was_not_sent(
    mutant: tuple[Mutant, int], command: bytes, mutations: list[tuple[str, int, int]]
) -> None:
    mutated = reduce(changed, mutations, POP3_SESSION[command])
    outcome = polled(mutant, POP3_SESSION | {command: mutated}, "pop3")
    believe(outcome, bytes(mutant[0].said))
