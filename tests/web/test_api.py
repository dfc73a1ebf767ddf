"""The documents over HTTP: what they say of a fleet, and that they are as they are described."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator

from agent.web.openapi import description
from tests.support.fleet import LIVES, ODD

DETAILS = {"folders", "folder_count", "history", "failures", "notifications"}
schema = schemathesis.openapi.from_dict(description())


def get(address: str, path: str, **query: Any) -> dict[str, Any]:
    answer = requests.get(address + path, params=query, timeout=20)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def names(document: dict[str, Any]) -> list[str]:
    return [mailbox["account"] for mailbox in document["mailboxes"]]


@schema.parametrize()
@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
def test_the_api_is_as_it_is_described(case: schemathesis.Case[Any], address: str) -> None:
    case.call_and_validate(base_url=address)


def test_the_description_is_served_and_is_whole(address: str) -> None:
    found = get(address, "/api/v1/openapi.json")
    assert found == json.loads(json.dumps(description()))
    assert found["openapi"] == "3.1.0"
    assert set(found["paths"]) == {"/api/v1/mailboxes", "/api/v1/mailboxes/{name}"}
    for each in found["components"]["schemas"].values():
        Draft202012Validator.check_schema(each)


def test_every_document_is_as_it_is_described(address: str) -> None:
    def check(model: str, document: dict[str, Any]) -> None:
        rules = {"$ref": f"#/components/schemas/{model}", **description()}
        Draft202012Validator(rules).validate(document)

    check("MailboxList", get(address, "/api/v1/mailboxes"))
    for life in LIVES[:13]:
        check("MailboxAnswer", get(address, f"/api/v1/mailboxes/{quote(life.name, safe='')}"))


def test_the_worst_mailboxes_come_first(address: str) -> None:
    found = get(address, "/api/v1/mailboxes")
    worst = "invoices anna press orders support legacy-import field-office scanner"
    assert " ".join(names(found)[:8]) == worst
    assert (found["version"], found["configured"], found["matching"]) == (1, len(LIVES), len(LIVES))
    assert (found["at"], found["store_problem"]) == ("2026-03-01T12:00:00Z", None)
    assert found["states"]["critical"] == 2
    assert sum(found["states"].values()) == len(LIVES)


def test_a_mailbox_is_told_with_its_figures_forecast_and_alerts(address: str) -> None:
    anna, *_ = get(address, "/api/v1/mailboxes", search="anna")["mailboxes"]
    (quota,) = anna["quotas"]
    assert (anna["state"], anna["status"], anna["quota_state"]) == (
        "critical",
        "critical",
        "limited",
    )
    assert anna["usage_ratio"] == quota["used"] / quota["limit"]
    assert anna["full_at"] == quota["full_at"]
    assert "2026-03-02" < anna["full_at"] < "2026-03-04"
    assert quota["growth_per_day"] == pytest.approx(0.019 * quota["limit"], rel=0.1)
    usage, forecast = anna["alerts"]
    assert (usage["rule"], usage["severity"], usage["told"]) == (
        "usage",
        "critical",
        ["ops", "on-call"],
    )
    assert (forecast["rule"], forecast["severity"]) == ("forecast", "warning")
    assert not anna.keys() & DETAILS


def test_what_failed_says_why_and_keeps_its_last_figures(address: str) -> None:
    found = {each["account"]: each for each in get(address, "/api/v1/mailboxes")["mailboxes"]}
    failing, refused, new = found["legacy-import"], found["scanner"], found["new-colleague"]
    assert (failing["state"], failing["status"]) == ("failing", "failed")
    assert failing["failure"]["reason"] == "timeout"
    assert failing["usage_ratio"] == pytest.approx(0.44, abs=0.01)
    assert failing["figures_are_old"]
    assert failing["full_at"] is None
    assert (refused["state"], refused["quarantine"]["rejections"]) == ("quarantined", 2)
    assert (new["state"], new["status"], new["last_poll_at"]) == ("never_polled", None, None)


def test_one_mailbox_has_its_folders_history_failures_and_notifications(address: str) -> None:
    box = get(address, "/api/v1/mailboxes/support")["mailbox"]
    assert [each["name"] for each in box["folders"]][:2] == ["INBOX", "Archive/2025"]
    assert box["folder_count"] == len(box["folders"]) == 7
    kinds = {(each["kind"], each["root"], each["resource"]) for each in box["history"]}
    assert kinds == {("quota", "User quota", "storage"), ("size", "", ""), ("messages", "", "")}
    used = [point["used"] for each in box["history"] for point in each["points"]]
    assert len(used) == 3 * 49
    told = {(each["receiver"], each["state"]) for each in box["notifications"]}
    assert told == {("ops", "sent"), ("on-call", "waiting")}
    (spell,) = get(address, "/api/v1/mailboxes/legacy-import")["mailbox"]["failures"]
    assert (spell["reason"], spell["polls"]) == ("timeout", 4)
    assert (spell["began_at"], spell["last_at"]) == ("2026-03-01T09:00:00Z", "2026-03-01T11:57:00Z")


def test_history_is_as_long_as_it_is_asked_for(address: str) -> None:
    series = get(address, "/api/v1/mailboxes/support", days=2)["mailbox"]["history"]
    assert {len(each["points"]) for each in series} == {13}


def test_filters_are_combined_and_pages_do_not_overlap(address: str) -> None:
    assert names(get(address, "/api/v1/mailboxes", tag="staff", state="warning")) == [
        "press", "support",
    ]  # fmt: skip
    assert names(get(address, "/api/v1/mailboxes", search="POP.example")) == ["fax"]
    first = get(address, "/api/v1/mailboxes", limit=30)
    second = get(address, "/api/v1/mailboxes", limit=30, offset=30)
    assert sorted(names(first) + names(second)) == sorted(life.name for life in LIVES)
    assert names(get(address, "/api/v1/mailboxes", offset=1000)) == []


@pytest.mark.parametrize("path", ["/api/v1/mailboxes/", "/mailboxes/"])
def test_any_name_is_one_segment_of_the_path(address: str, path: str) -> None:
    whole = quote(ODD, safe="")
    assert requests.get(address + path + whole, timeout=20).status_code == 200
    apart = quote(ODD, safe="/")
    assert requests.get(address + path + apart, timeout=20).status_code == 200
    assert requests.get(address + path + "nobody", timeout=20).status_code == 404
    assert requests.get(address + path, timeout=20).status_code == 404


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"offset": "x"}, "offset"),
        ({"state": "fine"}, "state"),
        ({"page": 2}, "page"),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(address: str, query: Any, said: str) -> None:
    answer = requests.get(address + "/api/v1/mailboxes", params=query, timeout=20)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{said}: ")


@pytest.mark.parametrize(
    "path", ["/", "/mailboxes/anna", "/api/v1/mailboxes", "/api/v1/openapi.json"]
)
def test_only_reading_is_allowed(address: str, path: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = requests.request(method, address + path, timeout=20)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert requests.head(address + path, timeout=20).status_code == 200
