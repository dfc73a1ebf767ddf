"""One poll of one mailbox: chooses the protocol, bounds the time, ends every exception."""

from __future__ import annotations

import imaplib
from base64 import b64encode
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from agent.config.accounts import ImapAccount, Pop3Account
from agent.config.secrets import SecretError
from agent.memory import Memory
from agent.model import Failure, FailureKind, Outcome, Poll
from agent.probe import imap, pop3
from agent.probe.allow import Gate
from agent.probe.deadline import Deadline
from agent.probe.failures import ProbeError, failure_of
from agent.probe.limits import with_configured
from agent.probe.wire import Wire
from agent.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.config.accounts import Account
    from agent.memory import Learned
    from agent.probe.trail import Trail
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
    sizes of, where the server does not tell the sizes of folders.
    """

    def __init__(
        self,
        timeout: float,
        clock: Callable[[], datetime] = utc_now,
        memory: Memory | None = None,
        patience: int = PATIENCE,
    ) -> None:
        self._timeout = timeout
        self._clock = clock
        self._memory = memory or Memory()
        self._patience = patience
        self._live: set[Wire] = set()

    def poll(self, account: Account) -> Poll:
        """Read the mailbox once, in `timeout` seconds and at most one more; never raises."""
        poll, _ = self.examine(account)
        return poll

    def examine(self, account: Account) -> tuple[Poll, Trail]:
        """The same, with how far the session came and what the server showed on the way."""
        started = monotonic()
        wire = Wire(account.server, Deadline(self._timeout), _gate(account))
        self._live.add(wire)
        try:
            outcome, learned = self._visit(account, wire)
        finally:
            self._live.discard(wire)
            wire.close()
        shaken = wire.trail.handshake
        poll = Poll(
            account=account.name,
            at=self._clock(),
            duration=monotonic() - started,
            outcome=outcome,
            certificate_expires=shaken.certificate.expires if shaken else None,
            login_delay=wire.login_delay,
            learned=learned,
        )
        return poll, wire.trail

    def cancel(self) -> None:
        """End the polls under way; they become failures that mean nothing."""
        for wire in tuple(self._live):
            wire.cancel()

    def _visit(self, account: Account, wire: Wire) -> tuple[Outcome, Learned | None]:
        try:
            password = account.secret().reveal()
        except SecretError as error:
            return Failure(FailureKind.CONFIG, printable(str(error))), None
        try:
            reading, learned = self._read(account, wire, password)
            return with_configured(reading, account), learned
        except Exception as error:  # the edge: nothing of one mailbox may harm another
            # Before STARTTLS anyone on the way can speak for the server.
            quiet = account.tls == "starttls" and not wire.is_secure
            failure = failure_of(error, wire.stage, _forms(account, password), quiet=quiet)
            if not isinstance(error, _EXPECTED):
                log.exception("probe.bug", account=account.name)
            return failure, None

    def _read(self, account: Account, wire: Wire, password: str) -> Visit:
        wire.connect()
        if account.tls == "implicit":
            wire.start_tls(account.ca_file)
        match account:
            case ImapAccount():
                return imap.read(account, wire, password, self._memory, self._patience)
            case Pop3Account():
                return pop3.read(account, wire, password, self._memory, self._clock())


def poll(account: Account, timeout: float) -> Poll:
    """One poll of one mailbox, now, in `timeout` seconds and at most one more; never raises."""
    return Prober(timeout).poll(account)


def _gate(account: Account) -> Gate:
    match account:
        case ImapAccount():
            return Gate.imap()
        case Pop3Account():
            return Gate.pop3(track_messages=account.track_messages)


def _forms(account: Account, password: str) -> tuple[str, ...]:
    """The password in every form in which it crosses the wire."""
    return password, b64encode(f"\0{account.username}\0{password}".encode()).decode()
