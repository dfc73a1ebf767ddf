"""Where pages and API know mailboxes from: the store, else memory, and polls not yet stored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from agent.model import Alert, Failure, Reading, Severity
from agent.rules.thresholds import usage
from agent.standing import worst_of
from agent.store import alerts, memory
from agent.store.overview import Glances, Overview, glances, overview
from agent.store.trends import trends

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from agent.config.settings import Settings
    from agent.memory import Refusal
    from agent.model import Poll
    from agent.store.history import Series
    from agent.store.overview import Glance
    from agent.store.trends import Point

Key = TypeVar("Key")
Thing = TypeVar("Thing")


class Memory(Protocol):
    """What the agent knows beside the store; each may be asked from any thread."""

    @property
    def problem(self) -> str | None:
        """Why the store cannot be written, in one line."""

    @property
    def unwritten(self) -> Sequence[Poll]:
        """The polls that the store has yet to take, in their order."""

    def known(self) -> Mapping[str, Overview]:
        """What was known of each mailbox when the store last worked."""


class Remembered:
    """What is known without the store: how things stood before it failed, and polls since then."""

    def __init__(self, settings: Settings, memory: Memory) -> None:
        self._memory = memory
        self.unwritten: dict[str, list[Poll]] = {}
        for poll in memory.unwritten:
            self.unwritten.setdefault(poll.account, []).append(poll)
        self._settings = settings
        self._accounts = {
            each.name: each for each in settings.accounts if each.name in self.unwritten
        }

    def glances(self) -> Glances:
        """What is known at a glance of each mailbox."""
        found = self._glances()
        if not self.unwritten:
            return found
        polled, worst, refusals = dict(found.polled), dict(found.worst), dict(found.refusals)
        for name, each in self.overviews(self.unwritten).items():
            polled[name] = _at_a_glance(name, each)
            _put(worst, name, worst_of(each.alerts))
            _put(refusals, name, each.refusal)
        return Glances(polled, worst, refusals)

    def overviews(self, names: Collection[str]) -> Mapping[str, Overview]:
        """What is known of each of these mailboxes."""
        return {name: self._later(name, each) for name, each in self._overviews(names).items()}

    def common(self) -> Sequence[Alert]:
        """The alerts of servers, and of the agent itself."""
        known = self._memory.known().get("")
        return known.alerts if known else ()

    def refusals(self) -> Mapping[str, Refusal]:
        """Every rejected login by account."""
        known = self._memory.known()
        return {name: each.refusal for name, each in known.items() if each.refusal}

    def trends(self, wanted: Mapping[str, Series], since: datetime) -> Mapping[str, list[Point]]:
        """The history of one series of each account."""
        del wanted, since
        return {}

    def _glances(self) -> Glances:
        known = self._memory.known()
        worst: dict[str, Severity] = {}
        for name, each in known.items():
            _put(worst, name, worst_of(each.alerts))
        polled = {name: _at_a_glance(name, each) for name, each in known.items()}
        return Glances(polled, worst, self.refusals())

    def _overviews(self, names: Collection[str]) -> Mapping[str, Overview]:
        known = self._memory.known()
        return {name: known.get(name, Overview()) for name in names}

    def _later(self, name: str, known: Overview) -> Overview:
        """What is known after the polls that the store has yet to take."""
        for poll in self.unwritten.get(name, ()):
            if known.polled_at and poll.at <= known.polled_at:
                continue
            match poll.outcome:
                case Reading() as reading:
                    known = Overview(poll.at, poll.at, None, reading, self._judged(poll, known))
                case Failure() as failure:
                    refusal = poll.refusal or known.refusal
                    known = replace(known, polled_at=poll.at, failure=failure, refusal=refusal)
        return known

    def _judged(self, poll: Poll, known: Overview) -> tuple[Alert, ...]:
        """The alerts with what the reading makes of usage: nobody is told yet, but it is so."""
        account = self._accounts.get(poll.account)
        if account is None or not isinstance(poll.outcome, Reading):
            return known.alerts
        rules = self._settings.alerts_for(account)
        before = {alert.key: alert for alert in known.alerts}
        held = {key: alert.severity for key, alert in before.items()}
        found = usage(account.name, poll.outcome, rules.levels, rules.hysteresis, held)
        for finding in found:
            alert = before.get(finding.key)
            if finding.severity is None:
                before.pop(finding.key, None)
            elif alert is None:
                before[finding.key] = Alert(finding.key, finding.severity, poll.at, poll.at)
            else:
                before[finding.key] = replace(alert, severity=finding.severity)
        return tuple(before.values())


class Stored(Remembered):
    """What the store has, by one view of it, and polls since then."""

    def __init__(self, settings: Settings, memory: Memory, connection: Connection) -> None:
        super().__init__(settings, memory)
        self._connection = connection

    def common(self) -> Sequence[Alert]:
        """As the store has it."""
        return tuple(alerts.firing(self._connection, [""]).values())

    def refusals(self) -> Mapping[str, Refusal]:
        """As the store has it."""
        return memory.refusals(self._connection)

    def trends(self, wanted: Mapping[str, Series], since: datetime) -> Mapping[str, list[Point]]:
        """As the store has it."""
        return trends(self._connection, wanted, since)

    def _glances(self) -> Glances:
        return glances(self._connection)

    def _overviews(self, names: Collection[str]) -> Mapping[str, Overview]:
        return overview(self._connection, names)


def _at_a_glance(name: str, known: Overview) -> Glance:
    succeeded_at = known.succeeded_at.timestamp() if known.succeeded_at else None
    failure = known.failure.kind if known.failure else None
    return name, succeeded_at, failure, known.reading.usage_ratio if known.reading else None


def _put(things: dict[Key, Thing], key: Key, thing: Thing | None) -> None:
    """Keep a thing; None takes away what was there."""
    if thing is None:
        things.pop(key, None)
    else:
        things[key] = thing
