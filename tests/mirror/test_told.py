"""What the rules decide reaches Alertmanagers: as a state, and not by the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from agent.ledger import Ledger
from agent.model import Reason
from agent.notify.alertmanager import announcing
from agent.notify.routing import Routing
from agent.peer import State
from agent.rules.judgement import Policy, close_removed, judge
from agent.store import announced
from tests.support.configured import settings
from tests.support.mailboxes import NOON, failed, poll
from tests.support.stores import opened

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.settings import Settings
    from agent.rules.judgement import Verdict

ANNA = {
    "name": "anna",
    "protocol": "imap",
    "server": "mail.example.com",
    "username": "anna",
    "password": "wonderland",
    "tags": ["vip"],
}
RECEIVERS = [
    {"name": "ops", "type": "apprise", "url": "json://127.0.0.1:9/hook"},
    {"name": "cluster", "type": "alertmanager", "urls": ["http://127.0.0.1:9093"]},
]


def policy(configured: Settings) -> Policy:
    return Policy(configured, Routing(configured))


def told(verdict: Verdict) -> list[tuple[Reason | None, tuple[str, ...], list[str]]]:
    """Each change with who knows of it; and who is sent a notification by the whole batch."""
    sent = [notification.receiver for notification in verdict.notifications]
    return [(each.reason, each.alert.told, sent) for each in verdict.transitions]


def test_an_alertmanager_is_told_of_alerts_and_sent_no_notification(tmp_path: Path) -> None:
    decides = policy(settings(tmp_path, ANNA, receivers=RECEIVERS))
    first = judge(decides, [poll("anna", 85)], {}, {}, NOON)
    both = ("ops", "cluster")
    assert told(first) == [(Reason.FIRST, both, ["ops"])]
    worse = judge(decides, [poll("anna", 96, minute=1)], first.firing, {}, NOON)
    assert told(worse) == [(Reason.WORSE, both, ["ops"])]
    eased = judge(decides, [poll("anna", 85, minute=2)], worse.firing, {}, NOON)
    assert told(eased) == [(None, both, [])]
    over = judge(decides, [poll("anna", 10, minute=3)], eased.firing, {}, NOON)
    assert told(over) == [(Reason.RESOLVED, both, ["ops"])]


def test_a_route_to_an_alertmanager_alone_sends_nothing_and_is_told_of(tmp_path: Path) -> None:
    routes: list[dict[str, Any]] = [{"receivers": ["cluster"], "match": {"tags": ["vip"]}}]
    decides = policy(settings(tmp_path, ANNA, receivers=RECEIVERS, routes=routes))
    first = judge(decides, [poll("anna", 85)], {}, {}, NOON)
    assert told(first) == [(Reason.FIRST, ("cluster",), [])]


def test_an_alertmanager_is_told_the_figures_of_the_last_poll(tmp_path: Path) -> None:
    told = settings(tmp_path, ANNA, receivers=RECEIVERS)
    with opened(tmp_path) as store:
        ledger = Ledger(told, store, Routing(told), lambda: None, lambda: NOON)
        ledger.open()
        for minute, used in enumerate([85, 86, 87]):
            ledger.write([poll("anna", used, minute=minute)])
        state = State(told, store, lambda: NOON, 60.0)
        (row,), now = state.read("cluster")
    shown = state.payload(row, now)
    assert shown["startsAt"] == NOON.isoformat()
    annotations = cast("dict[str, str]", shown["annotations"])
    assert annotations["percent"] == "87"
    assert annotations["summary"] == "Mailbox anna is 87 % full"
    assert annotations["as_of"] == "2026-03-01T12:02Z"


def test_an_alertmanager_is_told_how_many_mailboxes_of_a_server_fail_now(tmp_path: Path) -> None:
    names = ["anna", "bert", "carl"]
    accounts = [ANNA | {"name": name} for name in names]
    told = settings(tmp_path, *accounts, receivers=RECEIVERS)
    with opened(tmp_path) as store:
        ledger = Ledger(told, store, Routing(told), lambda: None, lambda: NOON)
        ledger.open()

        def shown() -> str:
            ledger.review()
            with store.reading() as connection:
                (row,) = announced.current(connection, "cluster", NOON)
            return f"{row.transition.finding.used} of {row.transition.finding.limit}"

        for minute in range(3):
            ledger.write([failed(name, minute=minute) for name in names[:2]])
        assert shown() == "2 of 3"
        assert shown() == "2 of 3"
        ledger.write([failed("carl", minute=3)])
        assert shown() == "3 of 3"


def test_an_account_that_is_removed_is_ended_under_the_labels_it_had(tmp_path: Path) -> None:
    before = settings(tmp_path, ANNA, receivers=RECEIVERS)
    after = settings(tmp_path, ANNA | {"name": "bert"}, receivers=RECEIVERS)
    first = judge(policy(before), [poll("anna", 85)], {}, {}, NOON)
    over = close_removed(policy(after), first.firing, NOON)
    with opened(tmp_path) as store, store.transaction() as connection:
        announced.announce(connection, first.transitions, announcing(before))
        announced.announce(connection, over.transitions, announcing(after))
        (row,) = announced.current(connection, "cluster", NOON)
    assert row.ended_at == NOON
    assert (row.labels["server"], row.labels["tags"]) == ("mail.example.com:993", "vip")
