"""All mailboxes as they stand together: which fail on which server, and who answered last."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from heapq import nlargest
from typing import TYPE_CHECKING

from agent.rules.watch import answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from agent.model import Poll
    from agent.rules.watch import Watched

_ENOUGH = 2  # servers that answered last, to answer for the others of any one


class Answers:
    """When each server last answered, and when the others of one did."""

    def __init__(self, known: Mapping[str, datetime] | None = None) -> None:
        self._known = dict(known or {})
        self._last = dict(nlargest(_ENOUGH, self._known.items(), key=lambda each: each[1]))

    @classmethod
    def of(cls, watched: Iterable[Watched]) -> Answers:
        """As the mailboxes tell it."""
        known = cls()
        for each in watched:
            if each.answered_at:
                known._note(each.server, each.answered_at)
        return known

    def copy(self) -> Answers:
        """The same, to be changed alone."""
        return Answers(self._known)

    def heed(self, one: Watched, poll: Poll) -> Watched:
        """Return a mailbox after one more poll, and note whether its server answered."""
        if answers(poll.outcome):
            self._note(one.server, poll.at)
        elsewhere = (at for server, at in self._last.items() if server != one.server)
        return one.after(poll, self._known.get(one.server), max(elsewhere, default=None))

    def _note(self, server: str, at: datetime) -> None:
        at = max(at, self._known.get(server, at))
        self._known[server] = self._last[server] = at
        if len(self._last) > _ENOUGH:
            del self._last[min(self._last, key=self._last.__getitem__)]


@dataclass(slots=True)
class Group:
    """The mailboxes of one server, or all: how many there are, fail, and are yet to be asked again.

    `out` are those that an outage can be the cause of, and `out_since` when the last of them began
    to fail. `answered_at` is when any of them was last answered, `heard_at` when one of those that
    are not out was.
    """

    mailboxes: int = 0
    failing: int = 0
    awaited: int = 0
    out: list[Watched] = field(default_factory=list)
    out_since: datetime | None = None
    answered_at: datetime | None = None
    heard_at: datetime | None = None

    @property
    def is_up(self) -> bool:
        """Whether an answer came after the last mailbox had begun to fail."""
        return self.heard_at is not None and (
            self.out_since is None or self.heard_at > self.out_since
        )

    def add(self, one: Watched) -> None:
        """Count a mailbox."""
        self.mailboxes += 1
        self.failing += one.failure is not None
        self.awaited += one.is_awaited
        self.answered_at = _later(self.answered_at, one.answered_at)
        if one.is_out:
            self.out.append(one)
            self.out_since = _later(self.out_since, one.outage[0])
        else:
            self.heard_at = _later(self.heard_at, one.answered_at)


class Fleet:
    """All mailboxes, and the servers that have them."""

    def __init__(self, watched: Mapping[str, Watched]) -> None:
        self.everything = Group()
        self.servers: defaultdict[str, Group] = defaultdict(Group)
        for each in watched.values():
            self.everything.add(each)
            self.servers[each.server].add(each)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one and other else one or other
