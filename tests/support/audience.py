"""Receivers that a test names, who hear of everything at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from agent.config.accounts import Account
    from agent.model import Severity, Transition


class Everybody:
    """An audience of these receivers; the list may be changed while they listen."""

    def __init__(self, *names: str, targets: int = 1) -> None:
        self.names = list(names)
        self._targets = targets

    def hearers(self, transition: Transition, _accounts: Sequence[Account]) -> tuple[str, ...]:
        """All of them; of an end those who know of the alert."""
        match transition.reason:
            case None:
                return ()
            case Reason.RESOLVED:
                return transition.alert.told
            case Reason.FIRST | Reason.WORSE | Reason.REMINDER:
                return tuple(self.names)

    def silenced_until(
        self, _accounts: Sequence[Account], _severity: Severity, _rule: str, _now: datetime
    ) -> datetime | None:
        """Never."""
        return None

    def held_until(self, _receiver: str, _severity: Severity, _now: datetime) -> datetime | None:
        """Never."""
        return None

    def targets(
        self, _receiver: str, _accounts: Sequence[Account], _ratio: float | None
    ) -> tuple[str, ...]:
        """The same number for each."""
        return tuple(map(str, range(self._targets)))
