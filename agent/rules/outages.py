"""Whose fault it is when polls fail: the mailbox's, its server's, or the agent's own connection's.

A failing server inhibits the failures of its mailboxes, and a connection that is down those of the
servers. While it cannot be told yet which of them it is, nothing is said.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.model import AlertKey, FailureKind, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from agent.rules.watch import Watched

POLL, SERVER, AGENT = "poll", "server", "agent"
THE_AGENT = AlertKey("", AGENT)


@dataclass(slots=True)
class _Server:
    """One server's mailboxes: how many, how many were polled, who fails, and since when it works.

    `works_since` is when the first of those that work now began to, `worked_at` when one last did;
    `succeeded_at` when any last did, also one that has failed since.
    """

    mailboxes: int = 0
    polled: int = 0
    out: list[Watched] = field(default_factory=list)
    works_since: datetime | None = None
    worked_at: datetime | None = None
    succeeded_at: datetime | None = None

    @property
    def is_up(self) -> bool:
        """Whether some mailbox of it works."""
        return self.polled > len(self.out)

    @property
    def is_failing(self) -> bool:
        """Whether every mailbox fails that was polled."""
        return bool(self.out) and not self.is_up

    def add(self, mailbox: Watched) -> None:
        """Count a mailbox; what a login suffers from, or a single mailbox, says nothing of it."""
        self.mailboxes += 1
        if mailbox.succeeded_at:
            self.succeeded_at = max(self.succeeded_at or mailbox.succeeded_at, mailbox.succeeded_at)
        if mailbox.polled_at is None or (mailbox.failure and not mailbox.is_out):
            return
        self.polled += 1
        if mailbox.is_out:
            self.out.append(mailbox)
            return
        since, at = mailbox.working_since or mailbox.polled_at, mailbox.polled_at
        self.works_since = min(self.works_since or since, since)
        self.worked_at = max(self.worked_at or at, at)


def outages(
    watched: Mapping[str, Watched],
    held: Collection[AlertKey],
    patience: Callable[[str], int],
) -> list[Finding]:
    """What fails for `patience` polls in a row, and what of `held` works again.

    `watched` has every configured mailbox; `patience` is asked by its name. Only failures count
    that came while something else worked, which shows whose fault they are.
    """
    fleet = _Fleet(watched, patience)
    return [*_ends(watched, fleet, held), *fleet.begins()]


class _Fleet:
    """All servers, as their mailboxes show them."""

    def __init__(self, watched: Mapping[str, Watched], patience: Callable[[str], int]) -> None:
        self.servers: defaultdict[str, _Server] = defaultdict(_Server)
        for each in watched.values():
            self.servers[each.server].add(each)
        self._watched, self._patience = watched, patience
        self._failing = {name: each for name, each in watched.items() if each.failure}
        works = ((each.works_since, name) for name, each in self.servers.items())
        self._works = sorted((since, name) for since, name in works if since)[:2]
        worked = ((each.worked_at, name) for name, each in self.servers.items())
        self._worked = sorted(((at, name) for at, name in worked if at), reverse=True)[:2]
        had = ((each.succeeded_at, name) for name, each in self.servers.items())
        self._succeeded = sorted(((at, name) for at, name in had if at), reverse=True)[:2]
        self._polled = [server for server in self.servers.values() if server.polled]

    def begins(self) -> Iterator[Finding]:
        """What fails now, and for long enough."""
        out = {name: each for name, each in self._failing.items() if each.is_out}
        if self._is_agent_down(out):
            failing = sum(len(server.out) for server in self._polled)
            yield Finding(THE_AGENT, Severity.CRITICAL, failing, len(self._watched))
            return
        yield from self._servers_down(out)
        for name, each in self._failing.items():
            if self._is_its_own(name, each):
                yield _poll(name, each)

    def _is_agent_down(self, out: Mapping[str, Watched]) -> bool:
        """Whether nothing works, and nothing has since one of the mailboxes began to fail."""
        return (
            len(self._polled) > 1
            and not self._works
            and any(
                self._is_late(name, each, None) and not self._has_another_succeeded(each)
                for name, each in out.items()
            )
        )

    def _servers_down(self, out: Mapping[str, Watched]) -> Iterator[Finding]:
        late = {
            each.server
            for name, each in out.items()
            if self._is_server_down(each.server)
            and not _succeeded_since(self.servers[each.server].succeeded_at, each)
            and self._is_late(name, each, self._others_work_since(each.server))
            and self._others_worked(each.server, each)
        }
        for name in sorted(late):
            yield _server(name, self.servers[name])

    def _is_its_own(self, name: str, one: Watched) -> bool:
        """Whether a mailbox fails on its own account, and for long enough."""
        if one.failure is None or one.failure.kind is FailureKind.AUTH:
            return False  # the rule `login` tells of that
        server = self.servers[one.server]
        if not one.is_out:
            return self._is_late(name, one, None)
        if _succeeded_since(server.succeeded_at, one):
            return self._is_late(name, one, server.works_since)
        if server.polled > 1:
            return False  # it is the server's, or not known yet
        since = self._others_work_since(one.server)
        return self._is_late(name, one, since) and self._others_worked(one.server, one)

    def _is_server_down(self, name: str) -> bool:
        """Whether every one of several fails; of a single one nobody can tell whose fault it is."""
        return self.servers[name].is_failing and self.servers[name].polled > 1

    def _others_work_since(self, name: str) -> datetime | None:
        """Since when another server works; None where there is no other."""
        return next((since for since, other in self._works if other != name), None)

    def _others_worked(self, name: str, one: Watched) -> bool:
        """Whether another server was seen to work since a mailbox fails, or there is no other."""
        others = [at for at, other in self._worked if other != name]
        return not others or others[0] >= one.failed_at[0]

    def _has_another_succeeded(self, one: Watched) -> bool:
        """Whether another server has worked since a mailbox fails, also one that fails now."""
        others = (at for at, other in self._succeeded if other != one.server)
        return _succeeded_since(next(others, None), one)

    def _is_late(self, name: str, one: Watched, since: datetime | None) -> bool:
        return one.failures(since) >= self._patience(name)


def _succeeded_since(success: datetime | None, one: Watched) -> bool:
    return success is not None and success >= one.failed_at[0]


def _poll(name: str, one: Watched) -> Finding:
    key = AlertKey(name, POLL)
    return Finding(key, Severity.WARNING, detail=_words(one), moment=one.succeeded_at)


def _server(name: str, server: _Server) -> Finding:
    last = max(server.out, key=lambda each: each.failures())
    key = AlertKey("", SERVER, root=name)
    return Finding(key, Severity.CRITICAL, len(server.out), server.mailboxes, _words(last))


def _words(one: Watched) -> str:
    return f"{one.failure.kind}: {one.failure.detail}" if one.failure else ""


def _ends(
    watched: Mapping[str, Watched], fleet: _Fleet, held: Collection[AlertKey]
) -> Iterator[Finding]:
    servers = fleet.servers
    for key in held:
        if key.rule == POLL and key.account in watched and watched[key.account].works:
            yield Finding(key, None, moment=watched[key.account].succeeded_at)
        elif key.rule == SERVER and key.root in servers and servers[key.root].is_up:
            yield _over(key, servers[key.root])
        elif key.rule == AGENT and any(server.is_up for server in servers.values()):
            yield _over(key, *servers.values())


def _over(key: AlertKey, *servers: _Server) -> Finding:
    """The end, with how many still fail of how many."""
    failing = sum(len(server.out) for server in servers)
    worked = [server.worked_at for server in servers if server.worked_at]
    every = sum(server.mailboxes for server in servers)
    return Finding(key, None, failing, every, moment=max(worked, default=None))
