from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.cli.screen import Screen
from agent.cli.table import render
from agent.figures import percent, size
from agent.model import Failure, FailureKind, Quota, QuotaState, Reading, Role
from tests.support.checked import found

if TYPE_CHECKING:
    from agent.cli.outcome import Checked


@pytest.fixture
def mailboxes() -> list[Checked]:
    quotas = (
        Quota("", "message", 19, 20),
        Quota("User quota", "storage", 19456, 204800),
        Quota("Other", "storage", 5, None),
    )
    several = Reading(
        QuotaState.LIMITED, quotas, (), 19000, 19, 1234, reclaimable=((Role.TRASH, 2048),)
    )
    unlimited = Reading(QuotaState.UNLIMITED, size_bytes=5 * 1024**3, messages=12345)
    return [
        found(several, name="anna"),
        found(unlimited, name="bob"),
        found(Reading(QuotaState.DENIED), name="carol"),
        found(Failure(FailureKind.DNS, "no such host."), name="dave"),
    ]


PROBLEMS = """\

carol: no limit is known: the server refuses to tell the quota. Next: set limit = "2 GiB" for the \
account, or add ?limit=2GiB to the URL.
dave: dns: no such host (tried IMAP at mail.example.com:993, TLS from the start). Next: check the \
spelling of the host name, and that this machine can resolve it."""


def test_a_pipe_gets_every_fact_on_one_line_a_mailbox(mailboxes: list[Checked]) -> None:
    expected = """\
Mailbox       Status                  Usage          Used of limit  Messages  Unread  Freeable
──────────────────────────────────────────────────────────────────────────────────────────────
anna          critical   ▕█████████▌▏  95 %      19 of 20 messages        19   1,234   2.0 KiB
  User quota             ▕▉         ▏   9 %  19.0 KiB of 200.0 KiB
bob           unlimited                   -                5.0 GiB    12,345       -         -
carol         no limit                    -                      -         -       -         -
dave          failed                    dns
"""
    text = render(mailboxes, Screen(None))
    assert text == expected + PROBLEMS


def test_eighty_columns_hold_the_table_without_bars(mailboxes: list[Checked]) -> None:
    text = render(mailboxes, Screen(80))
    assert max(map(len, text.splitlines())) <= 80
    assert "█" not in text
    assert "1,234" in text


def test_a_long_name_is_folded_on_a_terminal_and_never_cut() -> None:
    name = "imaps://anna%40example.com@mail.example.com:993"
    reading = Reading(QuotaState.LIMITED, (Quota("", "storage", 1023 * 1024, 1023 * 1024**2),))
    text = render([found(reading, name=name)], Screen(80))
    assert max(map(len, text.splitlines())) <= 80
    assert "".join(line[:15].split(" ")[0] for line in text.splitlines()[2:]) == name


def test_without_unicode_the_table_is_ascii(mailboxes: list[Checked]) -> None:
    assert render(mailboxes, Screen(None, unicode=False)).isascii()


def test_colour_only_repeats_the_word(mailboxes: list[Checked]) -> None:
    assert "\x1b[31mcritical" in render(mailboxes, Screen(None, colour=True))
    assert "\x1b" not in render(mailboxes, Screen(None))


def test_what_a_server_says_is_neither_markup_nor_an_escape() -> None:
    hostile = Quota("[red]\x1b[2J\u202e", "storage", 1, 2), Quota("", "storage", 2, 2)
    text = render([found(Reading(QuotaState.LIMITED, hostile))], Screen(None))
    assert "[red]\ufffd[2J\ufffd" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (19456, "19.0 KiB"),
        (150 * 1024**2, "150.0 MiB"),
        (2**63 - 1, "7.9 EiB"),
    ],
)
def test_sizes_are_in_the_unit_that_reads_best(octets: int | None, text: str) -> None:
    assert size(octets) == text


@pytest.mark.parametrize(
    ("ratio", "text"), [(0.29, "29 %"), (0.999, "99 %"), (1.0, "100 %"), (1.15, "115 %")]
)
def test_a_mailbox_that_is_not_full_is_never_shown_as_100_percent(ratio: float, text: str) -> None:
    assert percent(ratio) == text
