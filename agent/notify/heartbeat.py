"""The sign of life that somebody else waits for: a GET, answered or not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from agent.notify.attempts import Attempts
from agent.notify.verdict import Retry, Sent, Verdict
from agent.notify.web import ONE_SOCKET_OPERATION, ask, new_session
from agent.trust import no_login, trusted

if TYPE_CHECKING:
    from agent.config.secrets import Secret

MOST_REDIRECTS = 3


class HeartbeatSink:
    """One address. `ping` may be called from one thread at a time."""

    def __init__(self, address: Secret) -> None:
        self._address = address
        self._attempts = Attempts()

    def ping(self, seconds: float) -> Verdict:
        """Ask for the address; Sent or Retry within about `seconds`. Never raises.

        The error never shows the address, nor what was answered, which may repeat it.
        """
        return self._attempts.run(self._attempt, seconds, lambda _: None)

    def _attempt(self) -> Verdict:
        with new_session() as session:
            session.max_redirects = MOST_REDIRECTS
            request = partial(
                session.get,
                self._address.reveal(),
                auth=no_login,
                verify=trusted(),
                timeout=ONE_SOCKET_OPERATION,
                stream=True,
            )
            reply = ask(request)
        if isinstance(reply, Retry):
            return reply
        return Sent() if reply.accepted else Retry(reply.error)
