"""Where a server listens: `host`, `host:port`, or `[IPv6]:port`."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

FORM = 'needs a server such as "mail.example.com", "mail.example.com:993" or "[2001:db8::1]:993"'
LARGEST_PORT = 65535
_ENDPOINT = re.compile(r"(?:\[([^\[\]]+)\]|([^\[\]:]+))(?::(\d{1,5}))?", re.ASCII)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a TCP port; the host is lower-case ASCII (IDNA) or an IP address."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_endpoint(value: object, default_port: int) -> Endpoint:
    """The endpoint that the text names. Raises ValueError with a valid form."""
    if isinstance(value, Endpoint):
        return value
    found = _ENDPOINT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(FORM)
    bracketed, name, port = found.groups()
    host = _ipv6(bracketed) if bracketed else _host(name)
    number = int(port) if port else default_port
    if number > LARGEST_PORT:
        raise ValueError(f"needs a port of at most {LARGEST_PORT}")
    return Endpoint(host, number)


def _ipv6(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        raise ValueError(FORM) from None


def _host(name: str) -> str:
    """The name as DNS has it: IDNA for other scripts, lower case, without the final dot."""
    try:
        host = name.encode("idna").decode().lower().removesuffix(".")
    except UnicodeError:
        raise ValueError(FORM) from None
    if not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise ValueError(FORM)
    return host
