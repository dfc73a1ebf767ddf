"""A process that delivers what a store holds, for tests that kill it.

Arguments: the store's URL, the receiver's URL, and "between" to die after the target has accepted
the first message and before that is written down.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from datetime import UTC, datetime
from threading import Event

from agent.config.receivers import AppriseReceiver
from agent.config.settings import Settings
from agent.delivery import Delivery
from agent.metrics.own import OwnMetrics
from agent.store import Store, outbox


def die(*_: object) -> None:
    """End as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def deliver(store_url: str, hook_url: str, when: str) -> None:
    """Deliver until killed."""
    warnings.simplefilter("ignore")
    if when == "between":
        vars(outbox)["sent"] = die
    store = Store(store_url)
    store.open()
    receiver = AppriseReceiver(name="ops", type="apprise", url=hook_url)
    own = OwnMetrics(lambda: datetime.now(UTC))
    Delivery(Settings(receivers=(receiver,)), store, own).start()
    Event().wait()


if __name__ == "__main__":
    deliver(*sys.argv[1:])
