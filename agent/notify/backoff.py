"""When a notification that failed is tried again, and when it is given up."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST_WAIT = 1.0  # seconds before the second attempt, doubled with each further one
LONGEST_WAIT = 15 * 60.0
LONGEST_PAUSE = 60.0  # seconds between two tries of what is told a state, not a message
LONGEST_WISH = 3600.0  # seconds; a target may not ask for a longer Retry-After
KEPT = timedelta(hours=24)
LEAST_ATTEMPTS = 12  # some 20 minutes; else an agent that was off for a day would try just once


def next_attempt(
    attempts: int,
    created: datetime,
    now: datetime,
    chance: float,
    after: float | None = None,
) -> datetime | None:
    """When to try again after `attempts` failures; None when it is time to give up.

    Exponential with full jitter (`chance`, 0 to 1), but not before the target's `after` seconds.
    """
    if attempts >= LEAST_ATTEMPTS and now - created >= KEPT:
        return None
    longest = min(FIRST_WAIT * 2.0 ** min(attempts - 1, 32), LONGEST_WAIT)
    return now + timedelta(seconds=max(longest * chance, min(after or 0.0, LONGEST_WISH)))


def pause(failures: int, chance: float, after: float | None = None) -> float:
    """Seconds until a place is tried again that has failed so often in a row: 1 to 60.

    Exponential with jitter (`chance`, 0 to 1), but not before its `after` seconds, within the 60.
    """
    longest = min(FIRST_WAIT * 2.0 ** min(failures - 1, 32), LONGEST_PAUSE)
    jittered = FIRST_WAIT + (longest - FIRST_WAIT) * chance
    return max(jittered, min(after or 0.0, LONGEST_PAUSE))
