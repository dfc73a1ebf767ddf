"""What LIST, STATUS and NAMESPACE replies say (RFC 9051, sections 7.3.1, 7.3.4 and 7.3.5).

Own expressions, since the library's parser stops at what real servers send, and takes ten times
as long for a mailbox with many folders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imapclient.imap_utf7 import decode as decode_utf7

from agent.model import LARGEST_COUNT
from agent.text import LONGEST_NAME, printable, printable_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Counts = Mapping[bytes, int]  # a folder's numbers by STATUS item, in upper case

_QUOTED = rb'"(?:[^"\\]|\\.)*"'
_LIST = re.compile(rb"\(([^)]*)\) +(NIL|%s) +(.*)" % _QUOTED, re.DOTALL | re.IGNORECASE)
# The name is all up to the last list: one server sends `Deleted Items (…)` without quotes.
_STATUS = re.compile(rb"(.*?) *\(([^()]*)\) *", re.DOTALL)
_ITEM = re.compile(rb"([A-Z][A-Z0-9-]*) +([0-9]+)(?= |$)", re.IGNORECASE)
_NAME = re.compile(_QUOTED, re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_EXTENDED = re.compile(rb' +\("?(?:CHILDINFO|OLDNAME).*', re.DOTALL | re.IGNORECASE)
_TOKENS = re.compile(rb'%s|[()]|[^\s()"]+' % _QUOTED, re.DOTALL)
_PREFIX = re.compile(rb"\( *(%s)" % _QUOTED, re.DOTALL)


@dataclass(frozen=True, slots=True)
class Listed:
    """One LIST reply: the name as the server spells it, and its attributes in upper case."""

    name: bytes
    attributes: frozenset[bytes]

    @property
    def selectable(self) -> bool:
        """Whether it can hold messages (RFC 9051, section 7.3.1)."""
        return self.attributes.isdisjoint({b"\\NOSELECT", b"\\NONEXISTENT"})


def listed(lines: Iterable[bytes]) -> list[Listed]:
    """The folders of LIST replies, each once; a line that makes no sense is left out."""
    found: dict[bytes, Listed] = {}
    for line in lines:
        match = _LIST.fullmatch(line)
        if match:
            name = name_of(_EXTENDED.sub(b"", match[3]))
            found[name] = Listed(name, frozenset(match[1].upper().split()))
    return list(found.values())


def statuses(lines: Iterable[bytes]) -> dict[bytes, Counts]:
    """The counts of STATUS replies by folder; what is no believable number is left out."""
    found: dict[bytes, Counts] = {}
    for line in lines:
        match = _STATUS.fullmatch(line)
        if match:
            counts = {item.upper(): int(number[:20]) for item, number in _ITEM.findall(match[2])}
            believable = {item: n for item, n in counts.items() if n <= LARGEST_COUNT}
            found[name_of(match[1])] = believable
    return found


def name_of(raw: bytes) -> bytes:
    """A folder's name without its quotes; INBOX in the one spelling (RFC 9051, section 5.1)."""
    raw = raw.strip(b" ")
    quoted = _NAME.match(raw)
    name = _ESCAPED.sub(rb"\1", quoted[0][1:-1]) if quoted else raw
    return b"INBOX" if name.upper() == b"INBOX" else name


def displayed(name: bytes) -> str:
    """A folder's name for people: modified UTF-7 decoded (RFC 3501, 5.1.3), made printable."""
    if b"&" not in name:
        return printable_bytes(name, LONGEST_NAME)
    try:
        return printable(decode_utf7(name), LONGEST_NAME)
    except (ValueError, UnicodeError, AttributeError):
        return printable_bytes(name, LONGEST_NAME)


def foreign_prefixes(lines: Sequence[bytes]) -> tuple[bytes, ...]:
    """Where other users' and shared folders begin (RFC 2342), which are not of this mailbox."""
    kinds = [_prefixes(kind) for kind in _namespaces(lines[-1])] if lines else []
    return tuple(prefix for kind in kinds[1:] for prefix in kind if prefix)


def _namespaces(line: bytes) -> list[bytes]:
    """The three parts of a NAMESPACE reply: personal, other users', shared."""
    parts: list[bytes] = []
    depth = start = 0
    for token in _TOKENS.finditer(line):
        if depth == 0:
            start = token.start()
        depth += {b"(": 1, b")": -1}.get(token[0], 0)
        if depth == 0:
            parts.append(line[start : token.end()])
    return parts


def _prefixes(part: bytes) -> list[bytes]:
    return [name_of(prefix) for prefix in _PREFIX.findall(part)]
