"""The agent's own parts that decide who is told what, on a real store, with a clock set by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete

from agent.config.settings import Settings
from agent.ledger import Ledger
from agent.notify.routing import Routing
from agent.store import outbox
from agent.store.tables import metadata, version
from tests.support.oracle import (
    AGAIN,
    CRITICAL,
    EVENING,
    HEARERS,
    INFO,
    LEVELS,
    MAILBOXES,
    SILENCED,
    SLACK,
)

if TYPE_CHECKING:
    from agent.model import Notification, Poll, Severity
    from agent.store import Store
    from tests.support.oracle import Hearer


def _configuration(levels: dict[int, Severity], slack: int, plan: int) -> Settings:
    return Settings.model_validate(
        {
            "alerts": {
                "group_wait": "0s",
                "hysteresis": f"{slack}%",
                "levels": [{"at": f"{at}%", "severity": each} for at, each in levels.items()],
            },
            "accounts": [
                {
                    "name": name,
                    "protocol": "imap",
                    "server": f"{name[0]}.example.com",
                    "username": name,
                    "password": "not shown",
                }
                for name in MAILBOXES[plan]
            ],
            "receivers": [_receiver(name, each) for name, each in HEARERS[plan].items()],
            "silences": [
                {"match": {"account": name, "severity": each}, "from": start, "until": until}
                for name, (start, until, severities) in SILENCED.items()
                for each in severities
            ],
        }
    )


def _receiver(name: str, hearer: Hearer) -> dict[str, Any]:
    return {
        "name": name,
        "type": "apprise",
        "url": "json://127.0.0.1:9/hook",
        "min_severity": CRITICAL if hearer.worst_only else INFO,
        "send_resolved": hearer.ends,
        "quiet_hours": "22:00-07:00" if hearer.sleeps else [],
    }


CONFIGURATIONS = [_configuration(*each) for each in zip(LEVELS, SLACK, range(3), strict=True)]


class Machine:
    """The agent's own parts: ledger, rules, routing and outbox on a real store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.transaction() as connection:
            for table in reversed(metadata.sorted_tables):
                if table is not version:
                    connection.execute(delete(table))
        self.now = EVENING
        self._accepted: set[str] = set()
        self._tried: dict[tuple[str, str], set[str]] = {}
        self.restart(0)

    def restart(self, plan: int) -> None:
        settings = CONFIGURATIONS[plan]
        targets = {(each.name, "0") for each in settings.receivers}
        self._ledger = Ledger(
            settings, self._store, Routing(settings), lambda: None, lambda: self.now
        )
        self._ledger.open()
        with self._store.transaction() as connection:
            outbox.bury_unknown(connection, targets, "gone")

    def write(self, polls: list[Poll]) -> None:
        self._ledger.write(polls)

    def review(self) -> None:
        self._ledger.review()

    def deliver(self, who: str, how: str) -> list[tuple[str, str, Severity]]:
        with self._store.transaction() as connection:
            batch = outbox.claim(connection, who, "0", self.now, 1000)
            mine = [each for each in batch if each.transition.alert.key.rule == "usage"]
            keys = [each.key for each in mine]
            outbox.sent(connection, {each.key for each in batch} - set(keys))
            if how == "accepts":
                outbox.sent(connection, keys)
            elif how == "rejects":
                outbox.retry(connection, keys, self.now + AGAIN, "no")
        self._check_keys(mine, how)
        return [_facts(each) for each in sorted(mine, key=_mailbox)]

    def _check_keys(self, batch: list[Notification], how: str) -> None:
        keys = {each.key for each in batch}
        assert len(keys) == len(batch)
        assert not keys & self._accepted, "told again what was accepted"
        for each in batch:
            known = self._tried.setdefault((each.receiver, _mailbox(each)), set())
            assert (each.attempts > 1) == (each.key in known), "told again under another key"
            known.add(each.key)
        if how == "accepts":
            self._accepted |= keys


def _mailbox(notification: Notification) -> str:
    return notification.transition.alert.key.account


def _facts(notification: Notification) -> tuple[str, str, Severity]:
    change = notification.transition
    return _mailbox(notification), change.reason or "", change.alert.severity
