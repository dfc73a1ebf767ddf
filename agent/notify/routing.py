"""Whom to tell: the first route that matches an alert names its receivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from agent.config.receivers import Receiver
    from agent.config.routes import Match, Route
    from agent.model import Severity


def receivers_for(
    routes: Sequence[Route],
    receivers: Sequence[Receiver],
    tags: Collection[str],
    severity: Severity,
    rule: str,
) -> tuple[str, ...]:
    """Names of the receivers that hear of an alert, each once.

    Without any route every receiver hears of everything; with routes, an alert that none of
    them matches is told to nobody.
    """
    if not routes:
        return tuple(receiver.name for receiver in receivers)
    for route in routes:
        if _matches(route.match, tags, severity, rule):
            return tuple(dict.fromkeys(route.receivers))
    return ()


def _matches(match: Match, tags: Collection[str], severity: Severity, rule: str) -> bool:
    return (
        set(match.tags).issubset(tags)
        and match.severity in (None, severity)
        and match.rule in (None, rule)
    )
