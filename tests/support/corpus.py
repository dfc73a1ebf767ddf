"""The recorded replies of servers, and what each must be read as."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.model import FailureKind, QuotaState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.model import Quota, Reading

_FILE = Path(__file__).parents[1] / "corpus" / "replies.jsonl"
_TAGGED = re.compile(r"^(?!\* )\S+ (OK|NO|BAD)\b", re.MULTILINE)
_ARGUMENT = re.compile(r'\S+ +(?:"([^"]*)"|(\S+))')
_PLAIN = {"storage", "message"}

# The corpus has more words for a state than the agent, which fails where nothing can be read.
_MEANING: Mapping[str, frozenset[QuotaState | FailureKind]] = {
    "limited": frozenset({QuotaState.LIMITED}),
    "near-full": frozenset({QuotaState.LIMITED}),
    "over": frozenset({QuotaState.LIMITED}),
    "unlimited": frozenset({QuotaState.UNLIMITED}),
    "none-reported": frozenset({QuotaState.UNLIMITED}),
    "follow-up-needed": frozenset({QuotaState.UNLIMITED}),  # GETQUOTA finds no limit either
    "denied": frozenset({QuotaState.DENIED}),
    "error": frozenset({QuotaState.INVALID, *FailureKind}),
    "suspicious": frozenset({QuotaState.INVALID}),
    "throttled": frozenset({FailureKind.THROTTLED}),
    "too-many-connections": frozenset({FailureKind.THROTTLED}),
    "auth-blocked": frozenset({FailureKind.AUTH}),
    "locked": frozenset({FailureKind.LOCKED}),
    "n/a": frozenset(QuotaState),  # the row is about something else, and the poll succeeds
}

# Where the agent promises something else than the corpus expects, and why.
_OVERRULED: Mapping[int, Mapping[str, object]] = {
    # What is said of a root that QUOTAROOT did not name is not believed.
    52: {"usage_bytes": None, "limit_bytes": None, "quota_state": "error"},
    # The poll fails: no count is taken from a reply that is half nonsense.
    128: {"messages": None},
}

# What a reading has no place for.
_NOT_TOLD = {
    "notes": "for people",
    "stage": "says where the reply is replayed",
    "protocol": "says how it is replayed",
    "raw_limit": "limit_bytes says what it means",
    "uidnext": "a reading has no UIDs",
    "uidvalidity": "a reading has no UIDs",
    "highestmodseq": "a reading has no modification sequences",
    "expire": "no message is ever retrieved, so that none expires for it",
    "deleted": "its size is asked for instead",
}

# Rows of which nothing can be compared; they are replayed all the same.
NOT_COMPARED: Mapping[int, str] = {
    129: "POP3 LIST is never sent: it may start a retention clock",
    130: "POP3 LIST is never sent: it may start a retention clock",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded reply; `number` is its line in the file."""

    number: int
    server: str
    command: str
    reply: str
    expect: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.number} {self.server}"

    @property
    def word(self) -> str:
        """The command without its arguments; `(GREETING)` where there was none."""
        return self.command.split()[0].upper()

    @property
    def argument(self) -> bytes:
        """The command's first argument, its quotes removed."""
        found = _ARGUMENT.match(self.command)
        return (found[1] if found[1] is not None else found[2]).encode() if found else b""

    @property
    def answer(self) -> bytes:
        """The reply for `scripted.imap`: tagged as our command is, with an OK if it was cut off."""
        tagged = _TAGGED.sub(r"<tag> \1", self.reply)
        return (tagged if "<tag>" in tagged else tagged + "<tag> OK done\r\n").encode()

    @property
    def untagged(self) -> bytes:
        """The reply without the line that ends it."""
        return b"".join(
            line for line in self.answer.splitlines(keepends=True) if not line.startswith(b"<tag>")
        )


def _rows() -> list[Row]:
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return [
        Row(
            number,
            row["server"],
            row["command"],
            row["reply"],
            row["expect"] | _OVERRULED.get(number, {}),
        )
        for number, row in enumerate(map(json.loads, lines), start=1)
    ]


ROWS = _rows()


def rows_of(*words: str, protocol: str = "imap") -> list[Row]:
    """The rows of these commands."""
    return [
        row for row in ROWS if row.word in words and row.expect.get("protocol", "imap") == protocol
    ]


def assert_agrees(row: Row, seen: Mapping[str, object]) -> None:
    """What was seen is what the row expects, and nothing that it expects was left unseen.

    A null in the row means that there is no such figure; a key that it lacks means nothing.
    """
    stated = {name: value for name, value in row.expect.items() if value not in (None, "n/a")}
    unseen = stated.keys() - seen.keys() - _NOT_TOLD.keys()
    assert not unseen, f"expected, but not compared: {unseen}"
    assert not _NOT_TOLD.keys() & seen.keys()
    for name in seen.keys() & row.expect.keys():
        if name == "quota_state":
            assert seen[name] in _MEANING[row.expect[name]], seen[name]
        else:
            assert seen[name] == row.expect[name], name


def quota_figures(reading: Reading) -> dict[str, object]:
    """What a reading says of quotas, in the words of the corpus."""
    roots = dict.fromkeys(quota.root for quota in reading.quotas)
    own = {root: [quota for quota in reading.quotas if quota.root == root] for root in roots}
    folders = _tightest([q for q in reading.quotas if q.resource == "x-num-folders"])
    return _figures(reading.quotas) | {
        "quota_state": reading.quota_state,
        "roots": {root: _known(_figures(quotas)) for root, quotas in own.items()},
        "extra_resources": {
            quota.resource.upper(): [quota.used, quota.limit]
            for quota in reading.quotas
            if quota.resource not in _PLAIN
        },
        "mailboxes": folders[0],
        "mailbox_limit": folders[1],
    }


def _figures(quotas: tuple[Quota, ...] | list[Quota]) -> dict[str, object]:
    storage = _tightest([quota for quota in quotas if quota.resource == "storage"])
    message = _tightest([quota for quota in quotas if quota.resource == "message"])
    return {
        "usage_bytes": storage[0],
        "limit_bytes": storage[1],
        "messages": message[0],
        "message_limit": message[1],
    }


def _known(figures: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in figures.items() if value is not None}


def _tightest(quotas: list[Quota]) -> tuple[int | None, int | None]:
    found = max(quotas, key=lambda quota: quota.ratio or 0, default=None)
    return (found.used, found.limit) if found else (None, None)
