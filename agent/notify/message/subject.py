"""What a notification is about: which mailbox or server, which alert, and how it stands."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from agent.model import Reason
from agent.notify.message import inert

if TYPE_CHECKING:
    from datetime import datetime

    from agent.model import Notification, Severity
    from agent.notify.message.local import Local

REFERENCE_LENGTH = 12  # hexadecimal digits of the idempotency key; enough to tell repeats by
# What servers call the one quota root of a mailbox: naming it would tell nobody anything.
_PLAIN_ROOTS = {"", "default", "inbox", "mailbox", "quota", "root", "storage", "user", "user quota"}
_OF_SERVERS = ("certificate", "server")  # rules whose root is a mail server of the configuration


class Subject:
    """The part of a `View` that every alert has. Texts are empty where nothing is known."""

    def __init__(self, notification: Notification, local: Local) -> None:
        self._notification, self._local = notification, local
        self._transition = notification.transition
        self._finding = self._transition.finding
        self._key = self._transition.alert.key

    @property
    def account(self) -> str:
        """The account's configured name; empty for an alert of a server or of the agent."""
        return inert.name(self._key.account)

    @property
    def argument(self) -> str:
        """The account's name as an argument of a shell command."""
        return shlex.quote(self.account)

    @property
    def server(self) -> str:
        """Of the rules `certificate` and `server`: host and port."""
        return inert.name(self._key.root) if self.rule in _OF_SERVERS else ""

    @property
    def rule(self) -> str:
        """`usage`, `forecast`, `poll` and so on: a template's name without its suffix."""
        return self._key.rule

    @property
    def reason(self) -> str:
        """`first`, `worse`, `reminder`, `resolved`; empty for a change that is told to nobody."""
        return self._transition.reason or ""

    @property
    def resolved(self) -> bool:
        """Whether the alert is over."""
        return self._transition.reason is Reason.RESOLVED

    @property
    def closed(self) -> bool:
        """Whether it is over because its limit, rule or account is gone: nothing has improved."""
        finding = self._finding
        figures = finding.limit is not None or (self.rule != "usage" and finding.used is not None)
        return self.resolved and not figures and finding.moment is None

    @property
    def severity(self) -> Severity:
        """`info`, `warning` or `critical`, as people know it; at the end the last one."""
        return self._transition.alert.heard

    @property
    def resource(self) -> str:
        """`storage`, `message`, or what else the server limits."""
        return inert.words(self._key.resource)

    @property
    def root(self) -> str:
        """The quota root; empty where it only says that it is this mailbox's."""
        if self.server:
            return ""
        root, account = self._key.root, self._key.account
        last = root.rpartition("/")[2].rpartition(".")[2]
        says_nothing = {root.casefold(), last.casefold()} & (_PLAIN_ROOTS | {account.casefold()})
        return "" if says_nothing else inert.words(root, inert.LONGEST_NAME)

    @property
    def since(self) -> str:
        """When the alert began."""
        return self._moment(self._transition.alert.since)

    @property
    def lasted(self) -> str:
        """How long it has lasted."""
        return self._local.duration(self._at - self._transition.alert.since)

    @property
    def reference(self) -> str:
        """The same for each repetition of the same message."""
        return self._notification.key[:REFERENCE_LENGTH]

    @property
    def _at(self) -> datetime:
        return self._transition.at

    @property
    def _of_storage(self) -> bool:
        return self._key.resource in ("storage", "")

    def _amount(self, value: int | None) -> str:
        if value is None:
            return ""
        is_size = self._key.resource == "storage"
        return self._local.size(value) if is_size else self._local.number(value)

    def _moment(self, at: datetime | None) -> str:
        return self._local.moment(at) if at else ""
