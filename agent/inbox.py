"""Finished polls on their way to the recorder: any thread puts them in, one takes them out."""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.model import Poll

LARGEST_BATCH = 2000


class Inbox:
    """A queue that is emptied in batches."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Poll | None] = SimpleQueue()
        self._closed = False

    def put(self, poll: Poll) -> None:
        """Hand over a finished poll; never blocks."""
        self._queue.put(poll)

    def close(self) -> None:
        """Let the taker end when everything put in before is taken."""
        self._queue.put(None)

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""
        return self._closed and self._queue.empty()

    def batch(self, wait: float, due: float) -> list[Poll]:
        """What comes within `wait` seconds: a lone poll at once, or all until `due`.

        `due`, by `time.monotonic`, is when the next batch may be written under load.
        """
        polls = self._take(wait)
        while polls and not self._closed and len(polls) < LARGEST_BATCH:
            left = due - time.monotonic()
            if left <= 0:
                break
            polls += self._take(left)
        return polls

    def _take(self, wait: float) -> list[Poll]:
        """What is queued, after waiting for a first one."""
        polls: list[Poll] = []
        try:
            while len(polls) < LARGEST_BATCH:
                poll = self._queue.get(block=not polls, timeout=wait)
                if poll is None:
                    self._closed = True
                    break
                polls.append(poll)
        except Empty:
            pass
        return polls
