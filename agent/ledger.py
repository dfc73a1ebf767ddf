"""What the store keeps of polls: judged and written together, in one transaction a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from agent.rules.judgement import Policy, Verdict, close_removed, judge
from agent.store import alerts, history, memory, outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from agent.config.settings import Settings
    from agent.memory import Refusal
    from agent.model import Alert, Poll, Transition
    from agent.rules.judgement import Route
    from agent.store import Store

log = structlog.get_logger()


class Ledger:
    """The store as the recorder uses it, from one thread. Every method may raise StoreError."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        route: Route,
        wake: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._policy = Policy(
            accounts={each.name: each for each in settings.accounts},
            alerts=settings.alerts,
            targets={each.name: len(each.targets()) for each in settings.receivers},
            route=route,
        )
        self._store, self._wake, self._clock = store, wake, clock
        self._alerts: dict[str, tuple[Alert, ...]] = {}
        self._refusals: Mapping[str, Refusal] = {}
        self._opened = False

    @property
    def ready(self) -> bool:
        """Whether `open` has succeeded, and the store was not closed since."""
        return self._opened and self._store.is_open

    def open(self) -> dict[str, datetime]:
        """Open the store, end what is configured no more; return each account's last success."""
        self._opened = False
        self._store.open()
        with self._store.transaction() as connection:
            firing = alerts.firing(connection)
            verdict = close_removed(self._policy, firing, self._clock())
            _keep(connection, verdict)
            memory.forget_unconfigured(connection, self._policy.accounts)
            memory.bring_back(connection, self._refusals)  # a corrupt store may have been replaced
            refusals = memory.refusals(connection)
            seen = history.last_success(connection)
        self._opened, self._refusals = True, refusals
        self._tell(verdict, {key.account for key in firing})
        return seen

    def write(self, polls: Sequence[Poll]) -> None:
        """Write polls, in the order of their times, and all that they change; or nothing."""
        accounts = {poll.account for poll in polls}
        with self._store.transaction() as connection:
            firing = alerts.firing(connection, accounts)
            verdict = judge(self._policy, polls, firing, self._clock())
            history.append(connection, polls)
            _keep(connection, verdict)
            refusals = memory.keep(connection, polls, self._refusals)
        self._refusals = refusals
        self._tell(verdict, accounts)

    def prune(self) -> None:
        """Drop history that is too old."""
        with self._store.transaction() as connection:
            history.prune(connection, self._clock())

    @property
    def refusals(self) -> Mapping[str, Refusal]:
        """The rejected logins by account, as last committed; a reset since is not seen."""
        return self._refusals

    def firing(self, account: str) -> tuple[Alert, ...]:
        """The alerts of one account, as last committed."""
        return self._alerts.get(account, ())

    def _tell(self, verdict: Verdict, accounts: Collection[str]) -> None:
        """Let log and delivery know of what is committed."""
        by_account: dict[str, tuple[Alert, ...]] = dict.fromkeys(accounts, ())
        for alert in verdict.firing.values():
            by_account[alert.key.account] += (alert,)
        self._alerts |= by_account
        if verdict.notifications:
            self._wake()
        for change in verdict.transitions:
            _log(change)


def _keep(connection: Connection, verdict: Verdict) -> None:
    alerts.apply(connection, verdict.transitions)
    outbox.enqueue(connection, verdict.notifications)


def _log(change: Transition) -> None:
    key, finding = change.alert.key, change.finding
    log.info(
        "alert.changed",
        reason=change.reason.value if change.reason else "eased",
        account=key.account,
        rule=key.rule,
        root=key.root,
        resource=key.resource,
        severity=change.alert.severity.value,
        used=finding.used,
        limit=finding.limit,
        detail=finding.detail or None,
    )
