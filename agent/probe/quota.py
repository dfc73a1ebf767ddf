"""What QUOTAROOT and QUOTA replies say, and whether it can be believed (RFC 9208, section 5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from agent.model import LARGEST_COUNT, FailureKind, Quota, QuotaState
from agent.probe.failures import kind_of_imap
from agent.probe.imap_protocol import is_quotable
from agent.text import LONGEST_NAME, printable_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

MOST_ROOTS = 100  # of one mailbox that are asked for
LONGEST_ROOT = 1000  # bytes
STORAGE_UNIT = 1024  # RFC 9208, section 5.1: STORAGE counts units of 1024 octets.

# How servers write "no limit" as a number, in the units of the wire.
_SENTINELS = frozenset({2**31 - 1, 2**32 - 1, 2**53 - 1})
_NO_LIMIT_FROM = 1 << 50  # 1 PiB, or as many messages

# Possessive: else the engine remembers a way back for every byte, a gigabyte for a long literal.
_TOKEN = re.compile(rb'[ \t]*+(?:"((?:[^"\\]++|\\.)*+)"|([()])|([^\s()"]++))', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_NUMBER = re.compile(rb"[0-9]{1,19}")
_RESOURCES = {b"STORAGE": "storage", b"MESSAGE": "message", b"MESSAGES": "message"}
_NOT_OFFERED = re.compile(
    rb"not enabled|disabled|not supported|unsupported|not implemented|unknown command|no quota",
    re.IGNORECASE,
)
_NOT_ALLOWED = re.compile(
    rb"denied|not allowed|not permitted|not authori[sz]ed|privilege", re.IGNORECASE
)
# Zimbra's words for an account without a limit. Others say that a root does not exist only of one
# that QUOTAROOT had no reason to name.
_NO_LIMIT = re.compile(rb"unknown quota root", re.IGNORECASE)

ZeroLimit = Literal["unlimited", "full"]
Resources = dict[str, Quota]  # by resource name
Token = bytes | Literal["(", ")"]


class UnbelievableError(ValueError):
    """A quota reply that says what cannot be, or stops in the middle."""


@dataclass(frozen=True, slots=True)
class QuotaAnswer:
    """What the server said of a mailbox's quota."""

    state: QuotaState
    quotas: tuple[Quota, ...] = ()


def named_roots(lines: Iterable[bytes]) -> list[bytes]:
    """The roots that QUOTAROOT replies name, each once.

    Raises:
        UnbelievableError: a reply makes no sense.
    """
    roots: dict[bytes, None] = {}
    for line in lines:
        names = [token for token in _tokens(line) if isinstance(token, bytes)]
        roots |= dict.fromkeys(names[1:])  # the first is the mailbox
    return list(roots)


def resources(
    lines: Iterable[bytes], roots: Sequence[bytes], zero: ZeroLimit
) -> dict[bytes, Resources]:
    """The resources of each root that QUOTA replies tell of.

    Raises:
        UnbelievableError: a reply makes no sense, contradicts another, or names a foreign root.
    """
    told: dict[bytes, Resources] = {}
    named = frozenset(roots)
    for line in lines:
        root, items = _quota_line(line)
        root = roots[0] if root is None and roots else root
        if root is None or root not in named:
            raise UnbelievableError("a quota root that QUOTAROOT did not name")
        known = told.setdefault(root, {})
        for quota in _quotas(root, items, zero):
            if known.setdefault(quota.resource, quota) != quota:
                raise UnbelievableError("two answers for one resource")
    return told


def assert_askable(roots: Sequence[bytes]) -> None:
    """Accept roots that can be asked for, one by one, by GETQUOTA.

    Raises:
        UnbelievableError: there are more, or longer ones, than any server has.
    """
    if len(roots) > MOST_ROOTS or not all(map(_is_askable, roots)):
        raise UnbelievableError("roots that cannot be asked for")


def _is_askable(root: bytes) -> bool:
    return len(root) <= LONGEST_ROOT and is_quotable(root)


