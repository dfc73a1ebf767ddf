"""What the store keeps for the page of one mailbox: folders, failures in a row, what was told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from agent.model import (
    Alert,
    AlertKey,
    Failure,
    FailureKind,
    Finding,
    Folder,
    Notification,
    Outlook,
    Poll,
    Reading,
    Reason,
    Role,
    Severity,
    Transition,
)
from agent.store import details, history, memory, outbox, overview, tables, told
from agent.store.history import Series
from agent.store.trends import Point, trends
from tests.support.mailboxes import NOON, failed, poll, reading
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AUTH = Failure(FailureKind.AUTH, "no")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with opened(tmp_path) as store, store.transaction() as connection:
        yield connection


def write(connection: Connection, *polls: Poll) -> None:
    """As the ledger does."""
    details.keep(connection, polls)
    history.append(connection, polls)
    overview.sum_up(connection, polls, {})


def read(*folders: Folder, minute: int = 0) -> Poll:
    outcome = replace(reading(10), folders=folders)
    return Poll("anna", NOON + minute * MINUTE, 0.1, outcome)


def refused(minute: int) -> Poll:
    return Poll("anna", NOON + minute * MINUTE, 0.1, AUTH)


def told_of(connection: Connection) -> list[tuple[str, str, Reason | None]]:
    return [(each.receiver, each.state, each.reason) for each in told.notices(connection, "anna")]


def test_folders_are_those_of_the_last_reading_the_largest_first(connection: Connection) -> None:
    write(connection, read(Folder("Old", None, 1, 0, 5)))
    write(
        connection,
        read(
            Folder("INBOX", Role.INBOX, 7, 2, 100),
            Folder("Unsized", None, 9, None, None),
            Folder("Sent", Role.SENT, 3, 0, 400),
            Folder("Few", None, None, None, None),
        ),
        failed("anna", minute=5),
    )
    found = details.folders_of(connection, "anna")
    assert [each.name for each in found.largest] == ["Sent", "INBOX", "Unsized", "Few"]
    assert found.largest[1] == Folder("INBOX", Role.INBOX, 7, 2, 100)
    assert found.count == 4


def test_of_many_folders_the_largest_fifty_are_kept(connection: Connection) -> None:
    write(connection, read(*(Folder(f"F{size}", None, 1, 0, size) for size in range(200))))
    found = details.folders_of(connection, "anna")
    assert found.count == 200
    assert [each.size_bytes for each in found.largest] == list(range(199, 149, -1))


def test_unknown_or_damaged_folders_are_none(connection: Connection) -> None:
    assert details.folders_of(connection, "anna") == details.NO_FOLDERS
    write(connection, read(Folder("INBOX")))
    for damaged in ("{", "[]", '{"count": 1, "largest": [[1]]}'):
        connection.execute(update(tables.folders).values(listing=damaged))
        assert details.folders_of(connection, "anna") == details.NO_FOLDERS


def test_folders_of_a_removed_account_are_forgotten(connection: Connection) -> None:
    write(connection, read(Folder("INBOX")))
    memory.forget_unconfigured(connection, ["ben"])
    assert details.folders_of(connection, "anna") == details.NO_FOLDERS


@pytest.mark.parametrize("at_once", [True, False])
def test_failures_in_a_row_for_one_reason_are_one_spell(
    connection: Connection, *, at_once: bool
) -> None:
    polls = [
        failed("anna", minute=0),
        failed("ben", minute=1),
        failed("anna", minute=2),
        refused(minute=3),
        refused(minute=4),
        poll("anna", 10, minute=5),
        refused(minute=6),
    ]
    for batch in [polls] if at_once else [[each] for each in polls]:
        write(connection, *batch)
    found = details.spells(connection, "anna")
    assert [(each.failure.kind, each.began_at, each.last_at, each.times) for each in found] == [
        (FailureKind.AUTH, NOON + 6 * MINUTE, NOON + 6 * MINUTE, 1),
        (FailureKind.AUTH, NOON + 3 * MINUTE, NOON + 4 * MINUTE, 2),
        (FailureKind.TIMEOUT, NOON, NOON + 2 * MINUTE, 2),
    ]
    assert [each.times for each in details.spells(connection, "ben")] == [1]


def test_a_spell_tells_what_was_said_last(connection: Connection) -> None:
    for minute, said in enumerate(("first", "second")):
        outcome = Failure(FailureKind.AUTH, said)
        write(connection, Poll("anna", NOON + minute * MINUTE, 0.1, outcome))
    (spell,) = details.spells(connection, "anna")
    assert spell.failure.detail == "second"


def test_the_latest_twenty_spells_are_kept_and_none_for_more_than_a_year(
    connection: Connection,
) -> None:
    for minute in range(0, 60, 2):
        write(connection, failed("anna", minute=minute), refused(minute + 1))
    stored = connection.execute(select(tables.spell.c.began_at)).scalars().all()
    assert sorted(stored) == [NOON + minute * MINUTE for minute in range(40, 60)]
    details.prune(connection, NOON + 365 * DAY + 50 * MINUTE)
    assert len(details.spells(connection, "anna")) == 10


def change(step: int, reason: Reason, root: str = "User quota") -> Transition:
    key = AlertKey("anna", "usage", root, "storage")
    alert = Alert(key, Severity.WARNING, NOON, NOON, step=step)
    return Transition(reason, alert, Finding(key, Severity.WARNING, 9, 10), NOON)


def enqueue(
    connection: Connection, transition: Transition, receivers: Sequence[str] = ("ops",)
) -> list[str]:
    step, root = transition.alert.step, transition.alert.key.root
    letters = [
        Notification(f"{root} {step} {receiver} {target}", receiver, target, transition, NOON)
        for receiver in receivers
        for target in ("0", "1")
    ]
    outbox.enqueue(connection, letters)
    return [each.key for each in letters]


def test_what_was_accepted_stays_known_when_it_leaves_the_outbox(connection: Connection) -> None:
    keys = enqueue(connection, change(1, Reason.FIRST), ["ops", "mail"])
    assert sorted(told_of(connection)) == [
        ("mail", "waiting", Reason.FIRST),
        ("ops", "waiting", Reason.FIRST),
    ]
    for key in keys[:2]:  # both targets of the receiver ops, one after the other
        told.record(connection, [key], NOON + MINUTE)
        outbox.sent(connection, [key])
    outbox.bury(connection, keys[2:], "gone")
    assert told_of(connection) == [
        ("ops", "sent", Reason.FIRST),
        ("mail", "given_up", Reason.FIRST),
    ]
    (sent, _) = told.notices(connection, "anna")
    assert (sent.at, sent.severity, sent.key.rule) == (NOON + MINUTE, Severity.WARNING, "usage")


def test_the_latest_twenty_notices_of_a_mailbox_are_kept(connection: Connection) -> None:
    for step in range(1, 30):
        keys = enqueue(connection, change(step, Reason.REMINDER))
        told.record(connection, keys, NOON + step * MINUTE)
        outbox.sent(connection, keys)
    found = told.notices(connection, "anna")
    assert [each.at for each in found] == [NOON + step * MINUTE for step in range(29, 9, -1)]
    told.prune(connection, NOON + 365 * DAY + 20 * MINUTE)
    assert len(told.notices(connection, "anna")) == 10


def test_notices_of_one_moment_do_not_push_each_other_out(connection: Connection) -> None:
    roots = [f"root {number}" for number in range(25)]
    keys = [key for root in roots for key in enqueue(connection, change(1, Reason.FIRST, root))]
    told.record(connection, keys, NOON)
    assert len(told.notices(connection, "anna")) >= 20


def test_a_key_that_is_not_in_the_outbox_records_nothing(connection: Connection) -> None:
    told.record(connection, ["unknown"], NOON)
    assert told.notices(connection, "anna") == []


def test_a_glance_tells_success_failure_usage_and_the_worst_alert(connection: Connection) -> None:
    write(connection, poll("anna", 40), poll("ben", 30), failed("ben", minute=1), failed("carl"))
    found = overview.glances(connection)
    noon = NOON.replace(microsecond=0).timestamp()
    assert dict(found.polled) == {
        "anna": ("anna", noon, None, 0.4),
        "ben": ("ben", noon, "timeout", 0.3),
        "carl": ("carl", None, "timeout", None),
    }
    write(connection, poll("anna", 40, minute=5, limit=None))
    assert overview.glances(connection).polled["anna"][3] is None


def test_the_outlook_is_kept_until_there_is_another(connection: Connection) -> None:
    ahead = {
        ("User quota", "storage"): Outlook(12.5, NOON + DAY),
        ("", "message"): Outlook(None, None),
    }
    history.append(connection, [poll("anna", 40)])
    overview.sum_up(connection, [poll("anna", 40)], {"anna": ahead})
    write(connection, poll("anna", 50, minute=30), failed("anna", minute=45))
    assert overview.overview(connection, ["anna"])["anna"].outlooks == ahead
    overview.sum_up(connection, [], {"anna": {}})
    assert overview.overview(connection, ["anna"])["anna"].outlooks == {}
    for damaged in ("{", "[1]", '[["", "storage", 1, "never"]]'):
        connection.execute(update(tables.mailbox).values(outlooks=damaged))
        assert overview.overview(connection, ["anna"])["anna"].outlooks == {}


def test_trends_are_one_series_of_each_account_a_point_in_six_hours(connection: Connection) -> None:
    start = NOON.replace(hour=0, minute=0, second=0, microsecond=0)
    for name in ("anna", "ben"):
        history.append(
            connection,
            [Poll(name, start + hour * HOUR, 0.1, reading(hour)) for hour in range(13)],
        )
    wanted = {
        "anna": Series("quota", "User quota", "storage"),
        "ben": Series("size"),
        "carl": Series("size"),
    }
    found = trends(connection, wanted, start)
    seconds = int(start.timestamp())
    assert found["anna"] == [Point(seconds + hour * 3600, hour, 100) for hour in (5, 11, 12)]
    assert found["ben"] == [Point(seconds + hour * 3600, hour, None) for hour in (5, 11, 12)]
    assert set(found) == {"anna", "ben"}
    assert trends(connection, wanted, start + 12 * HOUR)["anna"][0].used == 12


def test_a_reading_without_folders_clears_them(connection: Connection) -> None:
    write(connection, read(Folder("INBOX")))
    write(connection, read(minute=15))
    assert details.folders_of(connection, "anna").count == 0


def test_reading_is_what_a_failure_leaves_alone(connection: Connection) -> None:
    write(connection, read(Folder("INBOX")))
    write(connection, failed("anna", minute=15))
    assert details.folders_of(connection, "anna").count == 1
    known = overview.overview(connection, ["anna"])["anna"]
    assert isinstance(known.reading, Reading)
