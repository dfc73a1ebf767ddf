"""A sign of life to somebody else while all is well: whoever misses it raises the alarm.

An agent that has died, or lost its network, cannot tell of it itself.
"""

from __future__ import annotations

import time
from threading import Event, Thread
from typing import TYPE_CHECKING

import structlog

from agent.notify.heartbeat import HeartbeatSink
from agent.notify.verdict import Sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.config.secrets import Secret

EVERY = 60.0  # seconds
PING_SECONDS = 10.0

log = structlog.get_logger()


class Heartbeat:
    """Asks for `address` while `healthy()`, from `start` to `stop`; does nothing without one."""

    def __init__(
        self,
        address: Secret,
        healthy: Callable[[], bool],
        *,
        every: float = EVERY,
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        self._sink, self._wanted = HeartbeatSink(address), address.given
        self._healthy, self._every, self._ping_seconds = healthy, every, ping_seconds
        self._error: str | None = None
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin with the first sign of life, if all is well."""
        if self._wanted:
            self._thread.start()

    def stop(self, timeout: float) -> None:
        """End within `timeout` seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        ended = False
        while not ended:
            due = time.monotonic() + self._every
            self._note(self._beat())
            ended = self._stopping.wait(max(due - time.monotonic(), 0.0))

    def _beat(self) -> str | None:
        """Why there was no sign of life, None where there was."""
        try:
            if not self._healthy():
                return "withheld, since the agent is not well"
            match self._sink.ping(self._ping_seconds):
                case Sent():
                    return None
                case verdict:
                    return verdict.error
        except Exception as error:  # a thread's outermost loop logs and goes on
            log.exception("heartbeat.failed")
            return f"the agent failed with {type(error).__name__}"

    def _note(self, error: str | None) -> None:
        """One line when it begins to fail, and one when it works again."""
        if error and not self._error:
            log.warning("heartbeat.missed", error=error)
        if self._error and not error:
            log.info("heartbeat.recovered")
        self._error = error
