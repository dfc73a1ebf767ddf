"""How soon a mailbox may be asked again, and by how many connections a server at a time.

Failures slow the agent down, and what a server asks for in so many words is obeyed.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Condition
from typing import TYPE_CHECKING

from agent.model import Failure, FailureKind, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from agent.model import Outcome, Poll

# The longest wait after failures where polls are more frequent, and the first where they are rarer.
PATIENCE = timedelta(minutes=15)
MOST_INTERVALS = 8  # the longest wait in poll intervals, where that is shorter
LONGEST_THROTTLE = timedelta(hours=4)
_LASTING = {FailureKind.AUTH, FailureKind.DENIED, FailureKind.THROTTLED}
JITTER = 0.2  # share of a wait by which it is made longer, at most, so that not all come at once
GROWTH_AFTER = 20  # polls that succeed in a row before a server gets one more connection


def pause_after(outcome: Outcome, failures: int, interval: timedelta) -> timedelta:
    """How long to leave a mailbox alone after its poll, the last of `failures` in a row.

    An interval after the first failure and twice as long after each further one, up to eight
    intervals or a quarter of an hour. Where the interval is longer, what may pass is looked at
    sooner: from a quarter of an hour up to the interval. A server that throttles is left alone for
    longer: from twice the interval up to four hours, or for as long as it asks.
    """
    if isinstance(outcome, Reading):
        return timedelta()
    first = interval if outcome.kind in _LASTING else min(interval, PATIENCE)
    doubled = first * (1 << min(failures - 1, 16))
    if outcome.kind is not FailureKind.THROTTLED:
        return min(doubled, max(interval, min(MOST_INTERVALS * interval, PATIENCE)))
    asked = timedelta(seconds=outcome.retry_after or 0)
    return min(max(asked, 2 * doubled), max(interval, LONGEST_THROTTLE))


@dataclass(slots=True)
class _Server:
    """One server's connections: how many may be open, how many are, and how it has fared."""

    limit: int
    open: int = 0
    successes: int = 0


class Pace:
    """What the agent has learned of how fast it may go; safe to use from any thread.

    `max_connections` bounds each server; fewer are opened while it throttles. `jitter` is a
    number from 0 to 1.
    """

    def __init__(self, max_connections: int, jitter: Callable[[], float] = random.random) -> None:
        self._most = max_connections
        self._jitter = jitter
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, datetime] = {}
        self._servers: dict[str, _Server] = {}
        self._changed = Condition()
        self._closed = False

    def not_before(self, account: str, now: datetime) -> datetime | None:
        """The time before which the account must not be polled; None where it may be now."""
        moment = self._not_before.get(account)
        return moment if moment and now < moment else None

    def forget_times(self) -> None:
        """Let every account be polled at once: the clock has jumped, and told times are wrong."""
        self._not_before.clear()

    def note(self, server: str, poll: Poll, interval: timedelta) -> None:
        """Learn from a finished poll."""
        failures = self._failures.get(poll.account, 0) + 1
        if isinstance(poll.outcome, Failure):
            self._failures[poll.account] = failures
        else:
            self._failures.pop(poll.account, None)
        wait = pause_after(poll.outcome, failures, interval) * (1 + JITTER * self._jitter())
        between_logins = timedelta(seconds=poll.login_delay or 0)
        self._not_before[poll.account] = poll.at + max(wait, between_logins)
        self._adapt(server, poll.outcome)

    @contextmanager
    def slot(self, server: str) -> Iterator[bool]:
        """One of the server's connections, when it is free; False where the agent stops."""
        with self._changed:
            state = self._state(server)
            self._changed.wait_for(lambda: self._closed or state.open < state.limit)
            state.open += 1
        try:
            yield not self._closed
        finally:
            with self._changed:
                state.open -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def connections(self, server: str) -> int:
        """How many connections the server takes at the moment."""
        with self._changed:
            return self._state(server).limit

    def _adapt(self, server: str, outcome: Outcome) -> None:
        """Half as many connections when a server throttles, one more when it did not for long."""
        with self._changed:
            state = self._state(server)
            match outcome:
                case Failure(kind=FailureKind.THROTTLED):
                    state.limit, state.successes = max(1, state.limit // 2), 0
                case Failure():
                    pass
                case Reading():
                    state.successes += 1
                    if state.successes >= GROWTH_AFTER and state.limit < self._most:
                        state.limit, state.successes = state.limit + 1, 0
                        self._changed.notify_all()

    def _state(self, server: str) -> _Server:
        return self._servers.setdefault(server, _Server(self._most))
