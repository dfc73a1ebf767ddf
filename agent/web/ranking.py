"""Which mailboxes are asked for, and in which order: the worst first, among many thousands."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from agent.model import FailureKind
from agent.standing import State, urgency, word

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from agent.config.accounts import Account
    from agent.config.settings import Settings
    from agent.store.overview import Glances
    from agent.web.shown import Asked

    # Lack of urgency, what is left, name; then what else is known. No two have one name.
    Ranked = tuple[int, float, str, State, Account]

_UNKNOWN = (None, None, None)
_CALM = -urgency(State.OK, None)


def matching(accounts: Iterable[Account], asked: Asked) -> Iterable[Account]:
    """Those with the text in their name, server or tags, in any case, and with the tag."""
    if asked.tag:
        accounts = [each for each in accounts if asked.tag in each.tags]
    if text := asked.search.casefold():
        accounts = [each for each in accounts if text in _said(each)]
    return accounts


def rank(
    settings: Settings, accounts: Iterable[Account], known: Glances, now: datetime
) -> list[Ranked]:
    """Return mailboxes by urgency, then by usage, then by name.

    A mailbox of which nothing bad is known, as most are, costs a microsecond.
    """
    present, longest = now.timestamp(), _Longest(settings.alerts.stale_after)
    remarkable = known.worst.keys() | known.refusals.keys()
    found: list[Ranked] = []
    for account in accounts:
        name, at, failure, ratio = known.polled.get(account.name) or (account.name, *_UNKNOWN)
        old = at is not None and present - at > longest[settings.interval(account)]
        state, calmness = State.OK, _CALM
        if at is None or old or failure or name in remarkable:
            state = _state(name, failure, known, now, read=at is not None, old=old)
            calmness = -urgency(state, known.worst.get(name))
        room = 1.0 if ratio is None else -ratio
        found.append((calmness, room, name, state, account))
    found.sort()
    return found


class _Longest(dict[timedelta, float]):
    """For how many seconds figures hold, by the interval of the polls; worked out once each."""

    def __init__(self, intervals: int) -> None:
        super().__init__()
        self._intervals = intervals

    def __missing__(self, interval: timedelta) -> float:
        self[interval] = seconds = (self._intervals * interval).total_seconds()
        return seconds


def _state(  # noqa: PLR0913 - all that the word depends on
    name: str, failure: str | None, known: Glances, now: datetime, *, read: bool, old: bool
) -> State:
    kind = FailureKind(failure) if failure else None
    return word(known.refusals.get(name), kind, known.worst.get(name), now, read=read, old=old)


def _said(account: Account) -> str:
    return "\n".join((account.name, str(account.server), *account.tags)).casefold()
