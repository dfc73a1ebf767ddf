"""Asks everybody at once where the mailbox of an address is, and looks whether it is there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar

from agent.config.accounts import default_port
from agent.config.endpoint import Endpoint
from agent.discover import autoconfig, providers
from agent.discover.found import Found, Source
from agent.probe.look import look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from agent.discover.dns import Dns
    from agent.discover.providers import Provider
    from agent.model import Failure
    from agent.probe.trail import Trail

Answer = TypeVar("Answer")
Protocol = Literal["imap", "pop3"]
Tls = Literal["implicit", "starttls"]

AT_ONCE = 24
ADDRESSES: tuple[tuple[Source, str], ...] = (
    (Source.AUTOCONFIG, "https://autoconfig.{domain}/mail/config-v1.1.xml"),
    (Source.AUTOCONFIG, "https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml"),
    (Source.DATABASE, "https://autoconfig.thunderbird.net/v1.1/{domain}"),
)
_USUAL: tuple[tuple[Protocol, str], ...] = (
    ("imap", "imap"), ("imap", "mail"), ("pop3", "pop"), ("pop3", "pop3"), ("pop3", "mail"),
)  # fmt: skip
_WAYS: tuple[Tls, ...] = ("implicit", "starttls")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server that was found, and how far a look at it without a login came."""

    found: Found
    trail: Trail
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Search:
    """Where to ask; `seconds` bounds the questions, and the looks after them once more.

    Who is asked learns the domain of an address, and never what stands before the @.
    """

    dns: Dns
    seconds: float
    addresses: Sequence[tuple[Source, str]] = ADDRESSES
    ca_file: Path | None = None

    def candidates(self, address: str) -> list[Candidate]:
        """Every server that somebody names or that has a usual name, the best one first.

        First come those that answer, of these the ones that the most trustworthy named.
        """
        domain = address.rpartition("@")[2].lower()
        answers = self._together(self._questions(address, domain))
        found = _distinct(each for answer in answers for each in answer)
        looks = self._together([partial(self._look, each) for each in found])
        return sorted(looks, key=lambda each: (each.failure is not None, each.found.source.rank))

    def _questions(self, address: str, domain: str) -> list[Callable[[], list[Found]]]:
        return [
            partial(_of_provider, providers.of_domain(domain), Source.PROVIDER),
            partial(self._of_mx, domain),
            partial(self.dns.srv, domain),
            partial(_usual, domain),
            *(
                partial(self._autoconfig, source, url.format(domain=domain), address)
                for source, url in self.addresses
            ),
        ]

    def _of_mx(self, domain: str) -> list[Found]:
        known = (providers.of_mx(host) for host in self.dns.mx(domain))
        return _of_provider(next(filter(None, known), None), Source.MX)

    def _autoconfig(self, source: Source, url: str, address: str) -> list[Found]:
        trusted = str(self.ca_file) if self.ca_file else None
        try:
            document = autoconfig.fetch(url, self.seconds, trusted)
            return autoconfig.servers(document, address, source)
        except autoconfig.AutoconfigError:
            return []

    def _look(self, found: Found) -> Candidate:
        trail, failure = look(found.protocol, found.server, found.tls, self.seconds, self.ca_file)
        return Candidate(found, trail, failure)

    def _together(self, tasks: Sequence[Callable[[], Answer]]) -> list[Answer]:
        """What all of them answer in time, in their order; the late ones are left behind."""
        pool = ThreadPoolExecutor(AT_ONCE)
        asked = [pool.submit(task) for task in tasks]
        in_time, _ = wait(asked, timeout=self.seconds + 1)
        pool.shutdown(wait=False, cancel_futures=True)
        return [each.result() for each in asked if each in in_time]


def _of_provider(provider: Provider | None, source: Source) -> list[Found]:
    found = []
    if provider and provider.imap:
        found.append(_found("imap", provider.imap, "implicit", source))
    if provider and provider.pop3:
        found.append(_found("pop3", provider.pop3, "implicit", source))
    return found


def _usual(domain: str) -> list[Found]:
    """What servers are usually called; only those that answer are worth anything."""
    return [
        _found(protocol, f"{name}.{domain}", tls, Source.GUESS)
        for protocol, name in _USUAL
        for tls in _WAYS
    ]


def _found(protocol: Protocol, host: str, tls: Tls, source: Source) -> Found:
    return Found(protocol, Endpoint(host, default_port(protocol, tls)), tls, source)


def _distinct(found: Iterable[Found]) -> list[Found]:
    """Each server once, by the word of whoever is trusted most."""
    best: dict[tuple[str, Endpoint, str], Found] = {}
    for each in sorted(found, key=lambda one: one.source.rank):
        best.setdefault((each.protocol, each.server, each.tls), each)
    return list(best.values())
