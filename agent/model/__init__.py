"""The nouns that travel through the agent, from a probe's reading to a notification.

Standard library only: every other room may import this one, and it imports none of them.
Sizes are bytes (octets), times are timezone-aware UTC datetimes, durations are seconds.
"""

from agent.model.alerts import (
    Alert,
    AlertKey,
    Finding,
    Flapping,
    Notification,
    Outlook,
    Reason,
    Severity,
    Situation,
    Transition,
)
from agent.model.polls import (
    LARGEST_COUNT,
    Failure,
    FailureKind,
    Folder,
    Outcome,
    Poll,
    Quota,
    QuotaState,
    Reading,
    Role,
    Status,
)

__all__ = [
    "LARGEST_COUNT",
    "Alert",
    "AlertKey",
    "Failure",
    "FailureKind",
    "Finding",
    "Flapping",
    "Folder",
    "Notification",
    "Outcome",
    "Outlook",
    "Poll",
    "Quota",
    "QuotaState",
    "Reading",
    "Reason",
    "Role",
    "Severity",
    "Situation",
    "Status",
    "Transition",
]
