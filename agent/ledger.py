"""What the store keeps of polls: judged and written together, in one transaction a batch."""

from __future__ import annotations

from collections import ChainMap
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from agent.model import Reading, Reason
from agent.notify.alertmanager import announcing
from agent.rules import damping
from agent.rules.fleet import Answers
from agent.rules.judgement import Past, Policy, Verdict, close_removed, judge, review
from agent.rules.situation import outlooks
from agent.rules.watch import Watched
from agent.store import (
    alerts,
    announced,
    details,
    flapping,
    history,
    memory,
    outbox,
    overview,
    told,
)
from agent.store.overview import Overview

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from agent.config.settings import Settings
    from agent.memory import Refusal
    from agent.model import Alert, AlertKey, Finding, Flapping, Outlook, Poll, Transition
    from agent.rules.judgement import Audience
    from agent.store import Store
    from agent.store.history import LastPoll

HISTORY = timedelta(days=8)  # as much as the forecast makes use of

log = structlog.get_logger()


class Ledger:
    """The store as the recorder uses it, from one thread. Every method may raise StoreError."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        audience: Audience,
        wake: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._policy = Policy(settings, audience)
        self._known_as = announcing(settings)
        self._figures: dict[AlertKey, Finding] = {}  # as Alertmanagers are told them
        self._store, self._wake, self._clock = store, wake, clock
        self._alerts: dict[str, tuple[Alert, ...]] = {}
        self._refusals: Mapping[str, Refusal] = {}
        self._watched: dict[str, Watched] = {}
        self._flapping: dict[AlertKey, Flapping] = {}
        self._answers = Answers()
        self._started = clock()
        self._outlooks: dict[str, Mapping[tuple[str, str], Outlook]] = {}
        self._looked_at: dict[str, int] = {}  # the hour of the last forecast
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
            self._keep(connection, verdict)
            memory.forget_unconfigured(connection, self._policy.accounts)
            memory.bring_back(connection, self._refusals)  # a corrupt store may have been replaced
            refusals = memory.refusals(connection)
            polled = history.last_polls(connection)
            self._flapping = flapping.known(connection) | self._flapping
        self._opened, self._refusals = True, refusals
        self._watched = self._restored(polled) | self._watched
        self._answers = Answers.of(self._watched.values())
        self._tell(verdict, {key.account for key in firing})
        return {name: each.succeeded_at for name, each in polled.items() if each.succeeded_at}

    def write(self, polls: Sequence[Poll]) -> None:
        """Write polls, in the order of their times, and all that they change; or nothing."""
        accounts = {poll.account for poll in polls}
        with self._store.transaction() as connection:
            firing = alerts.firing(connection, accounts | {""})
            past = self._past(connection, polls)
            verdict = judge(self._policy, polls, firing, self._watched, self._clock(), past)
            details.keep(connection, polls)
            history.append(connection, polls)
            overview.sum_up(connection, polls, {each: past.outlooks[each] for each in past.samples})
            self._keep(connection, verdict)
            announced.renew(connection, verdict.renewed.values())
            refusals = memory.keep(connection, polls, self._refusals)
        self._refusals = refusals
        self._watched |= verdict.watched
        self._answers = verdict.answers
        self._outlooks |= {name: past.outlooks[name] for name in past.samples}
        self._looked_at |= dict.fromkeys(past.samples, self._hour())
        self._tell(verdict, accounts | {""})

    def review(self) -> set[str]:
        """Judge what time has brought about; return the accounts whose alerts changed."""
        firing = {alert.key: alert for each in self._alerts.values() for alert in each}
        past = Past(flapping=self._flapping)
        verdict = review(self._policy, firing, self._watched, self._started, self._clock(), past)
        renewed = {key: each for key, each in verdict.renewed.items() if self._is_news(each)}
        if not (verdict.transitions or renewed or self._restless(verdict)):
            return set()
        with self._store.transaction() as connection:
            self._keep(connection, verdict)
            announced.renew(connection, renewed.values())
        self._figures |= {key: each.finding for key, each in renewed.items()}
        changed = {change.alert.key.account for change in verdict.transitions}
        self._tell(verdict, set(self._alerts) | changed)
        return changed

    def prune(self) -> None:
        """Drop what is too old to matter."""
        now, firing = self._clock(), {each.key for known in self._alerts.values() for each in known}
        over = damping.over(self._flapping, firing, now)
        with self._store.transaction() as connection:
            history.prune(connection, now)
            announced.prune(connection, now)
            details.prune(connection, now)
            told.prune(connection, now)
            flapping.forget(connection, over)
        for key in over:
            del self._flapping[key]
        self._figures = {key: each for key, each in self._figures.items() if key in firing}

    @property
    def refusals(self) -> Mapping[str, Refusal]:
        """The rejected logins by account, as last committed; a reset since is not seen."""
        return self._refusals

    def known(self) -> dict[str, Overview]:
        """What memory has of each mailbox, without figures, and of what concerns several ("").

        May be called from any thread.
        """
        watched, firing, refusals = dict(self._watched), dict(self._alerts), self._refusals
        known = {"": Overview(alerts=firing.get("", ()))}
        for name, each in watched.items():
            polls = (each.polled_at, each.succeeded_at, each.failure)
            known[name] = Overview(*polls, alerts=firing.get(name, ()), refusal=refusals.get(name))
        return known

    def firing(self, account: str) -> tuple[Alert, ...]:
        """The alerts of one account, as last committed."""
        return self._alerts.get(account, ())

    def full_at(self, account: str) -> datetime | None:
        """When its first quota will be full by the last forecast; None without one."""
        known = self._outlooks.get(account, {}).values()
        return min((each.full_at for each in known if each.full_at), default=None)

    def _past(self, connection: Connection, polls: Sequence[Poll]) -> Past:
        """The history of accounts whose forecast is due, once an hour, and their outlooks."""
        outlook, samples = ChainMap({}, self._outlooks), {}
        for poll in polls:
            name, reading = poll.account, poll.outcome
            ahead = self._policy.settings.alerts_for(self._policy.accounts[name]).forecast
            due = ahead is not None and self._looked_at.get(name) != self._hour()
            if due and isinstance(reading, Reading):
                found = history.usage(connection, name, poll.at - HISTORY)
                samples[name] = {
                    (of.root, of.resource): tuple((each.at, each.used) for each in values)
                    for of, values in found.items()
                    if of.kind == "quota"
                }
                outlook[name] = outlooks(reading, samples[name], poll.at)
        return Past(samples, outlook, self._flapping, self._answers)

    def _hour(self) -> int:
        return int(self._clock().timestamp()) // 3600

    def _keep(self, connection: Connection, verdict: Verdict) -> None:
        alerts.apply(connection, verdict.transitions)
        flapping.keep(connection, self._restless(verdict))
        outbox.enqueue(connection, verdict.notifications)
        last = {change.alert.key: change.reason for change in verdict.transitions}
        outbox.withdraw(connection, [key for key, x in last.items() if x is Reason.RESOLVED])
        announced.announce(connection, verdict.transitions, self._known_as)

    def _restless(self, verdict: Verdict) -> dict[AlertKey, Flapping]:
        """What a verdict changes in how alerts come and go."""
        known = self._flapping
        return {key: each for key, each in verdict.flapping.items() if known.get(key) is not each}

    def _is_news(self, renewed: Transition) -> bool:
        """Whether figures differ from those that were kept last."""
        return self._figures.get(renewed.alert.key) != renewed.finding

    def _restored(self, polled: Mapping[str, LastPoll]) -> dict[str, Watched]:
        """What is known of the configured mailboxes from before the agent started."""
        found = {}
        for name, account in self._policy.accounts.items():
            server, last = str(account.server), polled.get(name)
            found[name] = (
                Watched.restored(server, last.polled_at, last.succeeded_at, last.failure)
                if last
                else Watched(server)
            )
        return found

    def _tell(self, verdict: Verdict, accounts: Collection[str]) -> None:
        """Let log and delivery know of what is committed."""
        by_account: dict[str, tuple[Alert, ...]] = dict.fromkeys(accounts, ())
        for alert in verdict.firing.values():
            by_account[alert.key.account] += (alert,)
        self._alerts |= by_account
        self._flapping |= verdict.flapping
        if verdict.transitions:
            self._wake()
        for change in verdict.transitions:
            _log(change)


def _log(change: Transition) -> None:
    key, finding = change.alert.key, change.finding
    log.info(
        "alert.changed",
        reason=change.reason or ("silenced" if change.alert.told_as else "eased"),
        account=key.account,
        rule=key.rule,
        root=key.root,
        resource=key.resource,
        severity=change.alert.severity.value,
        used=finding.used,
        limit=finding.limit,
        detail=finding.detail or None,
    )
