"""A store and a mirror to some Alertmanagers, as a test needs them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING, Any

from agent.config.alertmanager import AlertmanagerReceiver
from agent.config.settings import Settings
from agent.metrics.own import OwnMetrics
from agent.mirror import Mirror
from agent.model import Alert, AlertKey, Finding, Reason, Severity, Transition
from agent.notify.alertmanager import announcing
from agent.store import announced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.store import Store

MIB = 1024 * 1024
RESEND = 0.25  # seconds; so an Alertmanager holds what it was told for one second


def utc_now() -> datetime:
    return datetime.now(UTC)


def changed(  # noqa: PLR0913  a test says what matters to it
    account: str = "anna",
    reason: Reason | None = Reason.FIRST,
    severity: Severity = Severity.WARNING,
    *,
    used: int = 17 * MIB,
    since: datetime | None = None,
    at: datetime | None = None,
    told: tuple[str, ...] = ("cluster",),
) -> Transition:
    """One change of the usage alert of a mailbox of 20 MiB; now, unless the test says when."""
    key = AlertKey(account, "usage", "", "storage")
    at = at or since or utc_now()
    finding = Finding(key, None if reason is Reason.RESOLVED else severity, used, 20 * MIB)
    alert = Alert(key, severity, since or at, at, told=told)
    return Transition(reason, alert, finding, at)


def ended(transition: Transition) -> Transition:
    """The end of an alert, now."""
    finding = replace(transition.finding, severity=None, used=MIB)
    return Transition(Reason.RESOLVED, transition.alert, finding, utc_now())


class Glass:
    """A mirror of what a store holds, in the Alertmanagers at `urls`: the receiver "cluster"."""

    def __init__(
        self,
        store: Store,
        *urls: str,
        clock: Callable[[], datetime] = utc_now,
        resend: float = RESEND,
        post_seconds: float = 10.0,
        chance: Callable[[], float] = lambda: 0.0,
        **keys: Any,
    ) -> None:
        receiver = AlertmanagerReceiver(name="cluster", type="alertmanager", urls=urls, **keys)
        self.settings = Settings(receivers=(receiver,))
        self.store, self.own = store, OwnMetrics(clock)
        self.counts: list[str] = []
        self.counted = Event()
        notified = self.own.notified

        def count(receiver: str, result: str) -> None:
            notified(receiver, result)
            self.counts.append(result)
            self.counted.set()

        self.own.notified = count  # type: ignore[method-assign]  # to wait for an event
        self.mirror = Mirror(
            self.settings, store, self.own, clock,
            chance=chance, resend=resend, post_seconds=post_seconds,
        )  # fmt: skip

    def record(self, *transitions: Transition) -> None:
        """Commit changes, as the recorder does, and say that there are some."""
        with self.store.transaction() as connection:
            announced.announce(connection, transitions, announcing(self.settings))
        self.mirror.wake()

    def until(self, *counts: str) -> None:
        """Wait until each of these has been counted, in whatever order and among others."""
        while any(self.counts.count(each) < counts.count(each) for each in counts):
            assert self.counted.wait(20), self.counts
            self.counted.clear()


@contextmanager
def running(glass: Glass) -> Iterator[Glass]:
    """Start the mirror, and stop it at the end."""
    glass.mirror.start()
    try:
        yield glass
    finally:
        glass.mirror.stop(10)
