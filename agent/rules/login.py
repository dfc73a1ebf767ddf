"""Whether the server lets us in: a rejected login is told once, and when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model import AlertKey, Failure, FailureKind, Finding, Reading, Severity

if TYPE_CHECKING:
    from collections.abc import Container

    from agent.model import Poll

RULE = "login"


def login(poll: Poll, held: Container[AlertKey]) -> list[Finding]:
    """Return a finding where the login was rejected, or succeeds after the alert in `held`.

    Its moment is when the login is tried once more, None where it is not; at the end, when it
    worked. A poll that failed before or after the login says nothing of it.
    """
    key = AlertKey(poll.account, RULE)
    match poll.outcome:
        case Reading():
            return [Finding(key, None, moment=poll.at)] if key in held else []
        case Failure(FailureKind.AUTH, detail) if poll.refusal:
            retry_at = poll.refusal.retry_at
            return [Finding(key, Severity.WARNING, detail=detail, moment=retry_at)]
        case Failure():
            return []
