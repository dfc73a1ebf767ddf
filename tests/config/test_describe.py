from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agent.config.accounts import ImapAccount, Pop3Account
from agent.config.alertmanager import AlertmanagerReceiver
from agent.config.describe import example, schema
from agent.config.load import load
from agent.config.overrides import ImapOverrides, Pop3Overrides
from agent.config.receivers import AppriseReceiver
from agent.config.settings import Settings

ROOT = Path(__file__).parents[2]
REGENERATE = (
    "regenerate: mailbox-agent schema --example > config.example.toml; "
    "mailbox-agent schema > config.schema.json"
)


def test_the_example_file_is_current() -> None:
    assert (ROOT / "config.example.toml").read_text() == example(), REGENERATE


def test_the_schema_file_is_current() -> None:
    assert (ROOT / "config.schema.json").read_text() == schema(), REGENERATE


def test_the_example_is_a_valid_configuration() -> None:
    settings = load(ROOT / "config.example.toml")
    assert [account.protocol for account in settings.accounts] == ["imap", "pop3"]
    assert [receiver.type for receiver in settings.receivers] == [
        "apprise",
        "owner",
        "alertmanager",
    ]
    assert len(settings.routes) == len(settings.silences) == 1


def test_the_example_shows_every_key_with_a_description() -> None:
    lines = example().splitlines()
    keys = [match[1] for line in lines if (match := re.match(r"(?:# )?([a-z_]+) = ", line))]
    document = json.loads(schema())
    known = {key for table in document["$defs"].values() for key in table.get("properties", {})}
    assert set(keys) == known - {"at", "target", "alerts", "oauth2"}  # a value, and headings
    assert all(text for text in descriptions(document["$defs"]))


def descriptions(tables: dict[str, Any]) -> list[str]:
    properties = [table["properties"] for table in tables.values() if "properties" in table]
    return [key["description"] for table in properties for key in table.values()]


POP3_ONLY = {
    *(Pop3Account.model_fields.keys() - ImapAccount.model_fields.keys()),
    *(Pop3Overrides.model_fields.keys() - ImapOverrides.model_fields.keys()),
}
_POP3 = 1  # the place of the POP3 account in the example
ALERTMANAGER_ONLY = AlertmanagerReceiver.model_fields.keys() - AppriseReceiver.model_fields.keys()
_LAST = -1  # the place of the Alertmanager in the example
_LOGIN = {  # a user name and a password: only together
    "username": ("password", "wonderland"),
    "password": ("username", "agent"),
    "password_file": ("username", "agent"),
    "password_command": ("username", "agent"),
}
_CLIENT = {"provider": "microsoft", "client_id": "agent"}
_SERVICE_ACCOUNT = {"provider": "google", "grant": "service_account"}  # what `key_file` needs


def commented() -> list[str]:
    """Every commented key of the example with its section."""
    found, section = [], ""
    for line in example().splitlines():
        if heading := re.match(r"(?:# )?\[+([a-z0-9_.]+)\]+$", line):
            section = heading[1]
        if re.match(r"# [a-z_]+ = ", line):
            found.append(f"{section}: {line.removeprefix('# ')}")
    return found


@pytest.mark.parametrize("each", commented())
def test_each_commented_key_of_the_example_can_be_switched_on(each: str) -> None:
    section, _, line = each.partition(": ")
    document = tomllib.loads(example())
    ((key, value),) = tomllib.loads(line).items()
    table = document
    pop3 = key in POP3_ONLY and section.startswith("accounts")
    last = section == "receivers" and key in ALERTMANAGER_ONLY
    document["accounts"][_POP3]["track_messages"] = True  # some keys need it
    for part in section.split("."):
        inner = table.setdefault(part, {"schema": "json"} if part == "target" else {})
        place = _LAST if last else _POP3 if pop3 else 0
        table = inner[place] if isinstance(inner, list) else inner
    if last and key in _LOGIN:
        table.update([_LOGIN[key]])
    for twin in ("", "_file", "_command"):  # the same secret in another way
        if key.removesuffix("_file").removesuffix("_command") in {"password", "url"}:
            table.pop(key.removesuffix("_file").removesuffix("_command") + twin, None)
    if section == "accounts.oauth2":
        document["accounts"][0].pop("password_file")
        table.update(_SERVICE_ACCOUNT if key == "key_file" else _CLIENT)
    if section == "receivers.target":
        document["receivers"][0].pop("url")
    table[key] = value
    assert Settings(**document).accounts


def test_the_schema_says_what_a_key_may_hold() -> None:
    document = json.loads(schema())
    agent = document["$defs"]["AgentSettings"]["properties"]
    assert agent["timeout"]["default"] == "30s"
    assert re.fullmatch(agent["timeout"]["pattern"], "1h30m")
    assert not re.fullmatch(agent["timeout"]["pattern"], "15")
    assert agent["max_connections"]["maximum"] == 100
    assert document["$defs"]["WebSettings"]["properties"]["listen"]["default"] == "127.0.0.1:9143"
    assert document["$defs"]["ImapAccount"]["required"] == [
        "name",
        "protocol",
        "server",
        "username",
    ]
    assert document["additionalProperties"] is False
    assert "null" not in schema()
