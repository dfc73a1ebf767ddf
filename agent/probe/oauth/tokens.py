"""Access tokens in memory: renewed ahead of time, by one request at a time, shared by a client.

A request runs on a thread of its own, so that the poll that began it can give up while all who wait
still get the token, and so that nobody waits at all while the old token holds.
"""

from __future__ import annotations

from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from threading import Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import structlog

from agent.model import FailureKind
from agent.probe.failures import ProbeError
from agent.probe.oauth.answers import UnavailableError
from agent.probe.oauth.grants import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from agent.config.accounts import Account
    from agent.config.oauth2 import OAuth2
    from agent.probe.deadline import Deadline
    from agent.probe.oauth.vault import Vault

AHEAD = 300.0  # seconds before its end that a token is renewed
SHARE_AHEAD = 0.2  # of its lifetime, where that is shorter
LONGEST_REQUEST = 20.0  # seconds, however long the poll that began it can wait
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0  # seconds after a request that failed; twice as long each

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, when it is to be renewed, and when it ends, by the clock of `Tokens`."""

    value: str = field(repr=False)
    renew_at: float
    expires: float


class Held(NamedTuple):
    """A token, and whether it was just given out: then renewing it would be of no use."""

    token: Token
    is_new: bool


class Tokens:
    """The access tokens of all accounts; safe to use from any thread.

    `vault` has the refresh tokens, `clock` is in seconds.
    """

    def __init__(self, vault: Vault, clock: Callable[[], float] = monotonic) -> None:
        self._vault, self._clock = vault, clock
        self._sources: dict[Hashable, _Source] = {}
        self._changing = Lock()

    def get(self, account: Account, oauth2: OAuth2, deadline: Deadline) -> Held:
        """A token that holds now. Raises ProbeError, also where there is none in time."""
        return self._source(account, oauth2).get(deadline)

    def renew(self, account: Account, oauth2: OAuth2, rejected: Token, deadline: Deadline) -> Token:
        """A token in the place of one that a mail server has rejected. Raises as `get` does."""
        source = self._source(account, oauth2)
        source.drop(rejected)
        return source.get(deadline).token

    def credential(self, account: Account, oauth2: OAuth2) -> str:
        """What must change before a rejected login is worth another try; empty: not known."""
        try:
            return Client(account, oauth2).credential(self._vault)
        except ProbeError:
            return ""

    def settle(self, seconds: float) -> None:
        """Wait for the requests under way: each may be about to be given a refresh token."""
        end = monotonic() + seconds
        with self._changing:
            sources = tuple(self._sources.values())
        for source in sources:
            source.join(max(end - monotonic(), 0.0))

    def _source(self, account: Account, oauth2: OAuth2) -> _Source:
        client = Client(account, oauth2)
        key = (oauth2, client.scopes, _owner(account, oauth2))
        with self._changing:
            if key not in self._sources:
                self._sources[key] = _Source(client, self._vault, self._clock)
            return self._sources[key]


def _owner(account: Account, oauth2: OAuth2) -> str | None:
    """Whose a token is; None: the client's, and so all its accounts'."""
    match oauth2.grant:
        case "client_credentials":
            return None
        case "service_account":
            return account.username
        case "refresh_token":
            return account.name


class _Source:
    """One token: the present one, the request for the next one, and how the last one failed."""

    def __init__(self, client: Client, vault: Vault, clock: Callable[[], float]) -> None:
        self._client, self._vault, self._clock = client, vault, clock
        self._token: Token | None = None
        self._running: Future[Token | ProbeError] | None = None
        self._trouble = _Trouble()
        self._changing = Lock()

    def get(self, deadline: Deadline) -> Held:
        now = self._clock()
        try:
            with self._changing:
                token = self._token
                if token and now < token.renew_at:
                    return Held(token, is_new=False)
                running = self._running or self._begin(now)
                if token and now < token.expires:
                    return Held(token, is_new=False)
            return Held(_token(running.result(deadline.remaining())), is_new=True)
        except TimeoutError:
            raise self._client.endpoint.failed(FailureKind.TIMEOUT, "no answer in time") from None

    def drop(self, rejected: Token) -> None:
        """Forget a token, but not the one that has taken its place meanwhile."""
        with self._changing:
            if self._token is rejected:
                self._token = None

    def join(self, seconds: float) -> None:
        """Wait for the request that is under way, if one is."""
        with self._changing:
            running = self._running
        if running:
            wait([running], seconds)

    def _begin(self, now: float) -> Future[Token | ProbeError]:
        """Ask for the next token, unless that has just failed and nothing has changed since."""
        running: Future[Token | ProbeError] = Future()
        version = self._client.version(self._vault)
        if failure := self._trouble.at(now, version):
            running.set_result(failure)
            return running
        self._running = running
        Thread(target=self._run, args=(running, version), name="token", daemon=True).start()
        return running

    def _run(self, running: Future[Token | ProbeError], version: object) -> None:
        result = self._outcome(self._clock())
        with self._changing:
            self._running = None
            if isinstance(result, Token):
                self._token, self._trouble = result, _Trouble()
            else:
                self._trouble = self._trouble.after(result, version, self._clock())
        running.set_result(result)

    def _outcome(self, asked_at: float) -> Token | ProbeError:
        try:
            got = self._client.obtain(self._vault, LONGEST_REQUEST)
        except ProbeError as error:
            return error
        except Exception as error:  # the edge of a thread: whoever waits must hear of it
            log.exception("token.bug")
            words = f"unexpected {type(error).__name__}"
            return self._client.endpoint.failed(FailureKind.PROTOCOL, words)
        ahead = min(AHEAD, SHARE_AHEAD * got.lifetime)
        return Token(got.access_token, asked_at + got.lifetime - ahead, asked_at + got.lifetime)


@dataclass(frozen=True, slots=True)
class _Trouble:
    """How requests have failed in a row, the last of them for files in this version."""

    failure: ProbeError | None = None
    version: object = None
    pause: float = 0.0
    until: float = 0.0

    def at(self, now: float, version: object) -> ProbeError | None:
        """The failure that a request would only repeat."""
        return self.failure if now < self.until and version == self.version else None

    def after(self, failure: ProbeError, version: object, now: float) -> _Trouble:
        """The same after one more failure."""
        pause = min(2 * self.pause or FIRST_PAUSE, LONGEST_PAUSE)
        asked = failure.retry_after if isinstance(failure, UnavailableError) else None
        return _Trouble(failure, version, pause, now + max(pause, asked or 0.0))


def _token(result: Token | ProbeError) -> Token:
    """The token; a failure is raised as an error of the thread's own, since others have it too."""
    if isinstance(result, Token):
        return result
    raise ProbeError(result.kind, str(result), by_token_endpoint=result.by_token_endpoint)
