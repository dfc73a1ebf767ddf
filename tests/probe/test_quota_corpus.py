"""What real servers send is read as it was meant: each recorded reply over a real socket."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from agent.model import QuotaState, Reading
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.scripted import Scripted, imap

CORPUS = Path(__file__).parents[1] / "corpus" / "replies.jsonl"
ROWS = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]
QUOTA_ROOT = [row for row in ROWS if row["command"].upper().startswith("GETQUOTAROOT")]
MEANING = {
    "over": QuotaState.LIMITED,
    "error": QuotaState.INVALID,
    "suspicious": QuotaState.INVALID,
    "follow-up-needed": QuotaState.UNLIMITED,  # GETQUOTA follows, and finds no limit either
}


def with_our_tag(reply: str) -> bytes:
    """The recorded reply, its last line tagged as our command was."""
    untagged = re.sub(r"^(?!\* )\S+ (OK|NO|BAD)", r"<tag> \1", reply, flags=re.MULTILINE)
    return (untagged if "<tag>" in untagged else untagged + "<tag> OK done\r\n").encode()


def sums(reading: Reading, resource: str) -> tuple[int, int | None] | None:
    """Usage and limit of a resource where it is tightest."""
    found = [quota for quota in reading.quotas if quota.resource == resource]
    tightest = max(found, key=lambda quota: quota.ratio or 0, default=None)
    return (tightest.used, tightest.limit) if tightest else None


@pytest.mark.parametrize("row", QUOTA_ROOT, ids=lambda row: row["server"])
def test_a_recorded_quota_reply_is_read_as_it_was_meant(row: dict[str, Any]) -> None:
    expected = row["expect"]
    with Scripted(imap({b"GETQUOTAROOT": with_our_tag(row["reply"])})) as server:
        outcome = poll(account(server.port), 5).outcome
    assert isinstance(outcome, Reading), outcome
    state = MEANING.get(expected["quota_state"]) or QuotaState(expected["quota_state"])
    assert outcome.quota_state is state
    if expected["usage_bytes"] is not None:
        assert sums(outcome, "storage") == (expected["usage_bytes"], expected["limit_bytes"])
    if expected["message_limit"] is not None:
        assert sums(outcome, "message") == (expected["messages"], expected["message_limit"])
