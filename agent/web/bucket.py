"""A limit on how many requests are answered."""

from __future__ import annotations


class Bucket:
    """A token bucket: full at first, and one token more for each interval (seconds)."""

    def __init__(self, interval: float, burst: int) -> None:
        self._interval = interval
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled: float | None = None

    def take(self, now: float) -> bool:
        """Take a token, if there is one."""
        if self._filled is not None:
            earned = (now - self._filled) / self._interval
            self._tokens = min(self._burst, self._tokens + earned)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
