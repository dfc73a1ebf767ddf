"""The running agent: builds every part from the settings, starts, stops, and tells how it is."""

from __future__ import annotations

import signal
import time
from threading import Event
from typing import TYPE_CHECKING

import structlog

from agent.config.endpoint import Endpoint
from agent.delivery import Delivery
from agent.heartbeat import Heartbeat
from agent.metrics import Exposition, OwnMetrics, page
from agent.mirror import Mirror
from agent.notify.routing import Routing
from agent.probe.read import Prober, utc_now
from agent.recorder import Recorder
from agent.schedule import Schedule
from agent.store import Recall, Store, StoreError, StoreUnavailable
from agent.web import Fleet, Guard, Keeper, Server, Site, build

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from agent.config.settings import Settings
    from agent.model import Poll

STOP_SECONDS = 2.0  # for each part; the whole must be over within ten
SETTLE_SECONDS = 1.0  # for access tokens that are being asked for
MOST_SILENCE = 30.0  # seconds without a beat after which the recorder counts as stuck

log = structlog.get_logger()


class Service:
    """One agent; construction binds the listening socket and touches nothing else.

    Raises:
        ConfigError: the web configuration file cannot be used.
        ListenError: the address cannot be listened on.
        StoreUrlError: the store's URL can never work.
    """

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._ended = Event()
        self._store = Store(settings.store.url)
        self._own = OwnMetrics(clock)
        self._exposition = Exposition(
            settings.alerts.stale_after, folder_metrics=settings.agent.folder_metrics
        )
        self._delivery = Delivery(settings, self._store, self._own, clock, ready=self._ready)
        self._mirror = Mirror(settings, self._store, self._own, clock)
        self._recorder = Recorder(
            settings,
            self._store,
            self._exposition,
            Routing(settings),
            self._wake,
            clock,
        )
        self._heartbeat = Heartbeat(settings.alerts.heartbeat(), self._is_well)
        self._own.store_up.set_function(lambda: self._recorder.problem is None)
        memory = Recall(self._store)
        self._prober = Prober(
            settings.agent.timeout.total_seconds(),
            clock,
            memory,
            tokens=settings.store.tokens_folder,
        )
        self._schedule = Schedule(
            settings,
            self._prober,
            memory,
            self._record,
            self._own.poll_lateness.observe,
            clock,
        )
        self._keeper = Keeper(settings.web.config_file)
        self._web = self._server()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._web.port

    def run(self) -> None:
        """Start, go on until SIGTERM or SIGINT, and stop. Raises as `start` does."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.end())
        self.start()
        self._ended.wait()
        self.stop()

    def end(self) -> None:
        """Let `run` stop and return; safe in a signal handler."""
        self._ended.set()

    def start(self) -> None:
        """Start every part, those first that others hand things to.

        Raises:
            StoreError: the store is another agent's, or a newer one's.
        """
        self._own.accounts.set(len(self._settings.accounts))
        self._own.receivers(each.name for each in self._settings.receivers)
        self._own.reloaded(self._clock(), successful=True)
        self._open_store()
        self._recorder.start()
        self._delivery.start()
        self._mirror.start()
        self._web.start()
        log.info(
            "agent.started",
            accounts=len(self._settings.accounts),
            receivers=len(self._settings.receivers),
            metrics=self._url("/metrics"),
        )
        self._schedule.start()
        self._heartbeat.start()

    def stop(self) -> None:
        """Stop every part in the order in which things flow, so that nothing is lost between."""
        self._heartbeat.stop(0)
        self._schedule.stop()
        self._prober.settle(SETTLE_SECONDS)
        self._recorder.stop(STOP_SECONDS)
        self._mirror.stop(STOP_SECONDS)
        self._delivery.stop(STOP_SECONDS)
        self._web.stop(STOP_SECONDS)
        self._store.close()
        log.info("agent.stopped")

    def health(self) -> Mapping[str, str | None]:
        """Each part's problem, None where all is well."""
        silent = time.monotonic() - self._recorder.last_beat
        stuck = f"no beat for {silent:.0f} s" if silent > MOST_SILENCE else None
        return {
            "schedule": self._schedule.problem,
            "recorder": stuck,
            "store": self._recorder.problem,
        }

    def _open_store(self) -> None:
        try:
            self._store.open()
        except StoreUnavailable:
            return  # it may pass: the recorder tells of it and tries again
        except StoreError:
            self._web.stop(STOP_SECONDS)
            raise

    def _wake(self) -> None:
        self._delivery.wake()
        self._mirror.wake()

    def _is_well(self) -> bool:
        """Whether all parts work, and somebody of every receiver can be told."""
        return self._mirror.problem is None and not any(self.health().values())

    def _record(self, poll: Poll) -> None:
        self._own.polled(poll)
        self._recorder.put(poll)

    def _server(self) -> Server:
        fleet = Fleet(lambda: self._settings, self._store, self._recorder, self._clock)
        app = build(
            render=lambda openmetrics: page(self._own, self._exposition, openmetrics=openmetrics),
            health=self.health,
            ready=self._ready,
            pages=Site(fleet, lambda: self._settings).routes(),
        )
        listen = self._settings.web.listen
        return Server(Guard(app, listen.host, self._keeper), listen, self._keeper)

    def _url(self, path: str) -> str:
        scheme = "https" if self._keeper.gate().context else "http"
        return f"{scheme}://{Endpoint(self._settings.web.listen.host, self.port)}{path}"

    def _ready(self) -> bool:
        """Whether every account has been polled once, but for those that must not be."""
        return self._exposition.unpolled() <= self._schedule.held
