"""The example file and the JSON Schema, generated from the models' own descriptions."""

from __future__ import annotations

import json
import re
import textwrap
from datetime import datetime, timedelta
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from agent.config.accounts import ImapAccount, Pop3Account
from agent.config.alertmanager import AlertmanagerReceiver
from agent.config.endpoint import Endpoint
from agent.config.levels import FreeSpace, Share
from agent.config.quiet import QuietSpan
from agent.config.receivers import AppriseReceiver, OwnerReceiver
from agent.config.routes import Route
from agent.config.settings import Settings
from agent.config.silences import Silence
from agent.config.units import duration_text, share_text

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from pydantic.fields import FieldInfo
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core.core_schema import NullableSchema, WithDefaultSchema

WIDTH = 96  # columns of a comment

_HEADER = """\
Configuration of mailbox-agent. Only accounts are needed; everything else has a default.
A line such as "# key = value" shows the default, or an example where there is none.

Sizes are "500 MB" or "5 GiB", durations "30s", "15m", "1h30m" or "7d", shares "80%".
Relative paths start from this file's folder. Single values of [sections] can also come from the
environment: MAILBOX_AGENT_AGENT__POLL_INTERVAL="5m" outranks poll_interval of [agent].
Check the file with: mailbox-agent validate"""

# What the example switches on; all other keys stand beside it as comments.
_IMAP = {
    "name": "anna",
    "protocol": "imap",
    "server": "mail.example.com",
    "username": "anna@example.com",
    "password_file": "/run/secrets/anna",
}
_POP3 = {
    "name": "bert",
    "protocol": "pop3",
    "server": "pop.example.com",
    "username": "bert@example.com",
    "password_file": "/run/secrets/bert",
    "limit": "5 GiB",
}
_RECEIVER = {"name": "ops", "type": "apprise", "url": "json://127.0.0.1:8080/hook"}
_OWNERS = {
    "name": "owners",
    "type": "owner",
    "url_file": "/run/secrets/smtp-url",
    "contact": "the help desk, help@example.com",
}
_ALERTMANAGER = {"name": "cluster", "type": "alertmanager", "urls": ["http://127.0.0.1:9093"]}
_ROUTE = {"receivers": ["ops"]}
_SILENCE = {"match": {"account": ["test-*"]}, "until": datetime(2026, 1, 2, 6)}  # noqa: DTZ001  local


def schema() -> str:
    """The JSON Schema of the file, as JSON text that ends with a newline."""
    document = Settings.model_json_schema(schema_generator=_Schema)
    return json.dumps({"$schema": _Schema.schema_dialect} | document, indent=2) + "\n"


def example() -> str:
    """A complete configuration file with every key, its description and its default."""
    lines = [*_comment(_HEADER)]
    for section, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            lines += ["", *_comment(_doc(field.annotation)), f"[{section}]"]
            lines += _keys(field.annotation, {})
    lines += _table("accounts", ImapAccount, _IMAP)
    its_keys = "Its keys are those of IMAP but for `folders`, and some of its own."
    lines += _another("accounts", Pop3Account, _POP3, ImapAccount, its_keys)
    lines += _table("receivers", AppriseReceiver, _RECEIVER)
    its_keys = "Its keys are those of `apprise`, and one of its own."
    lines += _another("receivers", OwnerReceiver, _OWNERS, AppriseReceiver, its_keys)
    lines += _table("receivers", AlertmanagerReceiver, _ALERTMANAGER)
    lines += _table("routes", Route, _ROUTE)
    lines += _table("silences", Silence, _SILENCE)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _Schema(GenerateJsonSchema):
    """Defaults as the file has them, not as pydantic would write their Python types."""

    def encode_default(self, dft: Any) -> Any:
        return _plain(dft)

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """The default in the file's words; TOML knows no null, so None is none."""
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        """The value alone: what is not set is left out of the file."""
        return self.generate_inner(schema["schema"])


def _table(section: str, model: type[BaseModel], given: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", *_comment(_doc(model)), f"[[{section}]]")
    yield from _keys(model, given)
    for key, field in model.model_fields.items():
        if key not in given and (inner := _inner(field)):
            yield from _part(f"{section}.{key}", field, _keys(inner, {}))


def _another(
    section: str,
    model: type[BaseModel],
    given: Mapping[str, Any],
    first: type[BaseModel],
    its_keys: str,
) -> Iterator[str]:
    """A second kind of table, with the keys that the first kind does not have."""
    known = first.model_fields
    yield from ("", *_comment(f"{_doc(model)} {its_keys}"), f"[[{section}]]")
    yield from (*map(_assignment, given, given.values()), "")
    yield from _keys(model, {}, but={*known, *given})
    for key, field in model.model_fields.items():
        inner, other = _inner(field), _inner(known[key]) if key in known else None
        if inner and inner is not other:
            but = other.model_fields if other else ()
            yield from _part(f"{section}.{key}", field, _keys(inner, {}, but))


def _part(name: str, field: FieldInfo, keys: Iterable[str]) -> Iterator[str]:
    yield from ("", *_comment(field.description or ""), f"# [{name}]", *keys)


def _keys(
    model: type[BaseModel], given: Mapping[str, Any], but: Container[str] = ()
) -> Iterator[str]:
    """Each key but some under its description, as a comment unless it is given."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        if name not in but and (key in given or not _inner(field)):
            yield from _comment(field.description or "")
            yield _assignment(key, given[key]) if key in given else "# " + _sample(key, field)
            yield ""


def _sample(key: str, field: FieldInfo) -> str:
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    empty = default is None or default in ((), {})
    return _assignment(key, (field.examples or [[]])[0] if empty else _plain(default))


def _inner(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a table within a table, which the example shows under a heading of its own."""
    choices = [field.annotation]
    if get_origin(field.annotation) is UnionType:
        choices += get_args(field.annotation)
    models = (each for each in choices if isinstance(each, type) and issubclass(each, BaseModel))
    return next(models, None)


def _doc(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _comment(text: str) -> list[str]:
    return [
        f"# {line}".rstrip()
        for paragraph in text.split("\n")
        for line in textwrap.wrap(paragraph, WIDTH) or [""]
    ]


def _assignment(key: str, value: object) -> str:
    return f"{key} = {_toml(value)}"


def _toml(value: object) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(map(_assignment, value, value.values())) + " }"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case datetime():
            return value.isoformat()
        case _:  # texts, integers and booleans are written alike in TOML and JSON
            return json.dumps(value, ensure_ascii=False)


def _plain(value: object) -> Any:
    """A value in the types that TOML and JSON share, written as the file has it."""
    match value:
        case BaseModel():
            return {key: _plain(part) for key, part in value}
        case tuple():
            return [_plain(part) for part in value]
        case timedelta():
            return duration_text(value)
        case float():
            return share_text(value)
        case Endpoint() | Share() | FreeSpace() | QuietSpan():
            return str(value)
        case _:
            return value
