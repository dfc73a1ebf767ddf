"""Which folders get series of their own: the largest, and never too many."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.model import Folder

MOST = 50  # of one mailbox
MOST_IN_ALL = 10_000  # with three series each


class FolderRoom:
    """How many folders are named, by account; who comes first has the room."""

    def __init__(self) -> None:
        self._left = MOST_IN_ALL
        self._taken: dict[str, int] = {}

    def take(self, account: str, folders: Sequence[Folder]) -> tuple[Folder, ...]:
        """The largest folders, as many as there is room for; instead of those taken before."""
        self.give_back(account)
        named = sorted(folders, key=_bulk, reverse=True)[: min(MOST, self._left)]
        self._taken[account] = len(named)
        self._left -= len(named)
        return tuple(named)

    def give_back(self, account: str) -> None:
        """Leave an account's room to others."""
        self._left += self._taken.pop(account, 0)


def _bulk(folder: Folder) -> tuple[int, int]:
    """What folders are ordered by; what is not known comes last."""
    return folder.size_bytes or 0, folder.messages or 0
