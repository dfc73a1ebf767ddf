"""The demo's parts: its mailboxes' stories on the real server, its sink, its configuration."""

from __future__ import annotations

import http.client
import json
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from agent.config.load import load
from demo.agent import Agent
from demo.mailboxes import KIB, MIB, ROLES, Mailbox, bursts, cleaned_up, steady
from demo.sink import Kind, Notice, Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.dovecot import Dovecot


def events(story: Iterator[str], seconds: int) -> list[str]:
    return [event for event in islice(story, seconds) if event]


@pytest.mark.parametrize(
    ("story", "limit", "seconds", "told"),
    [
        (steady, 100 * KIB, 20, ["is full: the first mail bounces (552)",
                                 "was cleaned up by its owner"]),
        (bursts, 600 * KIB, 24, ["receives 500 KiB at once", "was emptied, since mail bounced"]),
        (cleaned_up, MIB, 40, ["was cleaned up by its owner"]),
    ],
)  # fmt: skip
def test_a_story_fills_a_mailbox_until_it_is_cleaned_up(
    dovecot: Dovecot,
    story: Callable[[Mailbox], Iterator[str]],
    limit: int,
    seconds: int,
    told: list[str],
) -> None:
    mailbox = Mailbox(dovecot, dovecot.add(storage=limit))
    assert events(story(mailbox), seconds)[:2] == told


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Mailbox steady is 81 % full", Kind.WARNING),
        ("Mailbox steady got worse: 97 % full", Kind.ESCALATION),
        ("Mailbox steady has recovered: 2 % full", Kind.RECOVERY),
    ],
)
def test_what_is_posted_to_the_sink_is_a_notice_of_its_kind(title: str, kind: Kind) -> None:
    body = json.dumps({"title": title, "message": "836.0 KiB of 1.0 MiB", "type": "warning"})
    with Sink() as sink:
        connection = http.client.HTTPConnection(sink.url.split("/")[2])
        connection.request("POST", "/", body)
        assert connection.getresponse().status == 204
        connection.close()
        notice = sink.notices.get(timeout=10)
    assert notice == Notice(title, "836.0 KiB of 1.0 MiB", "warning")
    assert notice.kind is kind


def test_the_configuration_is_valid_and_for_its_owner_alone(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    agent = Agent(tmp_path, dovecot, ROLES, "json://127.0.0.1:9/")
    config = tmp_path / "config.toml"
    assert config.stat().st_mode & 0o777 == 0o600
    settings = load(config)
    assert [account.name for account in settings.accounts] == [role.name for role in ROLES]
    assert settings.web.listen.port == agent.port
