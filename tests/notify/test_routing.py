"""Whom an alert is told to."""

from __future__ import annotations

from agent.config.receivers import AppriseReceiver
from agent.config.routes import Match, Route
from agent.model import Severity
from agent.notify.routing import receivers_for

RECEIVERS = [
    AppriseReceiver(name=name, type="apprise", url="json://127.0.0.1") for name in ("ops", "boss")
]


def route(*names: str, **match: object) -> Route:
    return Route(receivers=names, match=Match.model_validate(match))


def told(*routes: Route, tags: tuple[str, ...] = ()) -> tuple[str, ...]:
    return receivers_for(routes, RECEIVERS, tags, Severity.WARNING, "usage")


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
