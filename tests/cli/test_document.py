from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from agent.cli.document import document
from agent.model import Failure, FailureKind, Folder, Quota, QuotaState, Reading, Role, Status
from tests.support.checked import found
from tests.support.command import ROOT

READING = Reading(
    QuotaState.LIMITED,
    quotas=(Quota("User quota", "storage", 19456, 20480), Quota("", "message", 2, None)),
    folders=(Folder("INBOX", Role.INBOX, 2, 1, 18478), Folder("Büro")),
    size_bytes=18478,
    messages=2,
    unread=1,
    reclaimable=((Role.TRASH, 0),),
)


def test_a_reading_has_every_key_of_the_contract_in_its_order() -> None:
    expected = """\
{"version": 1, "mailboxes": [{"account": "anna", "protocol": "imap", \
"server": "mail.example.com:993", "status": "critical", "failure": null, \
"quota_state": "limited", "quotas": [\
{"root": "User quota", "resource": "storage", "used": 19456, "limit": 20480, "source": "server"}, \
{"root": "", "resource": "message", "used": 2, "limit": null, "source": "server"}], \
"usage_ratio": 0.95, "size_bytes": 18478, "messages": 2, "unread": 1, "folders": [\
{"name": "INBOX", "role": "inbox", "messages": 2, "unread": 1, "size_bytes": 18478}, \
{"name": "B\\u00fcro", "role": null, "messages": null, "unread": null, "size_bytes": null}], \
"reclaimable_bytes": 0, "duration_seconds": 0.041}]}"""
    assert json.dumps(document([found(READING)])) == expected


def test_of_a_failed_poll_nothing_is_known_but_why() -> None:
    failed = found(Failure(FailureKind.DNS, "no such host"), protocol="pop3", server="[::1]:995")
    expected = """\
{"account": "anna", "protocol": "pop3", "server": "[::1]:995", "status": "failed", \
"failure": {"reason": "dns", "detail": "no such host"}, "quota_state": null, "quotas": [], \
"usage_ratio": null, "size_bytes": null, "messages": null, "unread": null, "folders": [], \
"reclaimable_bytes": null, "duration_seconds": 0.041}"""
    assert json.dumps(document([failed])["mailboxes"][0]) == expected


def test_the_published_schema_describes_the_document() -> None:
    schema = json.loads((ROOT / "docs/check.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    failures = [found(Failure(kind, "why")) for kind in FailureKind]
    readings = [found(Reading(state)) for state in QuotaState]
    printed = json.dumps(document([found(READING), *failures, *readings]))
    Draft202012Validator(schema).validate(json.loads(printed))


def test_the_published_schema_knows_every_word_and_no_other() -> None:
    mailbox = json.loads((ROOT / "docs/check.schema.json").read_text())["$defs"]
    properties = mailbox["mailbox"]["properties"]
    assert properties["status"]["enum"] == list(Status)
    assert properties["quota_state"]["enum"] == [*QuotaState, None]
    assert mailbox["failure"]["properties"]["reason"]["enum"] == list(FailureKind)
    assert mailbox["folder"]["properties"]["role"]["enum"] == [*Role, None]
