"""The agent's store as commands use it: beside the agent, whether it runs or not."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from agent.cli.terminal import CommandError, ExitStatus
from agent.store import Store, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.settings import StoreSettings


@contextmanager
def store_of(settings: StoreSettings) -> Iterator[Store]:
    """The store that the agent with this configuration writes.

    Raises:
        CommandError: it cannot be used, or no agent has made it yet; status 4.
    """
    try:
        with closing(Store(settings.url)) as store:
            store.open_beside()
            yield store
    except StoreError as error:
        missing = isinstance(error.__cause__, FileNotFoundError)
        line = _missing(settings) if missing else str(error)
        raise CommandError(line, status=ExitStatus.STORE) from error


def _missing(settings: StoreSettings) -> str:
    return (
        "no agent has run with this configuration yet: there is no store "
        f"{Store(settings.url).path}{_where(settings.url)}"
    )


def _where(url: str) -> str:
    """What to check first where the same configuration names another file elsewhere."""
    return "" if url.startswith("sqlite:////") else " (its url is relative to where the agent runs)"
