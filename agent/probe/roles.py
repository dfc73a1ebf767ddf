"""What each folder is for: by the server's word, else by the name that a client gave it."""

from __future__ import annotations

import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from agent.model import Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.probe.imap_replies import Listed

# RFC 6154, and the names of XLIST, which came before it.
_ATTRIBUTES: Mapping[bytes, Role] = {
    b"\\INBOX": Role.INBOX,
    b"\\SENT": Role.SENT,
    b"\\DRAFTS": Role.DRAFTS,
    b"\\TRASH": Role.TRASH,
    b"\\JUNK": Role.JUNK,
    b"\\SPAM": Role.JUNK,
    b"\\ARCHIVE": Role.ARCHIVE,
    b"\\ALL": Role.ALL,
    b"\\ALLMAIL": Role.ALL,
    b"\\FLAGGED": Role.FLAGGED,
    b"\\STARRED": Role.FLAGGED,
}
_SPECIAL = frozenset(_ATTRIBUTES)

_NAMED = frozenset({Role.SENT, Role.DRAFTS, Role.TRASH, Role.JUNK, Role.ARCHIVE})
# Where servers and clients put such a folder; below any other it is somebody's own.
_PARENTS = frozenset({b"", b"INBOX", b"[GMAIL]", b"[GOOGLE MAIL]", b"[IMAP]"})
_TO_UTF7 = bytes.maketrans(b"&,", b"+/")


def roles(folders: Sequence[Listed]) -> dict[bytes, Role]:
    """What each folder that can hold messages is for, by raw name; a folder of no role is absent.

    INBOX is INBOX (RFC 9051, section 5.1). Attributes come first (RFC 6154, XLIST). A role that
    no folder has by attribute goes to every folder that has one of its well-known names and lies
    at the top level, or directly below INBOX or a provider's own prefix. Raises nothing.
    """
    usable = [each for each in folders if each.selectable]
    found = {each.name: role for each in usable if (role := _by_attribute(each))}
    missing = _NAMED.difference(found.values())
    if missing:
        rest = [each for each in usable if each.name not in found]
        found |= {each.name: role for each in rest if (role := _by_name(each)) in missing}
    return found


def _by_attribute(listed: Listed) -> Role | None:
    if listed.name.upper() == b"INBOX":
        return Role.INBOX
    if _SPECIAL.isdisjoint(listed.attributes):
        return None
    return next(role for name, role in _ATTRIBUTES.items() if name in listed.attributes)


def _by_name(listed: Listed) -> Role | None:
    parent, last = b"", listed.name
    if listed.delimiter:
        parent, _, last = listed.name.rpartition(listed.delimiter)
    if parent.upper() not in _PARENTS:
        return None
    return _well_known().get(_folded(_decoded(last)))


def _decoded(name: bytes) -> str:
    """The name from modified UTF-7 or UTF-8, empty where it is neither.

    Modified UTF-7 (RFC 3501, section 5.1.3) is UTF-7 with `&` for `+` and `,` for `/`. What these
    stand for by themselves is lost, but no well-known name has one, and for thousands of names
    the decoder in C takes a quarter of the time of one that knows the difference.
    """
    try:
        return name.translate(_TO_UTF7).decode("utf-7") if b"&" in name else name.decode()
    except UnicodeDecodeError:
        return ""


def _folded(name: str) -> str:
    folded = unicodedata.normalize("NFC", name).casefold()
    return folded.replace(" ", "").replace("-", "").replace("_", "")


@cache
def _well_known() -> Mapping[str, Role]:
    """The role of each well-known name, folded, as `roles.toml` lists them by language."""
    table = tomllib.loads(files("agent.probe").joinpath("roles.toml").read_text("utf-8"))
    return {
        _folded(name): Role(role)
        for role, languages in table.items()
        for names in languages.values()
        for name in names
    }
