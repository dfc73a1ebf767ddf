"""Requests that end in time, whatever the other end does: their connections are cut."""

from __future__ import annotations

from contextlib import suppress
from socket import SHUT_RDWR, socket
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, Self

from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from urllib3 import PoolManager


class Alarm:
    """Cuts the connections that it holds after so many seconds; `rung` says whether it did."""

    def __init__(self, seconds: float) -> None:
        self.rung = False
        self._held: list[socket] = []
        self._changing = Lock()
        self._timer = Timer(seconds, self._ring)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._changing:
            for held in self._held:
                held.close()
            self._held.clear()

    def hold(self, connected: socket) -> None:
        """Cut this connection too. Raises TimeoutError where it is too late for that."""
        with self._changing:
            if self.rung:
                connected.close()
                raise TimeoutError
            # A second handle: the first one moves into the TLS connection.
            self._held.append(connected.dup())

    def _ring(self) -> None:
        with self._changing:
            self.rung = True
            for held in self._held:
                with suppress(OSError):  # it has ended by itself
                    held.shutdown(SHUT_RDWR)


def session(alarm: Alarm) -> Session:
    """A session all of whose connections the alarm holds, also those to a proxy."""
    made = Session()
    made.mount("https://", _Adapter(alarm))
    made.mount("http://", _Adapter(alarm))
    return made


class _Adapter(HTTPAdapter):
    def __init__(self, alarm: Alarm) -> None:
        self._alarm = alarm
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return self._watch(super().proxy_manager_for(proxy, **kwargs))

    def _watch(self, manager: PoolManager) -> PoolManager:
        manager.pool_classes_by_scheme = {
            "http": _watched(HTTPConnectionPool, self._alarm),
            "https": _watched(HTTPSConnectionPool, self._alarm),
        }
        return manager


def _watched(pool: type[HTTPConnectionPool], alarm: Alarm) -> type[HTTPConnectionPool]:
    class Connection(pool.ConnectionCls):  # type: ignore[name-defined, misc]  # made at run time
        def _new_conn(self) -> socket:
            made: socket = super()._new_conn()
            alarm.hold(made)
            return made

    class Pool(pool):  # type: ignore[valid-type, misc]  # made at run time
        ConnectionCls = Connection

    return Pool
