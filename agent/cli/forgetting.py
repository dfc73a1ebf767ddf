"""Finds what is stored about mailboxes, and erases it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.cli.beside import store_of
from agent.cli.configuration import refuse_unknown
from agent.store import erase

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Remembered:
    """A mailbox that something is stored about; `alerts` is how many of its alerts fire."""

    account: str
    configured: bool
    alerts: int

    @property
    def label(self) -> str:
        """What whoever is asked should know."""
        notes = ["still configured"] if self.configured else []
        if self.alerts:
            notes.append(f"{self.alerts} alert{'s' if self.alerts > 1 else ''} firing")
        return f"{self.account} ({', '.join(notes)})" if notes else self.account


def chosen(settings: Settings, names: Iterable[str]) -> list[Remembered]:
    """The mailboxes with these names, each once.

    Raises:
        CommandError: nothing is stored about one of them; or the store cannot be used, status 4.
    """
    asked = list(dict.fromkeys(names))
    with store_of(settings.store) as store, store.reading() as connection:
        known = erase.known(connection)
        firing = erase.firing(connection, asked)
    refuse_unknown(asked, known, 'nothing is stored about an account "{}"')
    configured = {account.name for account in settings.accounts}
    return [Remembered(name, name in configured, firing.get(name, 0)) for name in asked]


def forget(settings: Settings, mailboxes: Sequence[Remembered]) -> list[str]:
    """Erase them, and return a line for each.

    Raises:
        CommandError: the store cannot be used, and nothing is erased; status 4.
    """
    with store_of(settings.store) as store, store.transaction() as connection:
        erase.erase(connection, [each.account for each in mailboxes])
    return [_told(each) for each in mailboxes]


def _told(mailbox: Remembered) -> str:
    again = "; it is still configured, and its next poll will be stored" * mailbox.configured
    return f"{mailbox.account}: forgotten{again}"
