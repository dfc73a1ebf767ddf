"""Every quota answer of RFC 9208's grammar, over a socket: the reading says what it says, exactly.

What is expected is drawn first; how a server spells it is drawn after, so that no parser of ours
takes part in saying what is right.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model import LARGEST_COUNT, Quota, QuotaState, Reading
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.faults import LISTED
from tests.support.scripted import Line, Scripted, imap

if TYPE_CHECKING:
    from collections.abc import Iterator

KIBIBYTE, PEBIBYTE = 1 << 10, 1 << 50
NO_LIMIT = {0, 2**31 - 1, 2**32 - 1, 2**53 - 1}
COUNTED = {"MESSAGE": "message", "MESSAGES": "message", "STORAGE": "storage"}
# RFC 9051, section 9: ATOM-CHAR; an astring may have `]` beside them.
ATOM_CHARACTERS = "".join(set(string.printable) - set(string.whitespace) - set('(){%*"\\]'))

NUMBERS = st.one_of(
    st.integers(0, 200),
    st.integers(0, LARGEST_COUNT),
    st.sampled_from([*NO_LIMIT, *(near + 2**power for near in (-1, 0) for power in (40, 50, 53))]),
)
PRINTED = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=20)
ATOMS = st.text(st.sampled_from(ATOM_CHARACTERS + "]"), min_size=1, max_size=12)
EXTENSIONS = st.text(st.sampled_from(ATOM_CHARACTERS), min_size=1, max_size=12)
RESOURCES = st.one_of(st.sampled_from([*COUNTED, "MAILBOX", "ANNOTATION-STORAGE"]), EXTENSIONS)


@dataclass(frozen=True, slots=True)
class Root:
    """A quota root as it is: its name, and usage and limit, as numbers of the wire, by resource."""

    name: str
    resources: dict[str, tuple[int, int]]
    told: bool  # with the QUOTAROOT reply; else it has to be asked for

    @property
    def quotas(self) -> list[Quota]:
        """What the reading has to say of it."""
        return [
            quota(self.name, resource, *numbers) for resource, numbers in self.resources.items()
        ]


def known(resource: str) -> str:
    """The name by which a resource goes here."""
    return COUNTED.get(resource.upper(), resource.lower())


def quota(root: str, resource: str, used: int, limit: int) -> Quota:
    """One quota by DESIGN: bytes for STORAGE, and no limit where there is none in effect."""
    unit = KIBIBYTE if known(resource) == "storage" else 1
    endless = limit in NO_LIMIT or limit * unit >= PEBIBYTE
    return Quota(root, known(resource), used * unit, None if endless else limit * unit)


ROOTS = st.lists(
    st.builds(
        Root,
        name=st.one_of(ATOMS, PRINTED),
        resources=st.dictionaries(RESOURCES, st.tuples(NUMBERS, NUMBERS), max_size=4).filter(
            lambda resources: len({known(each) for each in resources}) == len(resources)
        ),
        told=st.sampled_from([True, True, True, False]),
    ),
    max_size=4,
    unique_by=lambda root: root.name,
)


@dataclass(frozen=True, slots=True)
class Speller:
    """Spells names, words and spaces in every way that servers do."""

    draw: st.DrawFn

    def astring(self, name: str) -> bytes:
        """As an atom where it can be one, a quoted string, or a literal."""
        raw = name.encode()
        ways = ["quoted", "literal"]
        if name and set(name) <= set(ATOM_CHARACTERS + "]"):
            ways.append("atom")
        match self.draw(st.sampled_from(ways)):
            case "atom":
                return raw
            case "literal":
                return b"{%d}\r\n%b" % (len(raw), raw)
            case _:
                return quoted(raw)

    def word(self, word: str) -> bytes:
        """In any letter case."""
        return self.draw(st.sampled_from([word, word.lower(), word.title()])).encode()

    def space(self, least: int = 1) -> bytes:
        """At least so many spaces, often no more."""
        return b" " * (least + self.draw(st.sampled_from([0, 0, 0, 1])))

    def untagged(self, words: list[bytes]) -> bytes:
        """A whole reply of these words."""
        return b"* " + self.space().join(words) + self.space(0) + b"\r\n"

    def quotaroot(self, roots: list[Root]) -> bytes:
        """QUOTAROOT for INBOX."""
        mailbox = self.astring(self.draw(st.sampled_from(["INBOX", "inbox"])))
        names = [self.astring(root.name) for root in roots]
        return self.untagged([self.word("QUOTAROOT"), mailbox, *names])

    def quotas(self, root: Root) -> list[bytes]:
        """One QUOTA reply for all resources of a root, or one for each."""
        items, apart = list(root.resources.items()), self.draw(st.booleans())
        if items and apart:
            return [self.quota(root.name, [item]) for item in items]
        return [self.quota(root.name, items)]

    def quota(self, root: str, items: list[tuple[str, tuple[int, int]]]) -> bytes:
        """A QUOTA reply."""
        spelt = self.space().join(
            self.space().join([self.word(resource), b"%d" % used, b"%d" % limit])
            for resource, (used, limit) in items
        )
        listed = b"(" + self.space(0) + spelt + self.space(0) + b")"
        return self.untagged([self.word("QUOTA"), self.astring(root), listed])


def quoted(raw: bytes) -> bytes:
    """As a quoted string."""
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


@st.composite
def sessions(draw: st.DrawFn) -> tuple[list[Root], dict[bytes, bytes]]:
    """Some roots, and a server's replies that tell of them."""
    roots, speller = draw(ROOTS), Speller(draw)
    told = [line for root in roots if root.told for line in speller.quotas(root)]
    lines = [speller.quotaroot(roots), *draw(st.permutations(told))]
    replies = {
        b"GETQUOTA " + quoted(root.name.encode()): b"".join(speller.quotas(root)) + b"<tag> OK\r\n"
        for root in roots
        if not root.told
    }
    return roots, replies | {b"GETQUOTAROOT": b"".join(lines) + b"<tag> OK\r\n", b"LIST": LISTED}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Scripted, dict[bytes, bytes]]]:
    """One server for all examples, and the replies that it gives now."""
    replies: dict[bytes, bytes] = {}
    script = imap(replies)

    def talk(line: Line) -> None:
        line.hurry()
        script(line)

    with Scripted(talk) as scripted:
        yield scripted, replies


def ordered(quotas: list[Quota] | tuple[Quota, ...]) -> list[tuple[str, str]]:
    return sorted((each.root, each.resource) for each in quotas)


@settings(max_examples=300)
@given(session=sessions())
def test_the_reading_says_exactly_what_the_server_says(
    server: tuple[Scripted, dict[bytes, bytes]],
    session: tuple[list[Root], dict[bytes, bytes]],
) -> None:
    scripted, replies = server
    roots, now = session
    replies.clear()
    replies.update(now)
    reading = poll(account(scripted.port), 10).outcome
    assert isinstance(reading, Reading)
    expected = [quota for root in roots for quota in root.quotas]
    if any(quota.used > LARGEST_COUNT for quota in expected):
        assert (reading.quota_state, reading.quotas) == (QuotaState.INVALID, ())
        return
    assert ordered(reading.quotas) == ordered(expected)
    assert set(reading.quotas) == set(expected)
    limited = [quota for quota in expected if quota.limit is not None]
    assert reading.quota_state is (QuotaState.LIMITED if limited else QuotaState.UNLIMITED)
    ratios = [quota.used / quota.limit for quota in limited if quota.limit]
    assert reading.usage_ratio == max(ratios, default=None)
