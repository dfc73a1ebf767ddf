"""Attempts that end in time, whatever the other end does.

Each runs in a thread of its own, which is given up at the deadline: HTTP libraries bound single
socket operations only, so a server that drips could hold one up for ever.
"""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING

from agent.config.secrets import SecretError
from agent.notify.verdict import Retry, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_GIVEN_UP = 4  # attempts that may hang at a time, each a thread and a socket


class Attempts:
    """The attempts to reach one place. `run` may be called from one thread at a time."""

    def __init__(self) -> None:
        self._given_up: list[Future[Verdict]] = []

    def run(
        self,
        attempt: Callable[[], Verdict],
        seconds: float,
        given_up: Callable[[Future[Verdict]], None],
    ) -> Verdict:
        """What comes of `attempt`, or Retry within about `seconds`. Never raises.

        `given_up` is called with the attempt that is left behind; it may still end, somehow.
        """
        self._given_up = [each for each in self._given_up if not each.done()]
        if len(self._given_up) >= MOST_GIVEN_UP:
            return Retry(f"{len(self._given_up)} earlier attempts still hang")
        running: Future[Verdict] = Future()
        Thread(target=_run, args=(running, attempt), name="notify", daemon=True).start()
        try:
            return running.result(seconds)
        except TimeoutError:
            self._given_up.append(running)
            given_up(running)
            return Retry(f"no answer within {seconds:g} s")


def _run(running: Future[Verdict], attempt: Callable[[], Verdict]) -> None:
    try:
        running.set_result(attempt())
    except SecretError as error:
        running.set_result(Retry(str(error)))
    except Exception as error:  # noqa: BLE001  the sink's edge; plugins raise what they like
        running.set_result(Retry(f"the attempt failed with {type(error).__name__}"))
