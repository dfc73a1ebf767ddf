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
    from agent.model import Reading

log = structlog.get_logger()

_EXPECTED = (ProbeError, OSError, imaplib.IMAP4.error)


def utc_now() -> datetime:
    """The time, as everything here tells it."""
    return datetime.now(UTC)


class Prober:
    """Polls mailboxes, many at once; one for the whole agent."""

    def __init__(self, timeout: float, clock: Callable[[], datetime] = utc_now) -> None:
        self._timeout = timeout
        self._clock = clock
        self._live: set[Wire] = set()

    def poll(self, account: Account) -> Poll:
        """Read the mailbox once, in `timeout` seconds and at most one more; never raises."""
        started = monotonic()
        wire = Wire(account.server, Deadline(self._timeout), _gate(account))
        self._live.add(wire)
        try:
            outcome = _outcome(account, wire)
        finally:
            self._live.discard(wire)
            wire.close()
        return Poll(
            account=account.name,
            at=self._clock(),
            duration=monotonic() - started,
            outcome=outcome,
            certificate_expires=wire.certificate_expires,
        )

    def cancel(self) -> None:
        """End the polls under way; they become failures that mean nothing."""
        for wire in tuple(self._live):
            wire.cancel()


def poll(account: Account, timeout: float) -> Poll:
    """One poll of one mailbox, now, in `timeout` seconds and at most one more; never raises."""
    return Prober(timeout).poll(account)


def _outcome(account: Account, wire: Wire) -> Outcome:
    try:
        password = account.secret().reveal()
    except SecretError as error:
        return Failure(FailureKind.CONFIG, printable(str(error)))
    try:
        return with_configured(_read(account, wire, password), account)
    except Exception as error:  # the edge: nothing of one mailbox may harm another
        failure = failure_of(error, wire.stage, _forms(account, password))
        if not isinstance(error, _EXPECTED):
            log.exception("probe.bug", account=account.name)
        return failure


def _read(account: Account, wire: Wire, password: str) -> Reading:
    wire.connect()
    if account.tls == "implicit":
        wire.start_tls(account.ca_file)
    match account:
        case ImapAccount():
            return imap.read(account, wire, password)
        case Pop3Account():
            return pop3.read(account, wire, password)


def _gate(account: Account) -> Gate:
    match account:
        case ImapAccount():
            return Gate.imap()
        case Pop3Account():
            return Gate.pop3()


def _forms(account: Account, password: str) -> tuple[str, ...]:
    """The password in every form in which it crosses the wire."""
    return password, b64encode(f"\0{account.username}\0{password}".encode()).decode()
