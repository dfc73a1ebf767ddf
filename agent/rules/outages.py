"""Whose fault it is when polls fail: the mailbox's, its server's, or the agent's own connection's.

A failing server inhibits the failures of its mailboxes, and a connection that is down those of the
servers. Only what was heard since a mailbox began to fail can show whose fault that is. While it
cannot be told yet, nothing is said; but mailboxes that are polled seldom are not waited for long.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from agent.model import AlertKey, FailureKind, Finding, Severity
from agent.rules.fleet import Fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from agent.rules.fleet import Group
    from agent.rules.watch import Watched

POLL, SERVER, AGENT = "poll", "server", "agent"
THE_AGENT = AlertKey("", AGENT)
LONGEST_WAIT = timedelta(minutes=15)  # for what others' polls can show


def outages(
    watched: Mapping[str, Watched],
    held: Collection[AlertKey],
    patience: Callable[[str], int],
    now: datetime,
) -> list[Finding]:
    """What fails for `patience` polls in a row, and what of `held` works again.

    `watched` has every configured mailbox; `patience` is asked by its name. Failures count that
    came while something else was answered, which shows whose fault they are.
    """
    fleet = Fleet(watched)
    return [*_ends(watched, fleet, held), *_Blame(watched, fleet, patience, now).begins()]


class _Blame:
    """Whose fault it is, as the polls show it now."""

    def __init__(
        self,
        watched: Mapping[str, Watched],
        fleet: Fleet,
        patience: Callable[[str], int],
        now: datetime,
    ) -> None:
        self._failing = {name: each for name, each in watched.items() if each.failure}
        self._fleet, self._patience, self._now = fleet, patience, now

    def begins(self) -> Iterator[Finding]:
        """What fails now, and for long enough."""
        everything, servers = self._fleet.everything, self._fleet.servers
        out = {name: each for name, each in self._failing.items() if each.is_out}
        if self._is_agent_down(out):
            failing = len(everything.out)
            yield Finding(THE_AGENT, Severity.CRITICAL, failing, everything.mailboxes)
            return
        down = (each.server for name, each in out.items() if self._is_servers(name, each))
        for server in sorted(set(down)):
            yield _server(server, servers[server])
        for name, each in self._failing.items():
            if self._is_its_own(name, each):
                yield _poll(name, each)

    def _is_agent_down(self, out: Mapping[str, Watched]) -> bool:
        """Whether several servers fail, and nothing was answered since a mailbox began to."""
        everything = self._fleet.everything
        return len({each.server for each in out.values()}) > 1 and any(
            self._has_failed(name, each.outage, known=not everything.awaited)
            for name, each in out.items()
            if not _answered_since(everything.answered_at, each)
        )

    def _is_servers(self, name: str, one: Watched) -> bool:
        """Whether every mailbox of a server fails since; of a single one nobody can tell."""
        server = self._fleet.servers[one.server]
        if len(server.out) == 1 or _answered_since(server.answered_at, one):
            return False
        return self._is_shown(name, one)

    def _is_its_own(self, name: str, one: Watched) -> bool:
        """Whether a mailbox fails on its own account, and for long enough."""
        if one.failure is None or one.failure.kind is FailureKind.AUTH:
            return False  # the rule `login` tells of that
        server = self._fleet.servers[one.server]
        if one.is_out and not _answered_since(server.answered_at, one):
            return len(server.out) == 1 and self._is_shown(name, one)
        own = _from(one.failed_at, one.own_since) if one.own_since else ()
        return self._has_failed(name, own, known=True)

    def _is_shown(self, name: str, one: Watched) -> bool:
        """Whether a mailbox fails for long enough while other servers answer, or cannot show it."""
        siblings, everything = self._fleet.servers[one.server], self._fleet.everything
        elsewhere = one.others_since or everything.awaited == siblings.awaited
        failures = _from(one.outage, one.others_since)
        return self._has_failed(name, failures, known=bool(elsewhere) and not siblings.awaited)

    def _has_failed(self, name: str, failures: Sequence[datetime], *, known: bool) -> bool:
        """Whether so many polls failed, and what others can show is known, or was waited for."""
        patience = self._patience(name)
        if len(failures) < patience:
            return False
        return known or self._now - failures[patience - 1] >= LONGEST_WAIT


def _from(times: Sequence[datetime], since: datetime | None) -> Sequence[datetime]:
    return [at for at in times if since is None or at >= since]


def _answered_since(answer: datetime | None, one: Watched) -> bool:
    return answer is not None and answer >= one.outage[0]


def _poll(name: str, one: Watched) -> Finding:
    key = AlertKey(name, POLL)
    return Finding(key, Severity.WARNING, detail=_words(one), moment=one.succeeded_at)


def _server(name: str, server: Group) -> Finding:
    last = max(server.out, key=lambda each: len(each.outage))
    key = AlertKey("", SERVER, root=name)
    return Finding(key, Severity.CRITICAL, len(server.out), server.mailboxes, _words(last))


def _words(one: Watched) -> str:
    return f"{one.failure.kind}: {one.failure.detail}" if one.failure else ""


def _ends(
    watched: Mapping[str, Watched], fleet: Fleet, held: Collection[AlertKey]
) -> Iterator[Finding]:
    for key in held:
        if key.rule == POLL and key.account in watched and watched[key.account].works:
            yield Finding(key, None, moment=watched[key.account].succeeded_at)
        elif key.rule == SERVER and key.root in fleet.servers and fleet.servers[key.root].is_up:
            yield _over(key, fleet.servers[key.root])
        elif key.rule == AGENT and fleet.everything.is_up:
            yield _over(key, fleet.everything)


def _over(key: AlertKey, group: Group) -> Finding:
    """The end, with how many still fail of how many, for whatever reason."""
    return Finding(key, None, group.failing, group.mailboxes, moment=group.heard_at)
