from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.config import privacy
from agent.config.load import load
from agent.config.privacy import warnings

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = """
[[accounts]]
name = "anna"
protocol = "imap"
server = "mail.example.com"
username = "anna"
"""
ALERTMANAGER = """
[[receivers]]
name = "cluster"
type = "alertmanager"
urls = ["http://127.0.0.1:9093"]
"""
COMMAND = ACCOUNT + 'password_command = ["pass"]'
RECEIVER = """
[[receivers]]
name = "ops"
type = "apprise"
"""


def told(folder: Path, text: str, mode: int) -> list[str]:
    file = folder / "config.toml"
    file.write_text(text)
    file.chmod(mode)
    return [line.replace(str(folder), "") for line in warnings(file, load(file))]


INSIDE = "/config.toml: holds secrets and can be read by others; chmod 600 it, or use secret files"


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        (ACCOUNT + 'password = "wonderland"', 0o600, []),
        (ACCOUNT + 'password = "wonderland"', 0o640, [INSIDE]),
        (ACCOUNT + 'password = "wonderland"', 0o604, [INSIDE]),
        (ACCOUNT + 'password_command = ["pass"]', 0o644, []),
        (ACCOUNT + 'password_command = ["pass"]' + RECEIVER + 'url = "json://host/a"', 0o644, []),
        (
            ACCOUNT + 'password_command = ["pass"]' + RECEIVER + 'url = "json://u:p@host"',
            0o644,
            [INSIDE],
        ),
        (
            ACCOUNT
            + 'password_command = ["pass"]'
            + RECEIVER
            + 'url = "json://host/?+X-Token=abc"',
            0o644,
            [INSIDE],
        ),
        (
            ACCOUNT + 'password_command = ["pass"]' + RECEIVER + 'url = "tgram://123:abc/9"',
            0o644,
            [INSIDE],
        ),
        (
            ACCOUNT
            + 'password_command = ["pass"]'
            + RECEIVER
            + 'target = { schema = "json", host = "host", password = "wonderland" }',
            0o644,
            [INSIDE],
        ),
        (
            ACCOUNT
            + 'password_command = ["pass"]'
            + RECEIVER.replace("apprise", "owner")
            + 'url = "mailtos://agent:wonderland@host"',
            0o644,
            [INSIDE],
        ),
        (COMMAND + ALERTMANAGER, 0o644, []),
        (COMMAND + ALERTMANAGER + 'bearer_token = "wonderland"', 0o644, [INSIDE]),
        (COMMAND + '\n[alerts]\nheartbeat_url = "https://host/wonderland"', 0o644, [INSIDE]),
    ],
)
def test_a_configuration_with_secrets_is_kept_private(
    tmp_path: Path, text: str, mode: int, expected: list[str]
) -> None:
    assert told(tmp_path, text, mode) == expected


def test_secret_files_that_others_can_read_are_named_once(tmp_path: Path) -> None:
    for name, mode in [("anna", 0o644), ("url", 0o640), ("private", 0o600)]:
        (tmp_path / name).write_text("wonderland")
        (tmp_path / name).chmod(mode)
    anna = ACCOUNT + 'password_file = "anna"'
    assert told(tmp_path, ACCOUNT + 'password_file = "private"', 0o644) == []
    assert told(tmp_path, ACCOUNT + 'password_file = "missing"', 0o644) == []
    assert told(tmp_path, anna, 0o644) == [
        "/anna: holds a secret and can be read by others; chmod 600 it"
    ]
    assert told(tmp_path, anna + RECEIVER + 'url_file = "url"', 0o644) == [
        "/anna and 1 more: secrets that others can read; chmod 600"
    ]
    token = ALERTMANAGER + 'bearer_token_file = "url"'
    heartbeat = '\n[alerts]\nheartbeat_url_file = "anna"'
    assert told(tmp_path, COMMAND + heartbeat + token, 0o644) == [
        "/anna and 1 more: secrets that others can read; chmod 600"
    ]


def test_what_a_container_runtime_mounts_has_the_modes_it_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "anna").write_text("wonderland")
    (tmp_path / "anna").chmod(0o444)
    monkeypatch.setattr(privacy, "_MOUNTED", tmp_path)
    assert told(tmp_path, ACCOUNT + 'password_file = "anna"', 0o644) == []
