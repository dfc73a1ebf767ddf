"""The OpenAPI 3.1 description of the API, made from the documents' models."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from agent.metrics.own import agent_version
from agent.web.documents import ListQuery, MailboxAnswer, MailboxList, MailboxQuery, Problem

if TYPE_CHECKING:
    from pydantic import BaseModel

_JSON = "application/json"
_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "The configured name, percent-encoded, slashes included.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 500},
}


@cache
def description() -> dict[str, Any]:
    """The whole document."""
    models: list[type[BaseModel]] = [MailboxList, MailboxAnswer, Problem]
    _, schemas = models_json_schema(
        [(model, "serialization") for model in models],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mailbox-agent",
            "version": agent_version(),
            "summary": "How full every mailbox is, by the agent's last polls.",
            "description": (
                "Reading only, and without asking a mail server. Sizes are bytes, times are UTC; "
                "null means not known."
            ),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {
            "/api/v1/mailboxes": {
                "get": _operation(
                    "listMailboxes", "Mailboxes, the worst first", ListQuery, MailboxList
                )
            },
            "/api/v1/mailboxes/{name}": {
                "parameters": [_NAME],
                "get": _operation(
                    "getMailbox", "One mailbox", MailboxQuery, MailboxAnswer, missing=True
                ),
            },
        },
        "components": {"schemas": schemas["$defs"]},
    }


def _operation(
    name: str,
    summary: str,
    query: type[BaseModel],
    answer: type[BaseModel],
    *,
    missing: bool = False,
) -> dict[str, Any]:
    problems = {"400": _response("The query is wrong.", Problem)}
    if missing:
        problems["404"] = _response("No mailbox of this name is configured.", Problem)
    return {
        "operationId": name,
        "summary": summary,
        "parameters": _parameters(query),
        "responses": {"200": _response(answer.__doc__ or "", answer), **problems},
    }


def _response(text: str, model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": text, "content": {_JSON: {"schema": schema}}}


def _parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    schema = query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": facts.pop("description"),
            "schema": _given(facts, schema.get("$defs", {})),
        }
        for name, facts in schema["properties"].items()
    ]


def _given(facts: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter where it is given at all, complete in itself."""
    for choice in facts.get("anyOf", []):
        if "$ref" in choice:
            enum: list[str] = definitions[choice["$ref"].rpartition("/")[2]]["enum"]
            return {"type": "string", "enum": enum}
    return {key: value for key, value in facts.items() if key != "title"}
