"""The mail providers that are known by name: `providers.toml`, searched by domain or by host."""

import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import Literal

from agent.config.base import Table


class Provider(Table):
    """One provider; None is "not offered" or "not known".

    `quota` says whether it tells the limit over IMAP, `pop3_interval` is the shortest pause between
    two logins that it likes, `advice` the next step where a login is rejected.
    """

    name: str
    domains: frozenset[str]  # of the addresses that it gives out
    hosts: tuple[str, ...]  # ends of its mail servers' names
    mx: tuple[str, ...]  # ends of the names that its customers' MX records have
    login: Literal["password", "app_password", "oauth2"]
    advice: str
    imap: str | None = None
    pop3: str | None = None
    quota: bool | None = None
    pop3_interval: str | None = None


class _Providers(Table):
    providers: tuple[Provider, ...]


def of_domain(domain: str) -> Provider | None:
    """The provider that gives out addresses of this domain."""
    return _first(lambda each: domain.lower() in each.domains)


def of_host(host: str) -> Provider | None:
    """The provider whose mail server this is."""
    return _first(lambda each: _ends(host, each.hosts))


def of_mx(host: str) -> Provider | None:
    """The provider that takes in the mail of a domain with this MX record."""
    return _first(lambda each: _ends(host, each.mx))


def _first(fits: Callable[[Provider], bool]) -> Provider | None:
    return next(filter(fits, providers()), None)


def _ends(host: str, known: Iterable[str]) -> bool:
    """Whether it is one of these, or a name below one."""
    name = host.lower().removesuffix(".")
    return any(name == end or name.endswith(f".{end}") for end in known)


@cache
def providers() -> tuple[Provider, ...]:
    """All of them, in the order of the table."""
    table = files("agent.discover").joinpath("providers.toml").read_text("utf-8")
    return _Providers.model_validate(tomllib.loads(table)).providers
