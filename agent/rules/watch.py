"""What is known of each mailbox's polls: what failed, since when, and how often in a row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.model import Failure, FailureKind, Reading

if TYPE_CHECKING:
    from datetime import datetime

    from agent.model import Outcome, Poll

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

    `failed_at` is when each of them ended, the last hundred of them, and `own_since` from when on
    they are its own fault, since its server answered meanwhile. `answered_at` is when the server
    last answered it, be it with a refusal; `outage` is when each poll failed that it has not
    answered since, and `others_since` from when on these are not the network's fault, since another
    server answered. `without_limit` is how many readings in a row told no limit. None is "never".
    """

    server: str
    polled_at: datetime | None = None
    succeeded_at: datetime | None = None
    answered_at: datetime | None = None
    failed_at: tuple[datetime, ...] = ()
    own_since: datetime | None = None
    outage: tuple[datetime, ...] = ()
    others_since: datetime | None = None
    failure: Failure | None = None
    without_limit: int = 0

    @classmethod
    def restored(
        cls,
        server: str,
        polled_at: datetime,
        succeeded_at: datetime | None,
        failure: Failure | None,
    ) -> Watched:
        """The mailbox as far as its last poll tells."""
        known = cls(server, succeeded_at, succeeded_at, succeeded_at)
        return known._failed(polled_at, failure, None, None) if failure else known

    @property
    def is_out(self) -> bool:
        """Whether its last poll failed in a way that can be its server's or the network's."""
        return self.failure is not None and self.failure.kind in _OUTAGES

    @property
    def is_awaited(self) -> bool:
        """Whether its server answered last, and will be asked again in its turn."""
        kind = self.failure.kind if self.failure else None
        asked = kind not in {*_OUTAGES, FailureKind.AUTH, FailureKind.CONFIG}
        return asked and self.answered_at is not None

    @property
    def works(self) -> bool:
        """Whether its last poll succeeded."""
        return self.succeeded_at is not None and self.failure is None

    def after(
        self, poll: Poll, server: datetime | None = None, others: datetime | None = None
    ) -> Watched:
        """The same mailbox after one more poll; its server and others last answered then."""
        match poll.outcome:
            case Failure() as failure:
                return self._failed(poll.at, failure, server, others)
            case Reading() as reading:
                without = 0 if knows_limit(reading) else self.without_limit + 1
                return Watched(self.server, poll.at, poll.at, poll.at, without_limit=without)

    def _failed(
        self, at: datetime, failure: Failure, server: datetime | None, others: datetime | None
    ) -> Watched:
        out, asked = failure.kind in _OUTAGES, failure.kind is not FailureKind.CONFIG
        own_since = self.own_since or _since(self.failed_at, server if out else at, at)
        failed = replace(
            self,
            polled_at=at,
            failed_at=(*self.failed_at, at)[-MOST_FAILURES:],
            own_since=own_since,
            failure=failure,
        )
        if out:
            others_since = self.others_since or _since(self.outage, others, at)
            outage = (*self.outage, at)[-MOST_FAILURES:]
            return replace(failed, outage=outage, others_since=others_since)
        return replace(failed, answered_at=at, outage=(), others_since=None) if asked else failed


def answers(outcome: Outcome) -> bool:
    """Whether the server was asked and has answered, be it with a refusal."""
    match outcome:
        case Failure(kind):
            return kind not in {*_OUTAGES, FailureKind.CONFIG}
        case Reading():
            return True


def _since(
    failed_at: tuple[datetime, ...], answer: datetime | None, now: datetime
) -> datetime | None:
    """From when on failures, and one now, came while others were answered; None if they did not.

    An answer between two failures shows it for both.
    """
    first, last = (failed_at[0], failed_at[-1]) if failed_at else (now, now)
    return last if answer is not None and answer >= first else None


def knows_limit(reading: Reading) -> bool:
    """Whether the reading tells a limit, or that there is none."""
    return reading.quota_state.value in {"limited", "unlimited"}
