"""One budget of time for a whole poll."""

from __future__ import annotations

from time import monotonic


class Deadline:
    """A moment after which nothing of a poll may go on; it starts when it is made."""

    __slots__ = ("_end", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, always above 0.

        Raises:
            TimeoutError: the time is up.
        """
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def within(self, seconds: float) -> Deadline:
        """A nearer deadline: `seconds` from now, or this one where that comes first."""
        return Deadline(min(seconds, max(self._end - monotonic(), 0)))
