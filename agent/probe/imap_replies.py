"""What LIST, STATUS and NAMESPACE replies say (RFC 9051, sections 7.3.1, 7.3.4 and 7.3.5).

Own expressions, since the library's parser stops at what real servers send, and takes ten times
as long for a mailbox with many folders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, TypeVar

from imapclient.imap_utf7 import decode as decode_utf7
from imapclient.imap_utf7 import encode as encode_utf7

from agent.model import LARGEST_COUNT
from agent.probe.blocks import Row
from agent.text import LONGEST_NAME, printable, printable_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Text = TypeVar("Text", bytes, str)
Counts = Mapping[bytes, int]  # a folder's numbers by STATUS item, in upper case

_NAMES_KEPT = 16_384
_LONGEST_KEPT = 128  # bytes; a hostile server must not fill the memory with longer ones
_QUOTED = rb'"(?:[^"\\]++|\\.)*+"'  # possessive: a literal of megabytes may come as one
_LIST = re.compile(rb"\(([^)]*)\) +(NIL|%s) +(.*)" % _QUOTED, re.DOTALL | re.IGNORECASE)
# The name is all up to the last list: one server sends `Deleted Items (…)` without quotes. A list
# may hold lists (RFC 8474: MAILBOXID). No repetition may give back: a line can be a megabyte long.
_STATUS = re.compile(rb"(.*?)\(((?:[^()]++|\([^()]*+\))*+)\) *+", re.DOTALL)
_ITEM = re.compile(rb"(?<![^ ])([A-Z][A-Z0-9-]*+) ++([0-9]++)(?= |$)", re.IGNORECASE)
_ROW = re.compile(rb"([0-9]+) \((.*)\)", re.DOTALL)
_UID = re.compile(rb"\bUID +([0-9]{1,19})\b", re.IGNORECASE)
_SIZE = re.compile(rb"\bRFC822\.SIZE +([0-9]{1,19})\b", re.IGNORECASE)
_NAME = re.compile(_QUOTED, re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_EXTENDED = re.compile(rb' \("?(?:CHILDINFO|OLDNAME).*', re.DOTALL | re.IGNORECASE)
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|$)|[()]|[^\s()"]++', re.DOTALL)
_PREFIX = re.compile(rb"\( *(%s)" % _QUOTED, re.DOTALL)


@dataclass(frozen=True, slots=True)
class Listed:
    """One LIST reply: the name as the server spells it, and its attributes in upper case.

    `delimiter` parts the levels of the name (RFC 9051, section 5.1.1); None where there are none.
    """

    name: bytes
    attributes: frozenset[bytes]
    delimiter: bytes | None = None

    @property
    def selectable(self) -> bool:
        """Whether it can hold messages (RFC 9051, section 7.3.1)."""
        return self.attributes.isdisjoint({b"\\NOSELECT", b"\\NONEXISTENT"})


def _kept(convert: Callable[[bytes], Text]) -> Callable[[bytes], Text]:
    """Most names are the same at every poll, and in every mailbox: convert them once."""
    remembering = lru_cache(maxsize=_NAMES_KEPT)(convert)

    @wraps(convert)
    def converted(raw: bytes) -> Text:
        return remembering(raw) if len(raw) <= _LONGEST_KEPT else convert(raw)

    return converted


def listed(lines: Iterable[bytes]) -> list[Listed]:
    """The folders of LIST replies, each once; a line that makes no sense is left out."""
    found: dict[bytes, Listed] = {}
    for line in lines:
        match = _LIST.fullmatch(line)
        if match:
            name = name_of(_EXTENDED.sub(b"", match[3]))
            delimiter = match[2][-2:-1] if match[2].startswith(b'"') else None
            found[name] = Listed(name, frozenset(match[1].upper().split()), delimiter)
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


def message_sizes(lines: Iterable[bytes]) -> dict[int, Row]:
    """UIDs and octets of FETCH replies by sequence number; what lacks either is left out."""
    found = {}
    for line in lines:
        row = _ROW.fullmatch(line)
        uid, size = (_UID.search(row[2]), _SIZE.search(row[2])) if row else (None, None)
        if row and uid and size and int(size[1]) <= LARGEST_COUNT:
            found[int(row[1][:20])] = Row(int(uid[1]), int(size[1]))
    return found


@_kept
def name_of(raw: bytes) -> bytes:
    """A folder's name without its quotes; INBOX in the one spelling (RFC 9051, section 5.1)."""
    raw = raw.strip(b" ")
    quoted = _NAME.match(raw)
    name = _ESCAPED.sub(rb"\1", quoted[0][1:-1]) if quoted else raw
    return b"INBOX" if name.upper() == b"INBOX" else name


@_kept
def displayed(name: bytes) -> str:
    """A folder's name for people: modified UTF-7 decoded (RFC 3501, 5.1.3), made printable."""
    name = name[: 4 * LONGEST_NAME]
    if b"&" not in name:
        return printable_bytes(name, LONGEST_NAME)
    try:
        decoded = decode_utf7(name)
        # The decoder takes what no server would write, and shows another name than there is.
        if encode_utf7(decoded) == name:
            return printable(decoded, LONGEST_NAME)
    except (ValueError, UnicodeError, AttributeError):
        pass
    return printable_bytes(name, LONGEST_NAME)


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Where the mailbox's own folders begin, and where those of others (RFC 2342)."""

    own: tuple[bytes, ...] = ()
    foreign: tuple[bytes, ...] = ()

    def is_own(self, folder: Listed) -> bool:
        """Whether a folder is of this mailbox: the longest prefix that fits its name decides.

        One server announces `INBOX.` as its users' own and everything else as shared.
        """
        name = folder.name + (folder.delimiter or b"")
        own = max((len(each) for each in self.own if name.startswith(each)), default=-1)
        foreign = max((len(each) for each in self.foreign if name.startswith(each)), default=-1)
        return folder.name == b"INBOX" or own >= foreign


def namespaces(lines: Sequence[bytes]) -> Namespaces:
    """What NAMESPACE replies say; without any, every folder is the mailbox's own."""
    kinds = [_prefixes(kind) for kind in _namespaces(lines[-1])] if lines else []
    foreign = tuple(prefix for kind in kinds[1:] for prefix in kind)
    return Namespaces(own=tuple(kinds[0]) if kinds else (), foreign=foreign)


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
