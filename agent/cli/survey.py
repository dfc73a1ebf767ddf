"""Reads from the agent's store how mailboxes stand, and says it on stdout."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.cli.beside import store_of
from agent.cli.standing import Standing, Survey, pauses, state
from agent.cli.status_document import document
from agent.cli.terminal import show
from agent.store import memory
from agent.store.overview import overview

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.config.accounts import Account
    from agent.config.settings import Settings
    from agent.memory import Refusal
    from agent.store.overview import Overview


def look(settings: Settings, accounts: Sequence[Account]) -> Survey:
    """How these accounts stand now, by one view of the store.

    Raises:
        CommandError: the store cannot be used; status 4.
    """
    with store_of(settings.store) as store, store.reading() as connection:
        known = overview(connection, [account.name for account in accounts])
        refusals = memory.refusals(connection)
    return survey(settings, accounts, known, refusals, datetime.now(UTC))


def survey(
    settings: Settings,
    accounts: Sequence[Account],
    known: Mapping[str, Overview],
    refusals: Mapping[str, Refusal],
    now: datetime,
) -> Survey:
    """How these accounts stand; `refusals` are those of all accounts."""
    return Survey(
        at=now,
        standings=tuple(_standing(settings, each, known[each.name], now) for each in accounts),
        pauses=tuple(pauses(accounts, settings.accounts, refusals, now)),
    )


def write(found: Survey, *, as_json: bool) -> None:
    """The document or the table on stdout; JSON is ASCII, so that every terminal may show it."""
    if as_json:
        show(json.dumps(document(found), indent=2))
        return
    from agent.cli import screen, status_table

    show(status_table.render(found, screen.stdout()))


def _standing(settings: Settings, account: Account, known: Overview, now: datetime) -> Standing:
    longest_silence = settings.alerts.stale_after * settings.interval(account)
    return Standing(account, known, state(known, longest_silence, now))
