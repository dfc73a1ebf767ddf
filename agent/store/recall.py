"""The store as polls read it: short, from any thread, and never in a writer's way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import select

from agent.memory import FolderSizes, Memory, UniqueIds
from agent.store.errors import StoreError
from agent.store.memory import as_refusal
from agent.store.packing import Damaged, unpack_blocks, unpack_ids
from agent.store.tables import folder_sizes, refusal, unique_ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row, Select

    from agent.memory import Refusal
    from agent.store.engine import Store

log = structlog.get_logger()


class Recall(Memory):
    """What the store remembers; None where it cannot be read.

    What is damaged counts as not remembered, so that it is learned anew.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._damaged: set[tuple[str, str]] = set()

    def folders(self, account: str) -> Mapping[bytes, FolderSizes] | None:
        """The remembered folders by their names on the wire."""
        rows = self._rows(select(folder_sizes).where(folder_sizes.c.account == account))
        if rows is None:
            return None
        found = (self._folder(row) for row in rows)
        return {folder.name: folder for folder in found if folder is not None}

    def unique_ids(self, account: str) -> UniqueIds | None:
        """The remembered messages of a maildrop; where there are none, an empty set."""
        rows = self._rows(select(unique_ids).where(unique_ids.c.account == account))
        if rows is None:
            return None
        for row in rows:
            try:
                return UniqueIds(row.mailbox, unpack_ids(row.data))
            except Damaged:
                self._tell(account, "unique ids")
        return UniqueIds("", {})

    def refusals(self) -> Mapping[str, Refusal] | None:
        """Every rejected login by account."""
        rows = self._rows(select(refusal))
        return None if rows is None else {row.account: as_refusal(row) for row in rows}

    def refusal(self, account: str) -> Refusal | None:
        """The rejected login of one account, as it is now; None where there is none, too."""
        rows = self._rows(select(refusal).where(refusal.c.account == account))
        return as_refusal(rows[0]) if rows else None

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]] | None:
        try:
            with self._store.reading() as connection:
                return connection.execute(query).all()
        except StoreError:
            return None  # the recorder tells of it

    def _folder(self, row: Row[Any]) -> FolderSizes | None:
        try:
            blocks = unpack_blocks(row.blocks)
        except Damaged:
            self._tell(row.account, "folders")
            return None
        return FolderSizes(row.folder, row.validity, row.next_uid, row.messages, blocks)

    def _tell(self, account: str, what: str) -> None:
        """Once, and not again with every poll until it is learned anew."""
        if (account, what) not in self._damaged:
            self._damaged.add((account, what))
            log.warning("memory.damaged", account=account, what=what, effect="learned anew")
