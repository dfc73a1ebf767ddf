"""uvicorn in a thread of its own, so that a scrape never waits for a poll, nor a poll for one."""

from __future__ import annotations

import os
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING, cast

import uvicorn

from agent.web.connection import GRACE, BoundedConnection

if TYPE_CHECKING:
    import asyncio

    from starlette.types import ASGIApp

    from agent.config.endpoint import Endpoint
    from agent.web.keeper import Keeper

LARGEST_HEAD = 16 * 1024  # bytes of request line and headers


class ListenError(Exception):
    """The address cannot be listened on; the text is one line that says why."""


class Server:
    """An HTTP server; it owns its socket from construction on, and answers from `start()` on.

    Raises ListenError at construction, before anything of the agent runs.
    """

    def __init__(self, app: ASGIApp, listen: Endpoint, keeper: Keeper) -> None:
        self._socket = _bind(listen)
        self.port: int = self._socket.getsockname()[1]
        connection = partial(BoundedConnection, gate=keeper.gate)  # as good as a class of its own
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                app,
                http=cast("type[asyncio.Protocol]", connection),
                ws="none",
                lifespan="off",
                loop="asyncio",
                log_config=None,
                log_level="error",  # below it, uvicorn tells of every malformed request
                access_log=False,
                proxy_headers=False,
                server_header=False,
                h11_max_incomplete_event_size=LARGEST_HEAD,
                timeout_graceful_shutdown=GRACE + 1,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)

    def start(self) -> None:
        """Begin to answer. Connections made before wait in the socket's backlog."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop listening, let answers under way finish for a moment, drop what is left.

        Returns when the server has ended, after `timeout` seconds at the latest.
        """
        self._uvicorn.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(timeout)
        self._socket.close()

    def _serve(self) -> None:
        self._uvicorn.run(sockets=[self._socket])


def _bind(listen: Endpoint) -> socket.socket:
    every = listen.host == "::" and socket.has_dualstack_ipv6()  # `[::]` means IPv4 as well
    try:
        family, *_, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address, family=family, dualstack_ipv6=every)
    except socket.gaierror as error:
        reason = error.strerror
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
    raise ListenError(f"cannot listen on {listen}: {reason}")
