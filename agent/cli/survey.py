"""Reads from the agent's store how mailboxes stand, and says it on stdout."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.cli.beside import store_of
from agent.cli.status_document import document
from agent.cli.terminal import show
from agent.standing import survey
from agent.store import memory
from agent.store.overview import overview

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.config.accounts import Account
    from agent.config.settings import Settings
    from agent.standing import Survey


def look(settings: Settings, accounts: Sequence[Account]) -> Survey:
    """How these accounts stand now, by one view of the store.

    Raises:
        CommandError: the store cannot be used; status 4.
    """
    with store_of(settings.store) as store, store.reading() as connection:
        known = overview(connection, [account.name for account in accounts])
        refusals = memory.refusals(connection)
    return survey(settings, accounts, known, refusals, datetime.now(UTC))


def write(found: Survey, *, as_json: bool) -> None:
    """The document or the table on stdout; JSON is ASCII, so that every terminal may show it."""
    if as_json:
        show(json.dumps(document(found), indent=2))
        return
    from agent.cli import screen, status_table

    show(status_table.render(found, screen.stdout()))
