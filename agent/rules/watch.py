"""What is known of each mailbox's polls: what failed, since when, and how often in a row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.model import Failure, FailureKind, Reading

if TYPE_CHECKING:
    from datetime import datetime

    from agent.model import Poll

MOST_FAILURES = 100  # in a row that are told apart; as many can be configured to be waited for

# What can be the network's fault or the whole server's, and not one mailbox's alone.
_OUTAGES = {
    FailureKind.DNS,
    FailureKind.CONNECT,
    FailureKind.TLS,
    FailureKind.TIMEOUT,
    FailureKind.UNAVAILABLE,
    FailureKind.PROTOCOL,
}


@dataclass(frozen=True, slots=True)
class Watched:
    """One mailbox: its last poll, its last success, and the failures in a row since then.

    `failed_at` is when each of them ended, the last hundred of them; `working_since` is when the
    first success after a failure did. `without_limit` is how many readings in a row told no limit.
    None is "never".
    """

    server: str
    polled_at: datetime | None = None
    succeeded_at: datetime | None = None
    working_since: datetime | None = None
    failed_at: tuple[datetime, ...] = ()
    failure: Failure | None = None
    without_limit: int = 0

    @property
    def is_out(self) -> bool:
        """Whether its last poll failed in a way that can be its server's or the network's."""
        return self.failure is not None and self.failure.kind in _OUTAGES

    @property
    def works(self) -> bool:
        """Whether its last poll succeeded."""
        return self.succeeded_at is not None and self.failure is None

    def failures(self, since: datetime | None = None) -> int:
        """How many polls have failed in a row since then, or since the last success."""
        return sum(since is None or at >= since for at in self.failed_at)

    def after(self, poll: Poll) -> Watched:
        """The same mailbox after one more poll."""
        match poll.outcome:
            case Failure() as failure:
                return replace(
                    self,
                    polled_at=poll.at,
                    working_since=None,
                    failed_at=(*self.failed_at, poll.at)[-MOST_FAILURES:],
                    failure=failure,
                )
            case Reading() as reading:
                without = 0 if knows_limit(reading) else self.without_limit + 1
                since = self.working_since or poll.at
                return Watched(self.server, poll.at, poll.at, since, without_limit=without)


def knows_limit(reading: Reading) -> bool:
    """Whether the reading tells a limit, or that there is none."""
    return reading.quota_state.value in {"limited", "unlimited"}
