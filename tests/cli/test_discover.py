from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from agent.cli.discovered import logins, url_of
from agent.config.endpoint import Endpoint
from agent.discover.found import Found, Source
from agent.discover.search import Candidate
from agent.probe.trail import Trail
from tests.support.command import ROOT

if TYPE_CHECKING:
    from tests.support.command import Command

SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/discover.schema.json").read_text()))


@pytest.mark.parametrize("address", ["anna", "anna@", "@example.com", "anna@ex ample.com", "a@b@c"])
def test_what_is_no_address_is_refused(command: Command, address: str) -> None:
    done = command("discover", address)
    assert (done.returncode, done.stdout) == (3, "")
    assert "needs an address such as anna@example.com" in done.stderr


def test_nothing_found_is_said_with_a_status_of_its_own(command: Command) -> None:
    done = command("discover", "--timeout", "5", "anna@nosuch.invalid")
    assert done.returncode == 1
    assert "ask whoever runs its mail" in done.stdout


def test_the_document_keeps_to_its_schema(command: Command) -> None:
    done = command("discover", "--timeout", "0.5", "--json", "anna@gmail.com")
    document = json.loads(done.stdout)
    SCHEMA.validate(document)
    assert document["servers"][0]["check"] == "imaps://anna%40gmail.com@imap.gmail.com:993"


@pytest.mark.parametrize(
    ("offered", "ways"),
    [
        ({"IMAP4REV1", "AUTH=PLAIN", "AUTH=XOAUTH2"}, ["LOGIN", "PLAIN", "XOAUTH2"]),
        ({"IMAP4REV1", "LOGINDISABLED"}, []),
        ({"USER", "SASL PLAIN LOGIN", "UIDL"}, ["LOGIN", "PLAIN", "USER/PASS"]),
        (set(), []),
    ],
)
def test_ways_to_log_in_are_read_from_the_capabilities(offered: set[str], ways: list[str]) -> None:
    assert logins(offered) == ways


@pytest.mark.parametrize(
    ("protocol", "tls", "username", "url"),
    [
        ("imap", "implicit", None, "imaps://anna%40firm.example@mail.example:1"),
        ("imap", "starttls", "anna", "imap://anna@mail.example:1"),
        ("pop3", "implicit", None, "pop3s://anna%40firm.example@mail.example:1"),
    ],
)
def test_a_server_becomes_the_url_to_check(
    protocol: str, tls: str, username: str | None, url: str
) -> None:
    found = Found(protocol, Endpoint("mail.example", 1), tls, Source.SRV, username)  # type: ignore[arg-type]  # parameters are plain text
    assert url_of(Candidate(found, Trail(), None), "anna@firm.example") == url
