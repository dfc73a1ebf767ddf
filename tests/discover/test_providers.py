from __future__ import annotations

import csv

import pytest

from agent.config.endpoint import parse_endpoint
from agent.discover.providers import of_domain, of_host, of_mx, providers
from tests.support.command import ROOT


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("imap.gmail.com", "Gmail"),
        ("IMAP.Mail.Yahoo.com.", "Yahoo"),
        ("outlook.office365.com", "Microsoft 365"),
    ],
)
def test_a_host_belongs_to_its_provider(host: str, name: str) -> None:
    provider = of_host(host)
    assert provider is not None
    assert provider.name == name


@pytest.mark.parametrize("host", ["gmail.com.example.net", "notimap.gmail.com", "example.com", ""])
def test_a_host_that_only_looks_alike_belongs_to_nobody(host: str) -> None:
    assert of_host(host) is None


def test_a_domain_of_its_own_is_known_by_its_mx_record() -> None:
    assert of_domain("firm.example") is None
    provider = of_mx("firm-example.mail.protection.outlook.com.")
    assert provider is not None
    assert provider.imap == "outlook.office365.com"


def test_no_domain_and_no_host_belongs_to_two_providers() -> None:
    domains = [domain for each in providers() for domain in each.domains]
    hosts = [host for each in providers() for host in each.hosts]
    assert len(domains) == len(set(domains))
    assert len(hosts) == len(set(hosts))


def test_every_server_named_is_a_host_that_its_provider_is_found_by() -> None:
    for each in providers():
        for host in filter(None, (each.imap, each.pop3)):
            assert parse_endpoint(host, 993).host == host
            assert of_host(host) is each


def test_servers_are_those_that_were_recorded() -> None:
    with (ROOT / "tests/corpus/providers.csv").open() as file:
        recorded = {row["imap_host"].split(":")[0] for row in csv.DictReader(file)}
    known = {each.imap for each in providers()}
    assert len(known & recorded) >= 20
