"""What DNS says of a domain's mail: SRV (RFC 6186, RFC 8314) and MX records."""

# ruff: noqa: PLC0415 - dnspython loads with the first question: one command alone asks any

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from agent.config.endpoint import parse_endpoint
from agent.discover.found import Found, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class _Service(NamedTuple):
    label: str
    protocol: Literal["imap", "pop3"]
    tls: Literal["implicit", "starttls"]


_SERVICES = (
    _Service("_imaps._tcp", "imap", "implicit"),
    _Service("_imap._tcp", "imap", "starttls"),
    _Service("_pop3s._tcp", "pop3", "implicit"),
    _Service("_pop3._tcp", "pop3", "starttls"),
)


class Dns:
    """Asks the system's name servers, or `servers` at `port`; every answer may be empty."""

    def __init__(self, seconds: float, servers: Sequence[str] = (), port: int = 53) -> None:
        self._seconds, self._servers, self._port = seconds, servers, port

    def srv(self, domain: str) -> list[Found]:
        """The servers of the domain's SRV records, best first; "." says: no such service."""
        return [found for service in _SERVICES for found in self._of(service, domain)]

    def mx(self, domain: str) -> list[str]:
        """The hosts that take in the domain's mail, best first."""
        records = sorted(self._ask(domain, "MX"), key=lambda each: each.preference)
        return [str(each.exchange).removesuffix(".") for each in records]

    def _of(self, service: _Service, domain: str) -> Iterator[Found]:
        records = self._ask(f"{service.label}.{domain}", "SRV")
        for each in sorted(records, key=lambda one: (one.priority, -one.weight)):
            try:
                server = parse_endpoint(str(each.target).removesuffix("."), each.port)
            except ValueError:
                continue
            if server.port:
                yield Found(service.protocol, server, service.tls, Source.SRV)

    def _ask(self, name: str, kind: Literal["MX", "SRV"]) -> list[Any]:
        """The records, whose attributes dnspython's types leave out."""
        from dns.exception import DNSException
        from dns.resolver import Resolver

        resolver = Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers, resolver.port = list(self._servers), self._port
        try:
            return list(resolver.resolve(name, kind, search=False, lifetime=self._seconds))
        except DNSException:
            return []  # no record, no answer, no such name: there is nothing to go by
