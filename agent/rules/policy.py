"""What alerts are judged by, beside polls and time: the settings, and whom alerts concern."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from agent.config.accounts import Account
    from agent.config.settings import Settings
    from agent.model import AlertKey, Severity, Transition


class Audience(Protocol):
    """Whom alerts of accounts concern, and when they may hear of them."""

    def hearers(self, transition: Transition, accounts: Sequence[Account]) -> tuple[str, ...]:
        """Names of the receivers that a transition concerns."""

    def silenced_until(
        self, accounts: Sequence[Account], severity: Severity, rule: str, now: datetime
    ) -> datetime | None:
        """When such an alert is silenced no more; None where it is not."""

    def held_until(self, receiver: str, severity: Severity, now: datetime) -> datetime | None:
        """The end of the receiver's quiet hours; None where it can be told now."""

    def targets(
        self, receiver: str, accounts: Sequence[Account], ratio: float | None
    ) -> tuple[str, ...]:
        """Where the receiver is told; none for one that looks at the alerts by itself."""


class Policy:
    """All that decides what a poll changes and whom it concerns, beside the poll itself."""

    def __init__(self, settings: Settings, audience: Audience) -> None:
        self.settings = settings
        self.audience = audience
        self.accounts = {each.name: each for each in settings.accounts}
        by_server: defaultdict[str, list[Account]] = defaultdict(list)
        for each in settings.accounts:
            by_server[str(each.server)].append(each)
        self._by_server = dict(by_server)
        self._shortest = min(map(settings.interval, settings.accounts), default=timedelta())

    def concerned(self, key: AlertKey) -> Sequence[Account]:
        """The accounts that an alert is about: one, all of a server, or all."""
        if key.account:
            return [self.accounts[key.account]] if key.account in self.accounts else []
        return self._by_server.get(key.root, []) if key.root else self.settings.accounts

    def interval(self, key: AlertKey) -> timedelta:
        """The shortest time between two polls of what an alert is about."""
        if not (key.account or key.root):
            return self._shortest
        return min(map(self.settings.interval, self.concerned(key)), default=self._shortest)

    def covers(self, key: AlertKey) -> bool:
        """Whether what an alert is about is still configured."""
        return bool(self.concerned(key)) or not (key.account or key.root)
