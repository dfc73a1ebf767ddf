"""Series of folders: only where they are asked for, the largest first, and never too many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.config.accounts import ImapAccount
from agent.metrics import Exposition, folders
from agent.model import Failure, FailureKind, Folder, Poll, QuotaState, Reading
from tests.support.pages import BEN, MINUTE, T0

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.config.accounts import Account

SIZE = "mailbox_folder_size_bytes"
OVERFLOW = "mailbox_folder_overflow"
TIMEOUT = Failure(FailureKind.TIMEOUT, "no answer")


def asking(name: str, *, folder_metrics: bool | None = True) -> ImapAccount:
    return ImapAccount(
        name=name,
        protocol="imap",
        server="mx",
        username=name,
        password="x",
        folder_metrics=folder_metrics,
    )


def record(exposition: Exposition, account: Account, *each: Folder, minute: int = 0) -> None:
    reading = Reading(QuotaState.UNSUPPORTED, folders=each)
    exposition.record(account, MINUTE, Poll(account.name, T0 + minute * MINUTE, 0.1, reading), ())


def sized(*sizes: int | None) -> list[Folder]:
    return [
        Folder(f"Folder {place}", size_bytes=size, messages=1) for place, size in enumerate(sizes)
    ]


def lines(exposition: Exposition, *names: str) -> list[str]:
    page = exposition.render(openmetrics=False).decode()
    return [line for line in page.splitlines() if line.partition("{")[0] in names]


def number(exposition: Exposition, account: str) -> int:
    """How many folders of an account have a size."""
    return len([line for line in lines(exposition, SIZE) if f'account="{account}"' in line])


def test_folders_have_series_where_the_account_asks_for_them() -> None:
    exposition = Exposition()
    inbox, broken = Folder("INBOX", None, 3, 1, 300), Folder('Od"d\\', None, 2, None, None)
    record(exposition, asking("a"), inbox, broken)
    record(exposition, asking("b", folder_metrics=None), inbox)
    record(exposition, asking("c", folder_metrics=False), inbox)
    record(exposition, BEN, inbox)
    names = ("mailbox_folder_messages", "mailbox_folder_unread_messages")
    assert lines(exposition, SIZE, *names, OVERFLOW) == [
        'mailbox_folder_size_bytes{account="a",folder="INBOX"} 300',
        'mailbox_folder_messages{account="a",folder="Od\\"d\\\\"} 2',
        'mailbox_folder_messages{account="a",folder="INBOX"} 3',
        'mailbox_folder_unread_messages{account="a",folder="INBOX"} 1',
        'mailbox_folder_overflow{account="a"} 0',
    ]


def test_the_default_holds_for_accounts_that_do_not_say() -> None:
    exposition = Exposition(folder_metrics=True)
    for account in (asking("a", folder_metrics=None), asking("b", folder_metrics=False), BEN):
        record(exposition, account, *sized(1))
    assert lines(exposition, SIZE) == ['mailbox_folder_size_bytes{account="a",folder="Folder 0"} 1']


def test_of_many_folders_the_largest_have_series_and_the_others_are_counted() -> None:
    exposition = Exposition()
    record(exposition, asking("a"), *sized(*range(100), *[None] * 20))
    found = [int(line.rpartition(" ")[2]) for line in lines(exposition, SIZE)]
    assert sorted(found) == list(range(50, 100))
    assert lines(exposition, OVERFLOW) == ['mailbox_folder_overflow{account="a"} 70']


def test_of_two_folders_that_look_the_same_the_larger_is_shown() -> None:
    exposition = Exposition()
    twice = (Folder("same", size_bytes=5), Folder("same", size_bytes=9), Folder("same"))
    record(exposition, asking("a"), *twice)
    assert lines(exposition, SIZE) == ['mailbox_folder_size_bytes{account="a",folder="same"} 9']


def test_all_mailboxes_together_have_no_more_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(folders, "MOST_IN_ALL", 8)
    exposition = Exposition()
    for name in ("a", "b", "c"):
        record(exposition, asking(name), *sized(1, 2, 3, 4, 5))
    assert [number(exposition, name) for name in "abc"] == [5, 3, 0]
    assert lines(exposition, OVERFLOW) == [
        'mailbox_folder_overflow{account="a"} 0',
        'mailbox_folder_overflow{account="b"} 2',
        'mailbox_folder_overflow{account="c"} 5',
    ]
    record(exposition, asking("a"), *sized(1, 2, 3, 4, 5))
    assert number(exposition, "a") == 5


MOVED = asking("a").model_copy(update={"username": "other"})
GIVEN_UP: dict[str, Callable[[Exposition], None]] = {
    "forgotten": lambda exposition: exposition.forget("a"),
    "stale": lambda exposition: exposition.expire(T0 + 4 * MINUTE),
    "shrunk": lambda exposition: record(exposition, asking("a")),
    "switched off": lambda exposition: record(
        exposition, asking("a", folder_metrics=False), *sized(1)
    ),
    "another": lambda exposition: exposition.record(MOVED, MINUTE, Poll("a", T0, 0.1, TIMEOUT), ()),
}


@pytest.mark.parametrize("give_up", GIVEN_UP.values(), ids=GIVEN_UP)
def test_room_that_is_given_up_goes_to_others_at_their_next_poll(
    give_up: Callable[[Exposition], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MOST_IN_ALL", 5)
    exposition = Exposition()
    for name in ("a", "b"):
        record(exposition, asking(name), *sized(1, 2, 3, 4, 5))
    assert [number(exposition, name) for name in "ab"] == [5, 0]
    give_up(exposition)
    record(exposition, asking("b"), *sized(1, 2, 3, 4, 5))
    assert [number(exposition, name) for name in "ab"] == [0, 5]
