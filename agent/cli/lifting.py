"""Lifts quarantines in the agent's store, and says what that leads to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.cli.beside import store_of
from agent.cli.notes import paused, rejected
from agent.config.units import duration_text
from agent.standing import pauses
from agent.store import memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.config.accounts import Account
    from agent.config.settings import Settings
    from agent.memory import Refusal


def lift(settings: Settings, accounts: Sequence[Account]) -> list[str]:
    """Lift the quarantines of these accounts; return a line for each, and for what still holds.

    Raises:
        CommandError: the store cannot be used, and nothing is lifted; status 4.
    """
    now = datetime.now(UTC)
    with store_of(settings.store) as store, store.transaction() as connection:
        before = memory.refusals(connection)
        for account in accounts:
            memory.lift(connection, account.name, now)
        after = memory.refusals(connection)
    told = [_told(account, before.get(account.name), settings) for account in accounts]
    return told + [paused(each, now) for each in pauses(accounts, settings.accounts, after, now)]


def _told(account: Account, before: Refusal | None, settings: Settings) -> str:
    interval = duration_text(settings.interval(account))
    again = f"it is tried again at its next poll (every {interval})"
    if before is None:
        return f"{account.name}: nothing to lift: no login was rejected"
    if not before.times:
        return f"{account.name}: nothing to lift: {again}"
    return f"{account.name}: lifted ({rejected(before)}); {again}"
