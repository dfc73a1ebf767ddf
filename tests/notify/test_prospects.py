"""Which alerts a mailbox can have, and who would be told of each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agent.config.settings import Settings
from agent.model import Severity
from agent.notify.prospects import Prospect, prospects

NOW = datetime(2026, 1, 7, 23, tzinfo=UTC)
MORNING = datetime(2026, 1, 8, 7, tzinfo=UTC)
ACCOUNT = {
    "name": "anna",
    "protocol": "imap",
    "server": "mail.example.com",
    "username": "anna@example.com",
    "password": "wonderland",
}
OPS = {"name": "ops", "type": "apprise", "url": "json://127.0.0.1"}
OWNERS = {"name": "owners", "type": "owner", "url": "mailtos://smtp.example.com"}


def found(account: dict[str, Any] | None = None, **sections: Any) -> list[Prospect]:
    table = ACCOUNT | (account or {})
    settings = Settings.model_validate({"receivers": [OPS]} | sections | {"accounts": [table]})
    return prospects(settings, settings.accounts[0], NOW)


def names(account: dict[str, Any] | None = None, **sections: Any) -> list[str]:
    return [f"{each.rule} {each.severity}" for each in found(account, **sections)]


ALWAYS = ["poll warning", "login warning", "stale warning"]
COMMON = ["server critical", "agent critical"]
CERTIFICATE = ["certificate warning", "certificate critical"]
USAGE = ["usage warning", "usage critical"]


def test_a_mailbox_can_have_what_is_on_by_default() -> None:
    limit = ["limit info"]
    assert names() == [*USAGE, "forecast warning", *ALWAYS, *limit, *CERTIFICATE, *COMMON]


def test_a_mailbox_can_not_have_what_is_off() -> None:
    levels = [{"at": "100 MB free", "severity": "critical"}, {"at": "1%", "severity": "info"}]
    off = {"levels": levels, "forecast": "off", "certificate": "off"}
    table = {"limit": "1 GiB"}
    assert names(table, alerts=off) == ["usage info", "usage critical", *ALWAYS, *COMMON]
    assert CERTIFICATE[0] not in names({"tls": "none"})


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ({}, ["unread warning"]),
        ({"alerts": {"unread": "off"}}, []),
        ({"protocol": "pop3"}, []),
        ({"protocol": "pop3", "track_messages": True}, ["uncollected warning"]),
    ],
)
def test_counts_are_told_where_they_are_known(account: dict[str, Any], expected: list[str]) -> None:
    on = {"unread": 5, "uncollected": "3d"}
    extra = set(names(account, alerts=on)) - {*names(), "limit info"}
    assert sorted(extra) == expected


def test_the_route_is_counted_as_in_the_file() -> None:
    routes = [
        {"receivers": ["ops"], "match": {"severity": "critical"}},
        {"receivers": ["ops"], "match": {"severity": "warning"}},
    ]
    by_severity = {each.severity: each.route for each in found(routes=routes)}
    assert by_severity == {Severity.CRITICAL: 1, Severity.WARNING: 2, Severity.INFO: None}
    assert {each.route for each in found()} == {None}
    assert [each.tellings for each in found(routes=routes) if each.rule == "limit"] == [()]


def test_quiet_hours_begin_to_count_when_a_silence_has_ended() -> None:
    silences = [
        {"match": {"rule": "login"}, "until": NOW},
        {"match": {"rule": "poll"}, "until": "2026-01-08T03:00:00"},
        {"match": {"rule": ["stale", "poll"]}, "until": "2026-01-08T12:00:00Z"},
    ]
    told = {
        each.rule: (each.silence, each.silenced_until, each.tellings[0].at, each.tellings[0].quiet)
        for each in found(alerts={"quiet_hours": "22:00-07:00"}, silences=silences)
        if each.severity is not Severity.CRITICAL
    }
    noon = datetime(2026, 1, 8, 12, tzinfo=UTC)
    assert told["poll"] == (2, noon, noon, False)
    assert told["stale"] == (3, noon, noon, False)
    assert told["login"] == told["forecast"] == (None, None, MORNING, True)


def test_an_owner_is_shown_by_address() -> None:
    table = {"owner": ["a@example.com"], "owner_second": "b@example.com"}
    usage, *_ = found(table, receivers=[OPS, OWNERS | {"send_resolved": False}])
    ops, owner = usage.tellings
    assert (ops.addresses, ops.second, ops.send_resolved) == (None, None, True)
    assert (owner.addresses, owner.second) == (("a@example.com",), "b@example.com")
    assert (owner.receiver, owner.at, owner.send_resolved) == ("owners", NOW, False)
