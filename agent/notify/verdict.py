"""What came of one attempt to send; errors are one line that names neither URL nor secret."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sent:
    """The target has accepted the message."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not accepted, or not known; `after` is the wait in seconds that the target asked for."""

    error: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """This target will not accept this message, however often it is sent."""

    error: str


Verdict = Sent | Retry | Rejected
