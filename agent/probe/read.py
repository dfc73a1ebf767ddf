"""One poll of one mailbox: chooses the protocol, bounds the time, ends every exception."""

from __future__ import annotations

import imaplib
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import structlog

from agent.config.accounts import ImapAccount, Pop3Account
from agent.config.settings import StoreSettings
from agent.memory import Memory
from agent.model import Failure, FailureKind, Outcome, Poll
from agent.probe import imap, pop3
from agent.probe.allow import Gate
from agent.probe.credentials import Credentials, forms
from agent.probe.deadline import Deadline
from agent.probe.failures import ProbeError, failure_of
from agent.probe.limits import with_configured
from agent.probe.oauth.tokens import Tokens
from agent.probe.oauth.vault import Vault
from agent.probe.trail import Trail
from agent.probe.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.config.accounts import Account
    from agent.memory import Learned
    from agent.probe.visit import Visit

PATIENCE = 20_000  # messages a poll: their sizes are some 1 MB of replies

log = structlog.get_logger()

_EXPECTED = (ProbeError, OSError, imaplib.IMAP4.error)


def utc_now() -> datetime:
    """The time, as everything here tells it."""
    return datetime.now(UTC)


class Prober:
    """Polls mailboxes, many at once; one for the whole agent.

    `memory` has what earlier polls learned; `patience` is how many messages a poll may ask the
    sizes of, where the server does not tell the sizes of folders. `tokens` is the folder of the
    refresh tokens of OAuth2.
    """

    def __init__(
        self,
        timeout: float,
        clock: Callable[[], datetime] = utc_now,
        memory: Memory | None = None,
        patience: int = PATIENCE,
        tokens: Path | None = None,
    ) -> None:
        self._timeout = timeout
        self._clock = clock
        self._memory = memory or Memory()
        self._patience = patience
        self._tokens = Tokens(Vault(tokens or StoreSettings().tokens_folder))
        self._credentials = Credentials(self._tokens)
        self._live: set[Wire] = set()

    def poll(self, account: Account) -> Poll:
        """Read the mailbox once, in `timeout` seconds and at most one more; never raises."""
        poll, _ = self.examine(account)
        return poll

    def examine(self, account: Account) -> tuple[Poll, Trail]:
        """The same, with how far the session came and what the server showed on the way."""
        started, deadline = monotonic(), Deadline(self._timeout)
        try:
            session = self._log_in(account, deadline)
        except ProbeError as error:  # no credential to log in with
            session = _Session(failure_of(error, "login"), None, None, Trail())
        shaken = session.trail.handshake
        poll = Poll(
            account=account.name,
            at=self._clock(),
            duration=monotonic() - started,
            outcome=session.outcome,
            certificate_expires=shaken.certificate.expires if shaken else None,
            login_delay=session.login_delay,
            learned=session.learned,
        )
        return poll, session.trail

    def identity(self, account: Account) -> str:
        """What must change before a rejected login is tried again; empty: it cannot be told."""
        return self._credentials.identity(account)

    def cancel(self) -> None:
        """End the polls under way; they become failures that mean nothing."""
        for wire in tuple(self._live):
            wire.cancel()

    def settle(self, seconds: float) -> None:
        """Wait so long for requests under way that may yield what must not be lost."""
        self._tokens.settle(seconds)

    def _log_in(self, account: Account, deadline: Deadline) -> _Session:
        """A session; a second one where an access token turns out to have ended too soon."""
        credential = self._credentials.get(account, deadline)
        session = self._session(account, deadline, credential.secret)
        if not session.is_rejected:
            return session
        another = self._credentials.another(account, credential, deadline)
        return self._session(account, deadline, another.secret) if another else session

    def _session(self, account: Account, deadline: Deadline, secret: str) -> _Session:
        wire = Wire(account.server, deadline, _gate(account))
        self._live.add(wire)
        try:
            outcome, learned = self._visit(account, wire, secret)
        finally:
            self._live.discard(wire)
            wire.close()
        return _Session(outcome, learned, wire.login_delay, wire.trail)

    def _visit(self, account: Account, wire: Wire, secret: str) -> tuple[Outcome, Learned | None]:
        try:
            reading, learned = self._read(account, wire, secret)
            return with_configured(reading, account), learned
        except Exception as error:  # the edge: nothing of one mailbox may harm another
            # Before STARTTLS anyone on the way can speak for the server.
            quiet = account.tls == "starttls" and not wire.is_secure
            failure = failure_of(error, wire.stage, forms(account, secret), quiet=quiet)
            if not isinstance(error, _EXPECTED):
                log.exception("probe.bug", account=account.name)
            return failure, None

    def _read(self, account: Account, wire: Wire, secret: str) -> Visit:
        wire.connect()
        if account.tls == "implicit":
            wire.start_tls(account.ca_file)
        match account:
            case ImapAccount():
                return imap.read(account, wire, secret, self._memory, self._patience)
            case Pop3Account():
                return pop3.read(account, wire, secret, self._memory, self._clock())


class _Session(NamedTuple):
    """What one session came to, and what was learned of the server in it."""

    outcome: Outcome
    learned: Learned | None
    login_delay: float | None
    trail: Trail

    @property
    def is_rejected(self) -> bool:
        """Whether the server did not accept the credential."""
        return isinstance(self.outcome, Failure) and self.outcome.kind is FailureKind.AUTH


def poll(account: Account, timeout: float) -> Poll:
    """One poll of one mailbox, now, in `timeout` seconds and at most one more; never raises."""
    return Prober(timeout).poll(account)


def _gate(account: Account) -> Gate:
    match account:
        case ImapAccount():
            return Gate.imap()
        case Pop3Account():
            return Gate.pop3(track_messages=account.track_messages)
