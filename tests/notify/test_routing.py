"""Whom an alert is told to, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.receivers import AppriseReceiver, OwnerReceiver
from agent.config.routes import RULES, Match, Route
from agent.config.settings import Settings
from agent.model import Alert, AlertKey, Finding, Reason, Severity, Transition
from agent.notify.routing import (
    OWNERS_RULES,
    audience,
    hearers,
    held_until,
    receivers_for,
    silenced_until,
    targets_of,
)
from tests.support.accounts import account

if TYPE_CHECKING:
    from agent.config.receivers import Receiver

NOW = datetime(2026, 1, 7, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)
URL = "json://127.0.0.1"
ANNA, BERT = account(1, name="anna", tags=["vip"]), account(1, name="bert")


def receiver(name: str, **keys: Any) -> Receiver:
    return AppriseReceiver.model_validate({"name": name, "type": "apprise", "url": URL} | keys)


def owners(name: str = "owners", **keys: Any) -> OwnerReceiver:
    url = "mailtos://smtp.example.com"
    return OwnerReceiver.model_validate({"name": name, "type": "owner", "url": url} | keys)


RECEIVERS = [receiver("ops"), receiver("boss")]


def route(*names: str, **match: object) -> Route:
    return Route(receivers=names, match=Match.model_validate(match))


def told(
    *routes: Route,
    tags: tuple[str, ...] = (),
    severity: Severity = Severity.WARNING,
    rule: str = "usage",
    name: str = "anna",
) -> tuple[str, ...]:
    return receivers_for(routes, RECEIVERS, tags, severity, rule, account=name)


def settings(*receivers: Receiver, routes: tuple[Route, ...] = (), **sections: Any) -> Settings:
    return Settings.model_validate({"receivers": receivers, "routes": routes} | sections)


def test_without_routes_every_receiver_is_told() -> None:
    assert told() == ("ops", "boss")


def test_the_first_route_that_matches_wins() -> None:
    assert told(route("ops", severity="critical"), route("boss"), route("ops")) == ("boss",)


def test_an_alert_that_no_route_matches_is_told_to_nobody() -> None:
    assert told(route("boss", severity="critical")) == ()


def test_an_account_needs_all_the_tags_of_a_route() -> None:
    both = route("ops", tags=("a", "b"))
    assert told(both, tags=("a",)) == ()
    assert told(both, tags=("b", "c", "a")) == ("ops",)


def test_a_receiver_named_twice_is_told_once() -> None:
    assert told(route("ops", "boss", "ops")) == ("ops", "boss")


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("anna", "anna", True),
        ("anna", "annab", False),
        ("an*", "anna", True),
        (["x*", "*na"], "anna", True),
        ("ann?", "anna", True),
        ("Anna", "anna", False),
        ("imaps://a@[::1]:993", "imaps://a@[::1]:993", True),
    ],
)
def test_a_route_matches_accounts_by_name_or_pattern(
    pattern: str | list[str], name: str, *, fits: bool
) -> None:
    assert told(route("ops", account=pattern), name=name) == (("ops",) if fits else ())


def test_a_route_matches_one_severity_or_all_from_one_on() -> None:
    exact, mildest = route("ops", severity="warning"), route("ops", min_severity="warning")
    assert [told(exact, severity=each) for each in Severity] == [(), ("ops",), ()]
    assert [told(mildest, severity=each) for each in Severity] == [(), ("ops",), ("ops",)]


@pytest.mark.parametrize("rule", RULES)
def test_a_route_matches_one_rule_or_several(rule: str) -> None:
    assert told(route("ops", rule=rule), rule=rule) == ("ops",)
    assert told(route("ops", rule=["usage", rule]), rule=rule) == ("ops",)
    assert told(route("ops", rule="usage" if rule != "usage" else "poll"), rule=rule) == ()


MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "tags": st.lists(st.sampled_from(["vip", "x"]), max_size=2),
        "account": st.sampled_from(["anna", "a*", "bert"]),
        "severity": st.sampled_from(list(Severity)),
        "min_severity": st.sampled_from(list(Severity)),
        "rule": st.lists(st.sampled_from(RULES), min_size=1, max_size=3),
    },
)
ROUTES = st.lists(
    st.tuples(st.sampled_from(["ops", "boss"]), MATCHES).map(lambda one: route(one[0], **one[1])),
    max_size=5,
)


@given(ROUTES, st.sampled_from(list(Severity)), st.sampled_from(RULES))
def test_only_the_first_match_in_the_order_of_the_file_counts(
    routes: list[Route], severity: Severity, rule: str
) -> None:
    alone = [told(each, tags=("vip",), severity=severity, rule=rule) for each in routes]
    expected = next(filter(None, alone), () if routes else ("ops", "boss"))
    assert told(*routes, tags=("vip",), severity=severity, rule=rule) == expected


def test_a_receiver_hears_of_nothing_milder_than_it_wants() -> None:
    pager = settings(receiver("ops"), receiver("pager", min_severity="critical"))
    assert audience(pager, [ANNA], Severity.WARNING, "usage") == ("ops",)
    assert audience(pager, [ANNA], Severity.CRITICAL, "usage") == ("ops", "pager")


@pytest.mark.parametrize("rule", RULES)
def test_owners_hear_only_of_what_they_can_mend(rule: str) -> None:
    named = settings(receiver("ops"), owners(), routes=(route("owners", "ops"),))
    expected = ("owners", "ops") if rule in OWNERS_RULES else ("ops",)
    assert audience(named, [ANNA], Severity.CRITICAL, rule) == expected


def test_a_servers_alert_is_told_to_all_who_would_hear_of_its_mailboxes() -> None:
    both = settings(
        *RECEIVERS, receiver("rest"), routes=(route("boss", tags=("vip",)), route("ops", "boss"))
    )
    assert audience(both, [ANNA], Severity.CRITICAL, "server") == ("boss",)
    assert audience(both, [ANNA, BERT], Severity.CRITICAL, "server") == ("boss", "ops")
    assert audience(both, [], Severity.CRITICAL, "server") == ()


def transition(reason: Reason | None, severity: Severity, *names: str) -> Transition:
    key = AlertKey("anna", "usage")
    ended = reason is Reason.RESOLVED
    alert = Alert(key, severity, since=NOW, told_at=NOW, told=names)
    return Transition(reason, alert, Finding(key, None if ended else severity), NOW)


def test_an_end_is_told_to_those_who_were_told_and_want_to_hear_of_it() -> None:
    some = settings(
        *(receiver("ops"), receiver("pager", send_resolved=False)),
        *(receiver("boss"), receiver("night", min_severity="critical")),
    )
    end = transition(Reason.RESOLVED, Severity.WARNING, "gone", "ops", "night", "pager")
    assert hearers(some, end, [ANNA]) == ("ops", "night")


@pytest.mark.parametrize("reason", [Reason.FIRST, Reason.WORSE, Reason.REMINDER])
def test_every_other_transition_is_told_by_the_routes(reason: Reason) -> None:
    some = settings(*RECEIVERS, routes=(route("boss", severity="critical"), route("ops")))
    assert hearers(some, transition(reason, Severity.CRITICAL, "ops"), [ANNA]) == ("boss",)
    assert hearers(some, transition(None, Severity.CRITICAL, "ops"), [ANNA]) == ()


def test_a_receiver_has_a_target_for_each_whom_its_service_tells() -> None:
    target = {"schema": "mailtos", "host": "example.com", "targets": ["a@b.org", "c@b.org"]}
    assert targets_of(receiver("ops"), ANNA, 1.0) == ("0",)
    assert targets_of(receiver("ops", url=None, target=target), ANNA, 1.0) == ("0", "1")


@pytest.mark.parametrize(
    ("ratio", "addresses"),
    [
        (None, ("a@example.com",)),
        (0.9499, ("a@example.com",)),
        (0.95, ("a@example.com", "b@example.com")),
        (1.2, ("a@example.com", "b@example.com")),
    ],
)
def test_a_nearly_full_mailbox_has_its_owner_told_elsewhere_too(
    ratio: float | None, addresses: tuple[str, ...]
) -> None:
    anna = account(1, owner="a@example.com", owner_second="b@example.com")
    assert targets_of(owners(), anna, ratio) == addresses
    assert targets_of(owners(), account(1, owner_second="b@example.com"), ratio) == addresses[1:]
    assert targets_of(owners(), BERT, ratio) == ()


def silences(*tables: dict[str, Any]) -> Settings:
    return settings(silences=list(tables))


def silence(hours: int, start: int = 0, **match: object) -> dict[str, Any]:
    return {"match": match, "from": NOW + start * HOUR, "until": NOW + hours * HOUR}


def silenced(configured: Settings, *accounts: Any, severity: Severity = Severity.WARNING) -> Any:
    end = silenced_until(configured, accounts or [ANNA], severity, "usage", NOW)
    return end and (end - NOW) / HOUR


def test_a_silence_holds_what_matches_until_its_end() -> None:
    assert silenced(silences(silence(2))) == 2
    assert silenced(silences(silence(2, account="an*", tags=["vip"], rule="usage"))) == 2
    assert silenced(silences(silence(2, account="bert"))) is None
    assert silenced(silences(silence(2, rule=["poll", "server"]))) is None
    assert silenced(silences(silence(2, severity="critical"))) is None
    assert silenced(silences(silence(2, start=1))) is None
    assert silenced(silences(silence(0, start=-1))) is None


def test_silences_that_meet_are_one() -> None:
    assert silenced(silences(silence(5, start=4), silence(2), silence(4, start=2))) == 5
    assert silenced(silences(silence(5, start=3), silence(2))) == 2


def test_a_servers_alert_is_silenced_while_all_its_mailboxes_are() -> None:
    configured = silences(silence(2, account="anna"), silence(3, account="bert"))
    assert silenced(configured, ANNA, BERT) == 2
    assert silenced(configured, ANNA, BERT, account(1, name="carl")) is None
    assert silenced_until(configured, [], Severity.CRITICAL, "server", NOW) is None


SILENCES = st.lists(
    st.tuples(st.integers(-9, 9), st.integers(1, 9)).map(lambda one: silence(sum(one), one[0])),
    max_size=6,
)


@given(SILENCES, st.integers(-2, 12))
def test_an_alert_is_told_at_the_first_moment_that_no_silence_holds(
    tables: list[dict[str, Any]], hours: int
) -> None:
    now = NOW + hours * HOUR
    hour = now
    while any(each["from"] <= hour < each["until"] for each in tables):  # they change on the hour
        hour += HOUR
    end = silenced_until(silences(*tables), [ANNA], Severity.INFO, "usage", now)
    assert end == (hour if hour > now else None)


def held(configured: Settings, severity: Severity = Severity.WARNING) -> list[str | None]:
    ends = (held_until(configured, each, severity, NOW) for each in configured.receivers)
    return [end.isoformat() if end else None for end in ends]


def test_quiet_hours_hold_back_all_but_what_is_critical() -> None:
    night = settings(
        *(receiver("ops"), receiver("late", quiet_hours=["22:00-23:30", "23:30-09:00"])),
        *(receiver("always", quiet_hours=[]), owners()),
        alerts={"quiet_hours": "22:00-07:00"},
    )
    morning, later = "2026-01-08T07:00:00+00:00", "2026-01-08T09:00:00+00:00"
    assert held(night) == held(night, Severity.INFO) == [morning, later, None, morning]
    assert held(night, Severity.CRITICAL) == [None] * 4


def test_quiet_hours_are_those_of_the_configured_time_zone() -> None:
    west = settings(
        receiver("ops"),
        agent={"timezone": "America/New_York"},
        alerts={"quiet_hours": "17:00-19:00"},
    )
    assert held(west) == ["2026-01-08T00:00:00+00:00"]
