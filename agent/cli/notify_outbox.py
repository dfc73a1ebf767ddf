"""The outbox as the commands use it: found by reference, sent again, forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.cli.beside import store_of
from agent.cli.terminal import CommandError
from agent.config.errors import nearest, shown
from agent.model import Reason
from agent.notify.message import REFERENCE_LENGTH
from agent.notify.routing import targets_of
from agent.store import alerts, outbox

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from agent.config.settings import Settings
    from agent.model import Alert, AlertKey, Transition
    from agent.store.outbox import Letter

_FULL = 1.0  # a usage ratio at which every address of an owner is told


@dataclass(frozen=True, slots=True)
class Entry:
    """A letter, and whether what it tells is true no more."""

    letter: Letter
    outdated: bool

    @property
    def key(self) -> str:
        """The idempotency key."""
        return self.letter.notification.key

    @property
    def reference(self) -> str:
        """The beginning of the key, as the message itself has it."""
        return self.key[:REFERENCE_LENGTH]

    @property
    def about(self) -> str:
        """The account, else the mail server, else the agent itself."""
        key = self.letter.notification.transition.alert.key
        return key.account or key.root or "mailbox-agent"

    @property
    def label(self) -> str:
        """What it is, in one line."""
        one = self.letter.notification
        rule, reason = one.transition.alert.key.rule, one.transition.reason
        return f"{self.reference} {one.receiver}/{one.target}: {self.about} {rule} ({reason})"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command was asked for: some references, or all that was given up without any."""

    references: Sequence[str]
    receivers: Sequence[str]


def asked(
    references: Sequence[str] | None,
    everything: bool,  # noqa: FBT001 - an option as the command line has it
    receivers: Sequence[str] | None,
) -> Asked:
    """Raise CommandError unless there are either references or --all."""
    if bool(references) == everything:
        raise CommandError("give references, as notify list shows them, or --all; not both")
    return Asked(references or (), receivers or ())


def look(settings: Settings, receivers: Collection[str] = ()) -> list[Entry]:
    """The outbox as it is now, of these receivers or of all.

    Raises:
        CommandError: a receiver that is neither configured nor in the outbox, or the store cannot
            be used; status 4.
    """
    with store_of(settings.store) as store, store.reading() as connection:
        entries = _entries(connection)
    _refuse_unknown(settings, entries, receivers)
    return _of(entries, receivers)


def chosen(entries: Sequence[Entry], asked: Asked, *, dead: bool) -> list[Entry]:
    """The entries that were asked for, each once, in the order of the outbox.

    Raises:
        CommandError: a reference that no entry has, or that several have.
    """
    possible = [each for each in _of(entries, asked.receivers) if each.letter.dead or not dead]
    if not asked.references:
        return possible
    wanted = {_one(possible, reference).key for reference in asked.references}
    return [each for each in possible if each.key in wanted]


def retry(settings: Settings, asked: Asked) -> list[str]:
    """Put dead letters back to be sent now; return a line for each.

    Raises:
        CommandError: as `look` and `chosen`; nothing is changed then.
    """
    now = datetime.now(UTC)
    known = _targets(settings)
    with store_of(settings.store) as store, store.transaction() as connection:
        entries = _entries(connection)
        _refuse_unknown(settings, entries, asked.receivers)
        found = chosen(entries, asked, dead=not asked.references)
        reasons = {each.key: _left(each, known) for each in found}
        revived = [key for key, reason in reasons.items() if reason is None]
        outbox.revive(connection, revived, now)
    lines = [f"{each.label}: {reasons[each.key] or 'to be sent again'}" for each in found]
    return lines or ["nothing was given up"]


def drop(settings: Settings, entries: Sequence[Entry]) -> list[str]:
    """Forget entries, unless they changed since they were looked at; return a line for each.

    Raises:
        CommandError: the store cannot be used, and nothing is changed; status 4.
    """
    if not entries:
        return ["nothing was given up"]
    with store_of(settings.store) as store, store.transaction() as connection:
        dead = {each.notification.key: each.dead for each in outbox.letters(connection)}
        same = [each.key for each in entries if dead.get(each.key) is each.letter.dead]
        outbox.forget(connection, same)
    return [
        f"{each.label}: {'dropped' if each.key in same else 'left: it changed meanwhile'}"
        for each in entries
    ]


def _entries(connection: Connection) -> list[Entry]:
    firing = alerts.firing(connection)
    return [
        Entry(each, _outdated(each.notification.transition, firing))
        for each in outbox.letters(connection)
    ]


def _outdated(transition: Transition, firing: Mapping[AlertKey, Alert]) -> bool:
    """Whether it tells of an alert that has ended, or of an end after which it fires again."""
    alert = firing.get(transition.alert.key)
    if transition.reason is Reason.RESOLVED:
        return alert is not None
    return alert is None or alert.since != transition.alert.since


def _left(entry: Entry, known: Collection[tuple[str, str]]) -> str | None:
    """Why an entry is not sent again, or None where it is."""
    one = entry.letter.notification
    if not entry.letter.dead:
        return "left: it waits already"
    if (one.receiver, one.target) not in known:
        return "left: the receiver is no longer configured"
    if entry.outdated:
        again = one.transition.reason is Reason.RESOLVED
        return f"left: outdated, the alert {'fires again' if again else 'has ended since'}"
    return None


def _targets(settings: Settings) -> set[tuple[str, str]]:
    """Every target of every receiver, as the outbox names them."""
    fixed = {
        (receiver.name, str(ordinal))
        for receiver in settings.receivers
        for ordinal in range(len(receiver.targets()))
    }
    return fixed | {
        (receiver.name, target)
        for receiver in settings.receivers
        for account in settings.accounts
        for target in targets_of(receiver, account, _FULL)
    }


def _of(entries: Sequence[Entry], receivers: Collection[str]) -> list[Entry]:
    return [x for x in entries if not receivers or x.letter.notification.receiver in receivers]


def _one(entries: Sequence[Entry], reference: str) -> Entry:
    found: Iterator[Entry] = (each for each in entries if each.key.startswith(reference.lower()))
    match list(found):
        case [one]:
            return one
        case []:
            raise CommandError(f"no notification {shown(reference)} in the outbox")
        case several:
            count = len(several)
            raise CommandError(f"{count} notifications begin with {shown(reference)}: give more")


def _refuse_unknown(
    settings: Settings, entries: Sequence[Entry], receivers: Collection[str]
) -> None:
    """Raise CommandError for a receiver that is neither configured nor has anything waiting."""
    known = {receiver.name for receiver in settings.receivers}
    known |= {each.letter.notification.receiver for each in entries}
    for name in receivers:
        if name not in known:
            meant = nearest(name, known)
            raise CommandError(f"no receiver {shown(name)} in the configuration{meant}")
