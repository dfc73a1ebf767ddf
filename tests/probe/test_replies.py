"""The parsers of IMAP replies: right on what is right, and never worse than silent on the rest."""

from __future__ import annotations

import contextlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model import LARGEST_COUNT, Quota
from agent.probe.imap_protocol import quote_bytes
from agent.probe.imap_replies import Listed, displayed, listed, name_of, namespaces, statuses
from agent.probe.quota import STORAGE_UNIT, UnbelievableError, named_roots, resources

NAMES = st.binary(min_size=1, max_size=30).filter(lambda raw: raw.upper() != b"INBOX")
LETTERS = (string.ascii_letters + string.digits + "/.-_@#").encode()
ATOMS = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=20).map(bytes)
FOUND_LIMITS = st.integers(min_value=1, max_value=2**40).filter(lambda n: n < 2**31 - 1)


@st.composite
def root_names(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A root as it is, and as a server may spell it (RFC 9208: an astring)."""
    if draw(st.booleans()):
        atom = draw(ATOMS)
        return atom, atom
    raw = draw(st.binary(max_size=30))
    return raw, quote_bytes(raw)


@st.composite
def quota_replies(draw: st.DrawFn) -> tuple[list[bytes], list[bytes], dict[bytes, tuple[int, int]]]:
    """QUOTAROOT and QUOTA lines of one answer, and what they say of STORAGE by root."""
    roots = draw(st.lists(root_names(), min_size=1, max_size=4, unique_by=lambda pair: pair[0]))
    said = {raw: (draw(FOUND_LIMITS), draw(FOUND_LIMITS)) for raw, _ in roots}
    keyword = draw(st.sampled_from([b"STORAGE", b"storage", b"Storage"]))
    space = draw(st.sampled_from([b"", b" "]))
    quotas = [
        b"%b (%b%b %d %d%b)%b" % (spelt, space, keyword, *said[raw], space, space)
        for raw, spelt in roots
    ]
    return [b"INBOX " + b" ".join(spelt for _, spelt in roots) + space], quotas, said


@given(answer=quota_replies())
def test_every_quota_reply_of_the_grammar_is_read(
    answer: tuple[list[bytes], list[bytes], dict[bytes, tuple[int, int]]],
) -> None:
    quotaroot, quota, said = answer
    told = resources(quota, named_roots(quotaroot), "unlimited")
    found = {root: known["storage"] for root, known in told.items()}
    assert {root: (quota.used, quota.limit) for root, quota in found.items()} == {
        root: (used * STORAGE_UNIT, limit * STORAGE_UNIT) for root, (used, limit) in said.items()
    }


@given(lines=st.lists(st.binary(max_size=80), max_size=4), roots=st.lists(st.binary(), max_size=3))
def test_a_quota_reply_of_any_bytes_is_read_or_not_believed(
    lines: list[bytes], roots: list[bytes]
) -> None:
    with contextlib.suppress(UnbelievableError):
        named_roots(lines)
    with contextlib.suppress(UnbelievableError):
        for known in resources(lines, roots, "unlimited").values():
            assert all(0 <= quota.used <= LARGEST_COUNT for quota in known.values())


@given(answer=quota_replies(), data=st.data())
def test_a_mutated_quota_reply_never_tells_more_than_was_sent(
    answer: tuple[list[bytes], list[bytes], dict[bytes, tuple[int, int]]], data: st.DataObject
) -> None:
    quotaroot, quota, said = answer
    line = bytearray(quota[0])
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] = data.draw(st.integers(0, 255))
    roots = named_roots(quotaroot)
    with contextlib.suppress(UnbelievableError):
        told = resources([bytes(line)], roots, "unlimited")
        assert told.keys() <= said.keys()
        assert all(isinstance(found, Quota) for known in told.values() for found in known.values())


@pytest.mark.parametrize(
    ("zero", "limit", "read"),
    [
        ("unlimited", b"0", None),
        ("full", b"0", 0),
        ("unlimited", b"2147483647", None),
        ("unlimited", b"4294967295", None),
        ("unlimited", b"9007199254740991", None),
        ("unlimited", b"1099511627776", None),
        ("unlimited", b"1099511627775", (2**40 - 1) * 1024),
    ],
)
def test_a_limit_that_means_none_is_none(zero: str, limit: bytes, read: int | None) -> None:
    told = resources([b'"" (STORAGE 5 %b)' % limit], [b""], zero)  # type: ignore[arg-type]
    assert told[b""]["storage"].limit == read


@given(name=NAMES, messages=st.integers(0, 10**6), unseen=st.integers(0, 10**6))
def test_a_folder_of_any_name_gets_its_own_counts(name: bytes, messages: int, unseen: int) -> None:
    quoted = quote_bytes(name)
    (found,) = listed([b'(\\HasNoChildren) "/" ' + quoted])
    counts = statuses([b"%b (MESSAGES %d UNSEEN %d)" % (quoted, messages, unseen)])
    assert found.name == name
    assert counts == {name: {b"MESSAGES": messages, b"UNSEEN": unseen}}


@given(lines=st.lists(st.binary(max_size=120), max_size=5))
def test_replies_of_any_bytes_raise_nothing(lines: list[bytes]) -> None:
    for folder in listed(lines):
        assert displayed(folder.name).isprintable()
    for counts in statuses(lines).values():
        assert all(0 <= number <= LARGEST_COUNT for number in counts.values())
    for folder in listed(lines):
        assert namespaces(lines).is_own(folder) in {True, False}


def test_inbox_is_one_folder_in_whatever_case() -> None:
    assert name_of(b"inbox") == name_of(b'"InBox"') == b"INBOX"
    assert len(listed([b'() "/" INBOX', b'() "/" Inbox'])) == 1


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        (b"INBOX ()", {b"INBOX": {}}),
        (b"Deleted Items (MESSAGES 4)", {b"Deleted Items": {b"MESSAGES": 4}}),
        (b"Old (S) (MESSAGES 4)", {b"Old (S)": {b"MESSAGES": 4}}),
        (b"NIL (MESSAGES 4)", {b"NIL": {b"MESSAGES": 4}}),
        (b"INBOX (APPENDLIMIT NIL MESSAGES 4)", {b"INBOX": {b"MESSAGES": 4}}),
        (b"INBOX (messages 4 unseen -1)", {b"INBOX": {b"MESSAGES": 4}}),
        (b"INBOX (MESSAGES 9223372036854775808)", {b"INBOX": {}}),
        (b"INBOX (MESSAGES 4) ", {b"INBOX": {b"MESSAGES": 4}}),
    ],
)
def test_what_servers_write_beside_the_grammar_is_read(
    line: bytes, counts: dict[bytes, dict[bytes, int]]
) -> None:
    assert statuses([line]) == counts


@pytest.mark.parametrize(
    ("said", "own", "foreign"),
    [
        (
            b'(("" "/")) (("~" "/")("Other/" "/")) (("#shared." "."))',
            [b"INBOX", b"Sent"],
            [b"~bob", b"Other/bob", b"#shared.team"],
        ),
        # Cyrus with `altnamespace: no`: what has no prefix is shared.
        (
            b'(("INBOX." ".")) (("user." ".")) (("" "."))',
            [b"INBOX", b"INBOX.Sent"],
            [b"user.bob", b"shared.team", b"user"],
        ),
        (b'(("" "/")) NIL NIL', [b"INBOX", b"Other/bob"], []),
        (b"NIL NIL NIL", [b"INBOX", b"Sent"], []),
        (b'(("" "/")) NIL (("" "/"))', [b"INBOX", b"Sent"], []),
    ],
)
def test_folders_of_others_are_told_by_their_namespace(
    said: bytes, own: list[bytes], foreign: list[bytes]
) -> None:
    told = namespaces([said])
    delimiter = b"." if b'"."))' in said and b'(("INBOX."' in said else b"/"
    belongs = {name: told.is_own(Listed(name, frozenset(), delimiter)) for name in own + foreign}
    assert belongs == dict.fromkeys(own, True) | dict.fromkeys(foreign, False)


def test_without_namespaces_every_folder_is_the_mailbox_s_own() -> None:
    assert namespaces([]).is_own(Listed(b"Other/bob", frozenset()))
