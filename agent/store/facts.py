"""A transition as JSON and back, for the outbox: numbers and names, never a URL or a secret."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from agent.model import Alert, AlertKey, Finding, Reason, Severity, Situation, Transition


def dump(transition: Transition) -> str:
    """Return the transition as one line of JSON."""
    facts = asdict(transition)
    del facts["finding"]["key"]  # the alert's own, said once
    return json.dumps(facts, default=datetime.isoformat, ensure_ascii=False)


def parse(text: str) -> Transition:
    """Return the transition that `dump` was given."""
    facts = json.loads(text)
    alert = _alert(facts["alert"])
    finding = facts["finding"]
    severity = finding["severity"]
    return Transition(
        reason=Reason(facts["reason"]) if facts["reason"] else None,
        alert=alert,
        finding=Finding(
            key=alert.key,
            severity=Severity(severity) if severity else None,
            used=finding["used"],
            limit=finding["limit"],
            detail=finding.get("detail", ""),  # absent in what an older version wrote
            moment=_time(finding.get("moment")),
        ),
        at=datetime.fromisoformat(facts["at"]),
        situation=_situation(facts.get("situation")),
    )


def _situation(facts: dict[str, Any] | None) -> Situation | None:
    if facts is None:
        return None
    reclaimable = facts["reclaimable"]
    return Situation(
        growth=facts["growth"],
        full_at=_time(facts["full_at"]),
        reclaimable=None if reclaimable is None else _pairs(reclaimable),
        largest=_pairs(facts["largest"]),
    )


def _pairs(lists: list[list[Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((name, size) for name, size in lists)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _alert(facts: dict[str, Any]) -> Alert:
    return Alert(
        key=AlertKey(**facts["key"]),
        severity=Severity(facts["severity"]),
        since=datetime.fromisoformat(facts["since"]),
        told_at=datetime.fromisoformat(facts["told_at"]),
        step=facts["step"],
        reminders=facts["reminders"],
        told=tuple(facts["told"]),
        told_as=Severity(facts["told_as"]) if facts.get("told_as") else None,
    )
