"""The agent's memory: history, alert state and outbox in one database, one transaction a batch."""

from agent.store.engine import Store
from agent.store.errors import (
    StoreError,
    StoreLocked,
    StoreTooNew,
    StoreUnavailable,
    StoreUrlError,
)
from agent.store.recall import Recall

__all__ = [
    "Recall",
    "Store",
    "StoreError",
    "StoreLocked",
    "StoreTooNew",
    "StoreUnavailable",
    "StoreUrlError",
]
