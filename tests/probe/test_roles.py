"""What folders are for: the server's word first, then the names that clients give them."""

from __future__ import annotations

import tomllib
import unicodedata
from importlib.resources import files

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from imapclient.imap_utf7 import decode, encode

from agent.model import Role
from agent.probe.imap_replies import Listed, listed
from agent.probe.roles import _decoded, _folded, _well_known, roles

TABLE: dict[str, dict[str, list[str]]] = tomllib.loads(
    files("agent.probe").joinpath("roles.toml").read_text("utf-8")
)
LINES = [
    pytest.param(Role(role), names, id=f"{role}-{language}")
    for role, languages in TABLE.items()
    for language, names in languages.items()
]
WELL_KNOWN = [
    (name, Role(role))
    for role, languages in TABLE.items()
    for names in languages.values()
    for name in names
]
NAMES = st.one_of(
    st.binary(max_size=30),
    st.text(max_size=20).map(encode),
    st.sampled_from([b"Trash", b"INBOX", b"INBOX.Trash", b"&", b"&-", b"&2D0-", b"&&/+,", b"."]),
)
DELIMITERS = st.sampled_from([None, b"", b"/", b".", b"|", b"\\", b"&", b"\xff"])
ATTRIBUTES = st.sampled_from([b"\\TRASH", b"\\JUNK", b"\\NOSELECT", b"\\HASNOCHILDREN", b"\xff"])


def folder(name: bytes, *attributes: bytes, delimiter: bytes | None = b"/") -> Listed:
    return Listed(name=name, attributes=frozenset(attributes), delimiter=delimiter)


def by_name(*names: bytes, delimiter: bytes | None = b"/") -> dict[bytes, Role]:
    return roles([folder(name, delimiter=delimiter) for name in names])


@pytest.mark.parametrize(
    ("attribute", "role"),
    [
        (b"\\Inbox", Role.INBOX),
        (b"\\Sent", Role.SENT),
        (b"\\DRAFTS", Role.DRAFTS),
        (b"\\trash", Role.TRASH),
        (b"\\Junk", Role.JUNK),
        (b"\\Spam", Role.JUNK),
        (b"\\Archive", Role.ARCHIVE),
        (b"\\All", Role.ALL),
        (b"\\AllMail", Role.ALL),
        (b"\\Flagged", Role.FLAGGED),
        (b"\\starred", Role.FLAGGED),
    ],
)
def test_an_attribute_of_rfc_6154_or_xlist_in_any_case_is_the_role(
    attribute: bytes, role: Role
) -> None:
    assert roles(listed([b'(\\HasNoChildren %b) "/" Clients/Old' % attribute])) == {
        b"Clients/Old": role
    }


@pytest.mark.parametrize("name", [b"INBOX", b"Inbox", b"inbox"])
def test_inbox_is_inbox_in_any_case(name: bytes) -> None:
    assert by_name(name) == {name: Role.INBOX}


def test_a_role_that_a_folder_has_by_attribute_goes_to_no_folder_by_name() -> None:
    found = roles([folder(b"Rubbish", b"\\TRASH"), folder(b"Trash"), folder(b"Spam")])
    assert found == {b"Rubbish": Role.TRASH, b"Spam": Role.JUNK}


def test_an_attribute_beats_the_name_of_the_same_folder() -> None:
    assert roles([folder(b"Trash", b"\\ARCHIVE")]) == {b"Trash": Role.ARCHIVE}


def test_a_folder_that_holds_no_messages_has_no_role_and_takes_none_from_another() -> None:
    assert roles([folder(b"Bin", b"\\TRASH", b"\\NONEXISTENT"), folder(b"Trash")]) == {
        b"Trash": Role.TRASH
    }
    assert roles([folder(b"Trash", b"\\NOSELECT")]) == {}


@pytest.mark.parametrize(("role", "names"), LINES)
def test_a_well_known_name_is_found_however_it_is_written(role: Role, names: list[str]) -> None:
    for name in names:
        spellings = {
            name.encode(),
            encode(name),
            encode(name.upper()),
            encode(unicodedata.normalize("NFD", name)),
            encode(name.replace(" ", "_")),
            encode(name.replace(" ", "-")),
            encode(name.replace("-", " ")),
        }
        assert by_name(*spellings) == dict.fromkeys(spellings, role)


def test_all_folders_with_a_name_of_the_role_have_it() -> None:
    assert by_name(b"Trash", b"Deleted Items", b"INBOX/Trash", b"Papierkorb", b"Notes") == {
        b"Trash": Role.TRASH,
        b"Deleted Items": Role.TRASH,
        b"INBOX/Trash": Role.TRASH,
        b"Papierkorb": Role.TRASH,
    }


