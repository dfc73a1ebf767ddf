"""The mailboxes' part of the metrics page: rendered when a poll ends, joined when scraped.

One thread writes (the recorder), any thread reads. No lock is needed: every mailbox is one
immutable row of fragments that is replaced whole, so a scrape sees it before or after a poll.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from agent.metrics.families import (
    CERTIFICATE_FAMILY,
    MAILBOX_FAMILIES,
    READING_FAMILIES,
    Certificate,
    Facts,
    Family,
    Mailbox,
)
from agent.metrics.text import label
from agent.model import Failure, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from agent.config.accounts import Account
    from agent.model import Alert, Poll

Row = tuple[bytes, ...]  # one fragment per family, in the tables' order

_NO_READING: Row = (b"",) * len(READING_FAMILIES)
_HEADERS = {
    openmetrics: [
        *(family.header(openmetrics=openmetrics) for family in READING_FAMILIES),
        *(family.header(openmetrics=openmetrics) for family in MAILBOX_FAMILIES),
    ]
    for openmetrics in (False, True)
}


@dataclass(frozen=True, slots=True)
class Summary:
    """How many mailboxes there are, and how they fare; the rest waits for its first poll."""

    mailboxes: int
    polled: int
    failing: int
    firing: int


@dataclass(slots=True)
class _Seen:
    """A server's certificate fragment, and until when each account's sight of it counts."""

    fragment: bytes
    until: dict[str, datetime] = field(default_factory=dict)


class Exposition:
    """Every mailbox's series; `stale_after` is in poll intervals. Times are the caller's."""

    def __init__(self, stale_after: int = 3) -> None:
        self._stale_after = stale_after
        self._rows: dict[str, Row] = {}
        self._mailboxes: dict[str, Mailbox] = {}
        self._true_until: dict[str, datetime] = {}
        self._certificates: dict[str, _Seen] = {}

    def restore(
        self,
        account: Account,
        interval: timedelta,
        last_success: datetime | None = None,
        alerts: Sequence[Alert] = (),
        *,
        rejected: bool = False,
    ) -> None:
        """Show what the store remembers of an account, before its first poll or later.

        Its last reading is not restored: how full the mailbox is now is not known yet. What polls
        have shown meanwhile stays.
        """
        held = self._held(account, interval)
        last_success = held.last_success or last_success
        rejected = rejected if held.success is None else held.rejected
        mailbox = replace(
            held, last_success=last_success, firing=_firing(alerts), rejected=rejected
        )
        self._show(mailbox, self._reading(account.name))

    def record(
        self, account: Account, interval: timedelta, poll: Poll, alerts: Sequence[Alert]
    ) -> None:
        """Show a finished poll; `alerts` are all that fire for this account after it.

        A failed poll leaves the last reading's series as they are: `expire` removes them.
        """
        held = self._held(account, interval)
        mailbox = replace(
            held,
            duration=poll.duration,
            firing=_firing(alerts),
            rejected=poll.refusal is not None,
        )
        until = poll.at + self._stale_after * interval
        match poll.outcome:
            case Reading() as reading:
                self._show(
                    replace(mailbox, success=True, last_success=poll.at),
                    tuple(_fragments(READING_FAMILIES, reading, account)),
                )
                self._true_until[account.name] = until
            case Failure(kind):
                failures = {**held.failures, kind: held.failures.get(kind, 0) + 1}
                self._show(
                    replace(mailbox, success=False, failures=failures), self._reading(account.name)
                )
        if poll.certificate_expires:
            self._see(Certificate(str(account.server), poll.certificate_expires), account, until)

    def fire(self, name: str, alerts: Sequence[Alert]) -> None:
        """Show the alerts that fire for an account, where they changed without a poll."""
        held = self._mailboxes.get(name)
        if held:
            self._show(replace(held, firing=_firing(alerts)), self._reading(name))

    def expire(self, now: datetime) -> None:
        """Drop the series that nothing confirmed for `stale_after` intervals."""
        for name in [name for name, until in self._true_until.items() if until < now]:
            del self._true_until[name]
            self._rows[name] = _NO_READING + self._rows[name][len(_NO_READING) :]
        for server, seen in list(self._certificates.items()):
            for name in [name for name, until in seen.until.items() if until < now]:
                self._unsee(server, name)

    def forget(self, name: str) -> None:
        """Drop every series of an account that is no longer configured."""
        self._rows.pop(name, None)
        self._true_until.pop(name, None)
        mailbox = self._mailboxes.pop(name, None)
        if mailbox:
            self._unsee(str(mailbox.account.server), name)

    def summary(self) -> Summary:
        """Counts for people, over the accounts known now."""
        mailboxes = list(self._mailboxes.values())
        return Summary(
            mailboxes=len(mailboxes),
            polled=sum(mailbox.success is not None for mailbox in mailboxes),
            failing=sum(mailbox.success is False for mailbox in mailboxes),
            firing=sum(len(mailbox.firing) for mailbox in mailboxes),
        )

    def unpolled(self) -> frozenset[str]:
        """The accounts that no poll was recorded of since the agent started."""
        mailboxes = list(self._mailboxes.values())
        return frozenset(each.account.name for each in mailboxes if each.success is None)

    def fragments(self, *, openmetrics: bool) -> list[bytes]:
        """The page's pieces in order, without OpenMetrics' `# EOF`: more may follow."""
        pieces: list[bytes] = []
        columns = zip(*list(self._rows.values()), strict=True)
        for header, column in zip(_HEADERS[openmetrics], columns, strict=False):
            if any(column):
                pieces.append(header)
                pieces.extend(column)
        certificates = [seen.fragment for seen in list(self._certificates.values())]
        if certificates:
            pieces.append(CERTIFICATE_FAMILY.header(openmetrics=openmetrics))
            pieces.extend(certificates)
        return pieces

    def render(self, *, openmetrics: bool) -> bytes:
        """The mailboxes' series in one of the two formats, without `# EOF`."""
        return b"".join(self.fragments(openmetrics=openmetrics))

    def _held(self, account: Account, interval: timedelta) -> Mailbox:
        """What is known of this very mailbox; another one under an old name starts anew."""
        held = self._mailboxes.get(account.name)
        if held and _identity(held.account) == _identity(account):
            return replace(held, account=account, interval=interval)
        self.forget(account.name)
        return Mailbox(account, interval)

    def _reading(self, name: str) -> Row:
        return self._rows.get(name, _NO_READING)[: len(_NO_READING)]

    def _show(self, mailbox: Mailbox, reading: Row) -> None:
        name = mailbox.account.name
        self._mailboxes[name] = mailbox
        self._rows[name] = (*reading, *_fragments(MAILBOX_FAMILIES, mailbox, mailbox.account))

    def _see(self, certificate: Certificate, account: Account, until: datetime) -> None:
        fragment = CERTIFICATE_FAMILY.fragment(certificate)
        seen = self._certificates.setdefault(certificate.server, _Seen(fragment))
        seen.fragment = fragment
        seen.until[account.name] = until

    def _unsee(self, server: str, name: str) -> None:
        seen = self._certificates.get(server)
        if seen and seen.until.pop(name, None) and not seen.until:
            del self._certificates[server]


def _identity(account: Account) -> tuple[str, str, str]:
    return account.protocol, str(account.server), account.username


def _firing(alerts: Sequence[Alert]) -> tuple[tuple[str, str], ...]:
    """Two quota roots at the same level are one series: it has no label to tell them apart."""
    return tuple(sorted({(alert.key.rule, alert.severity.value) for alert in alerts}))


def _fragments(
    families: tuple[Family[Facts], ...], facts: Facts, account: Account
) -> Iterable[bytes]:
    lead = label("account", account.name)
    return (family.fragment(facts, lead) for family in families)
