"""Notifications on their way: written with the alert they tell of, deleted once sent.

A sent row is not kept: its key cannot be enqueued again, because the alert's step moved on in
the same transaction. What could not be sent in time stays as a dead letter.

Notifications of one alert to one target keep their order: a recovery never overtakes the alarm
it ends, even while the alarm waits for its next attempt.
"""

from agent.store.outbox.backlog import Backlog, Letter, forget, letters, pending, revive
from agent.store.outbox.posting import enqueue, withdraw
from agent.store.outbox.sending import (
    bury,
    bury_unknown,
    claim,
    count,
    due_for,
    first_due,
    next_due,
    retry,
    sent,
)

__all__ = [
    "Backlog",
    "Letter",
    "bury",
    "bury_unknown",
    "claim",
    "count",
    "due_for",
    "enqueue",
    "first_due",
    "forget",
    "letters",
    "next_due",
    "pending",
    "retry",
    "revive",
    "sent",
    "withdraw",
]