@pytest.mark.parametrize(
    ("name", "delimiter", "role"),
    [
        (b"INBOX.Trash", b".", Role.TRASH),
        (b"Inbox/Spam", b"/", Role.JUNK),
        (b"[Gmail]/Papierkorb", b"/", Role.TRASH),
        (b"[Google Mail]/Bin", b"/", Role.TRASH),
        (b"[Imap]/Trash", b"/", Role.TRASH),
        (b"&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-", b"|", Role.SENT),
        (b"INBOX.Gel&APY-scht", b".", Role.TRASH),
        (b"Trash", None, Role.TRASH),
    ],
)
def test_names_are_known_at_the_top_and_below_inbox_or_a_providers_prefix(
    name: bytes, delimiter: bytes | None, role: Role
) -> None:
    assert by_name(name, delimiter=delimiter) == {name: role}


@pytest.mark.parametrize(
    ("name", "delimiter"),
    [
        (b"Clients/Sent", b"/"),
        (b"Trash/2023", b"/"),
        (b"INBOX.Clients.Trash", b"."),
        (b"INBOX.INBOX.Trash", b"."),
        (b"[Gmail]/Clients/Trash", b"/"),
        (b"Other Users/bert/Trash", b"/"),
        (b"INBOX.Trash", b"/"),
        (b"INBOX/Trash", None),
        (b"Trash/", b"/"),
    ],
)
def test_a_folder_deep_in_a_persons_own_tree_has_no_role(
    name: bytes, delimiter: bytes | None
) -> None:
    assert by_name(name, delimiter=delimiter) == {}


@pytest.mark.parametrize(
    "name", [b"Sent to clients", b"Trash talk", b"Unsent", b"Outbox", b"Werbung", b"Notes", b""]
)
def test_a_name_that_only_resembles_a_well_known_one_is_none(name: bytes) -> None:
    assert by_name(name) == {}


@pytest.mark.parametrize(
    "name", [b"&", b"Gel&APY", b"Gel&APYscht", b"Gel&\xc3\xb6-scht", b"Gel\xf6scht", b"&2D0-"]
)
def test_a_name_in_no_encoding_has_no_role_and_spoils_no_other(name: bytes) -> None:
    assert by_name(name, b"Trash") == {b"Trash": Role.TRASH}


@given(
    folders=st.lists(st.builds(Listed, NAMES, st.frozensets(ATTRIBUTES), DELIMITERS), max_size=6)
)
def test_folders_of_any_bytes_raise_nothing(folders: list[Listed]) -> None:
    assert roles(folders).keys() <= {each.name for each in folders if each.selectable}


@given(
    parent=st.text(min_size=1, max_size=8).filter(lambda text: "/" not in text),
    name=st.sampled_from([name for name, _ in WELL_KNOWN]),
)
def test_below_a_folder_of_a_persons_own_nothing_has_a_role(parent: str, name: str) -> None:
    assume(parent.upper() not in {"INBOX", "[GMAIL]", "[IMAP]"})
    assert by_name(encode(f"{parent}/{name}")) == {}


@given(name=st.text(st.characters(exclude_characters="&,+/", exclude_categories=["Cs"])))
def test_modified_utf_7_is_decoded_as_the_library_does(name: str) -> None:
    assert _decoded(encode(name)) == decode(encode(name)) == name


def test_where_attributes_give_every_role_no_name_is_looked_at() -> None:
    _well_known.cache_clear()
    given_by_server = [b"\\SENT", b"\\DRAFTS", b"\\TRASH", b"\\JUNK", b"\\ARCHIVE"]
    roles([*(folder(b"Folder" + each, each) for each in given_by_server), folder(b"Sent")])
    assert _well_known.cache_info().misses == 0


def test_no_well_known_name_means_two_roles_or_could_be_lost_in_decoding() -> None:
    meanings: dict[str, set[Role]] = {}
    for name, role in WELL_KNOWN:
        meanings.setdefault(_folded(name), set()).add(role)
        assert set("&,+/.|").isdisjoint(name)
    assert [name for name, found in meanings.items() if len(found) > 1] == []


def test_each_language_has_names_for_each_role() -> None:
    assert TABLE.keys() == {"sent", "drafts", "trash", "junk", "archive"}
    languages = TABLE["sent"].keys()
    assert all(names.keys() == languages for names in TABLE.values())
