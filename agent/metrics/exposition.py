"""The mailboxes' part of the metrics page: rendered when a poll ends, joined when scraped.

One thread writes (the recorder), any thread reads. No lock is needed: every mailbox is one
immutable row of fragments that is replaced whole, so a scrape sees it before or after a poll.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING

from agent.config.accounts import ImapAccount, Pop3Account
from agent.metrics.certificates import Certificates
from agent.metrics.facts import Certificate, Figures, Mailbox
from agent.metrics.families import CERTIFICATE_FAMILY, FIGURES_FAMILIES, MAILBOX_FAMILIES
from agent.metrics.folders import FolderRoom
from agent.metrics.text import label
from agent.model import Failure, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime, timedelta

    from agent.config.accounts import Account
    from agent.metrics.family import Facts, Family
    from agent.model import Alert, Poll

Row = tuple[bytes, ...]  # one fragment per family, in the tables' order

ROWS = 2048  # joined at a time: what that touches stays in the processor's cache
_NO_FIGURES: Row = (b"",) * len(FIGURES_FAMILIES)
_HEADERS = {
    openmetrics: [
        *(family.header(openmetrics=openmetrics) for family in FIGURES_FAMILIES),
        *(family.header(openmetrics=openmetrics) for family in MAILBOX_FAMILIES),
    ]
    for openmetrics in (False, True)
}


@dataclass(frozen=True, slots=True)
class _Shown:
    """One mailbox as the page has it, and until when its figures count; None where it has none."""

    mailbox: Mailbox
    row: Row
    until: datetime | None = None


class Exposition:
    """Every mailbox's series; times are the caller's.

    `stale_after` is in poll intervals; `folder_metrics` holds for accounts that do not say.
    """

    def __init__(self, stale_after: int = 3, *, folder_metrics: bool = False) -> None:
        self._stale_after = stale_after
        self._folder_metrics = folder_metrics
        self._shown: dict[str, _Shown] = {}
        self._certificates = Certificates()
        self._room = FolderRoom()

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
        self._show_beside(
            replace(held, last_success=last_success, firing=_firing(alerts), rejected=rejected)
        )

    def record(
        self,
        account: Account,
        interval: timedelta,
        poll: Poll,
        alerts: Sequence[Alert],
        full_at: datetime | None = None,
    ) -> None:
        """Show a finished poll; `alerts` are all that fire for this account after it.

        `full_at` is the forecast. A failed poll leaves the last reading's series as they are:
        `expire` removes them.
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
                mailbox = replace(mailbox, success=True, last_success=poll.at)
                figures = self._figures(account, reading, full_at)
                self._show(mailbox, _fragments(FIGURES_FAMILIES, figures, account), until)
            case Failure(kind):
                failures = {**held.failures, kind: held.failures.get(kind, 0) + 1}
                self._show_beside(replace(mailbox, success=False, failures=failures))
        if poll.certificate_expires:
            certificate = Certificate(str(account.server), poll.certificate_expires)
            self._certificates.see(certificate, account.name, until)

    def fire(self, name: str, alerts: Sequence[Alert]) -> None:
        """Show the alerts that fire for an account, where they changed without a poll."""
        shown = self._shown.get(name)
        if shown:
            self._show_beside(replace(shown.mailbox, firing=_firing(alerts)))

    def expire(self, now: datetime) -> None:
        """Drop the series that nothing confirmed for `stale_after` intervals."""
        stale = [
            (name, shown)
            for name, shown in self._shown.items()
            if shown.until is not None and shown.until < now
        ]
        for name, shown in stale:
            row = _NO_FIGURES + shown.row[len(_NO_FIGURES) :]
            self._shown[name] = _Shown(shown.mailbox, row)
            self._room.give_back(name)
        self._certificates.expire(now)

    def forget(self, name: str) -> None:
        """Drop every series of an account that is no longer configured."""
        shown = self._shown.pop(name, None)
        if shown:
            self._room.give_back(name)
            self._certificates.forget(str(shown.mailbox.account.server), name)

    def unpolled(self) -> frozenset[str]:
        """The accounts that no poll was recorded of since the agent started."""
        return frozenset(each.account.name for each in self._mailboxes() if each.success is None)

    def pieces(self, *, openmetrics: bool) -> Iterator[bytes]:
        """The page in order, without OpenMetrics' `# EOF`: more may follow.

        It shows the moment in which the first piece is asked for.
        """
        rows = [shown.row for shown in list(self._shown.values())]
        certificates = self._certificates.fragments()
        for place, header in enumerate(_HEADERS[openmetrics]):
            yield from _titled(header, _column(rows, place))
        yield from _titled(CERTIFICATE_FAMILY.header(openmetrics=openmetrics), certificates)

    def render(self, *, openmetrics: bool) -> bytes:
        """The mailboxes' series in one of the two formats, without `# EOF`."""
        return b"".join(self.pieces(openmetrics=openmetrics))

    def _mailboxes(self) -> list[Mailbox]:
        return [shown.mailbox for shown in list(self._shown.values())]

    def _held(self, account: Account, interval: timedelta) -> Mailbox:
        """What is known of this very mailbox; another one under an old name starts anew."""
        shown = self._shown.get(account.name)
        if shown and _identity(shown.mailbox.account) == _identity(account):
            return replace(shown.mailbox, account=account, interval=interval)
        self.forget(account.name)
        return Mailbox(account, interval)

    def _show_beside(self, mailbox: Mailbox) -> None:
        """Show what is known of a mailbox beside its figures, which stay."""
        shown = self._shown.get(mailbox.account.name)
        figures = shown.row[: len(_NO_FIGURES)] if shown else _NO_FIGURES
        self._show(mailbox, figures, shown.until if shown else None)

    def _show(self, mailbox: Mailbox, figures: Row, until: datetime | None) -> None:
        beside = _fragments(MAILBOX_FAMILIES, mailbox, mailbox.account)
        self._shown[mailbox.account.name] = _Shown(mailbox, figures + beside, until)

    def _figures(self, account: Account, reading: Reading, full_at: datetime | None) -> Figures:
        ratio = reading.usage_ratio
        if ratio is None or ratio >= 1:
            full_at = None  # the forecast is up to an hour old, and knows less
        if not self._names_folders(account):
            self._room.give_back(account.name)
            return Figures(reading, full_at)
        named = self._room.take(account.name, reading.folders)
        return Figures(reading, full_at, named, len(reading.folders) - len(named))

    def _names_folders(self, account: Account) -> bool:
        match account:
            case ImapAccount(folder_metrics=bool(said)):
                return said
            case ImapAccount():
                return self._folder_metrics
            case Pop3Account():
                return False


def _identity(account: Account) -> tuple[str, str, str]:
    return account.protocol, str(account.server), account.username


def _firing(alerts: Sequence[Alert]) -> tuple[tuple[str, str], ...]:
    """Two quota roots at the same level are one series: it has no label to tell them apart."""
    return tuple(sorted({(alert.key.rule, alert.severity.value) for alert in alerts}))


def _fragments(families: tuple[Family[Facts], ...], facts: Facts, account: Account) -> Row:
    lead = label("account", account.name)
    return tuple(family.fragment(facts, lead) for family in families)


def _column(rows: Sequence[Row], place: int) -> Iterator[bytes]:
    """One family's fragments, of many mailboxes at a time."""
    fragment = itemgetter(place)
    for start in range(0, len(rows), ROWS):
        yield b"".join(map(fragment, rows[start : start + ROWS]))


def _titled(header: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces under their header; a family without any sample is not on the page."""
    found = filter(None, pieces)
    for first in found:
        yield header
        yield first
        yield from found