def answer(told: Iterable[Resources], denied: Collection[bytes] = ()) -> QuotaAnswer:
    """The believable answer: limited where anything is."""
    quotas = tuple(quota for known in told for quota in known.values())
    if any(quota.limit is not None for quota in quotas):
        return QuotaAnswer(QuotaState.LIMITED, quotas)
    return QuotaAnswer(QuotaState.DENIED if denied else QuotaState.UNLIMITED, quotas)


def refusal(status: str, text: bytes) -> QuotaAnswer:
    """What a NO or BAD to GETQUOTAROOT means."""
    kind = kind_of_imap(text, FailureKind.PROTOCOL)
    if status == "BAD" or _NOT_OFFERED.search(text):
        return QuotaAnswer(QuotaState.UNSUPPORTED)
    if kind is FailureKind.DENIED or _NOT_ALLOWED.search(text):
        return QuotaAnswer(QuotaState.DENIED)
    return QuotaAnswer(QuotaState.INVALID)


def root_is_denied(text: bytes) -> bool:
    """Whether a NO to GETQUOTA hides the root, rather than saying that it sets no limit.

    Raises:
        UnbelievableError: it says neither.
    """
    if _NO_LIMIT.search(text):
        return False
    if refusal("NO", text).state is QuotaState.INVALID:
        raise UnbelievableError("no answer for a quota root")
    return True


def _quotas(root: bytes, items: Sequence[bytes], zero: ZeroLimit) -> Iterable[Quota]:
    name = printable_bytes(root, LONGEST_NAME)
    for resource, used, limit in zip(items[::3], items[1::3], items[2::3], strict=True):
        known = _RESOURCES.get(resource.upper())
        unit = STORAGE_UNIT if known == "storage" else 1
        yield Quota(
            root=name,
            resource=known or printable_bytes(resource, LONGEST_NAME).lower(),
            used=_believable(_number(used) * unit),
            limit=_limit(_number(limit), unit, zero),
        )


def _limit(number: int, unit: int, zero: ZeroLimit) -> int | None:
    if number == 0:
        return 0 if zero == "full" else None
    if number in _SENTINELS or number * unit >= _NO_LIMIT_FROM:
        return None
    return number * unit


def _number(text: bytes) -> int:
    if not _NUMBER.fullmatch(text):
        raise UnbelievableError("not a number")
    return _believable(int(text))


def _believable(number: int) -> int:
    if number > LARGEST_COUNT:
        raise UnbelievableError("a number beyond 63 bits")
    return number


def _quota_line(line: bytes) -> tuple[bytes | None, list[bytes]]:
    """The root (None where it was left out) and the names and numbers of its list."""
    tokens = _tokens(line)
    first = tokens[0] if tokens else b""
    root = first if tokens and isinstance(first, bytes) else None
    items = _items(tokens if root is None else tokens[1:])
    if items is None and root is None:
        raise UnbelievableError("neither a root nor a list")
    return root, items or []


def _items(tokens: Sequence[Token]) -> list[bytes] | None:
    """What stands in the list; None without a list, which is Courier's way to say unlimited."""
    if not tokens:
        return None
    items = [token for token in tokens if isinstance(token, bytes)]
    if list(tokens) != ["(", *items, ")"]:
        raise UnbelievableError("not a list, or one cut short")
    if len(items) == 1:
        return []  # hMailServer: a name without numbers where there is no limit
    if len(items) % 3:
        raise UnbelievableError("a list cut short")
    return items


def _tokens(line: bytes) -> list[Token]:
    """Names as bytes, parentheses as text, so that a quoted one is never taken for the other."""
    found: list[Token] = []
    position, end = 0, len(line.rstrip())
    while position < end:
        token = _TOKEN.match(line, position)
        if token is None:
            raise UnbelievableError("a reply cut short")
        quoted, parenthesis, atom = token.groups()
        if parenthesis:
            found.append("(" if parenthesis == b"(" else ")")
        else:
            found.append(atom if quoted is None else _ESCAPED.sub(rb"\1", quoted))
        position = token.end()
    return found
