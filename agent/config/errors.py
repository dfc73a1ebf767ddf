"""From what pydantic found to lines that name place, key and remedy, and never a value."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from agent.config.texts import is_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

LONGEST_KEY = 60
_PLACES = {"accounts": "account", "receivers": "receiver", "routes": "route"}

# pydantic's own texts name Python's types and may quote the input; these name the file's.
_TEXTS = {
    "missing": "is missing",
    "string_type": "needs text in quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "is not in the form that it needs",
    "path_type": "needs a path in quotes",
    "tuple_type": "needs a list",
    "list_type": "needs a list",
    "dict_type": "needs a table",
    "model_type": "needs a table",
    "model_attributes_type": "needs a table",
    "too_short": "must not be empty",
    "union_tag_not_found": 'protocol is missing; write "imap" or "pop3"',
    "union_tag_invalid": 'protocol: must be "imap" or "pop3"',
}


class ConfigError(Exception):
    """The configuration cannot be used; `lines` has one line for each problem."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))


def shown(text: str) -> str:
    """A key or name as it may be printed: printable, short, in quotes."""
    clean = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return f'"{clean[:LONGEST_KEY]}"'


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a line about an unknown word: what was probably meant, where that is likely."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def problems(
    error: ValidationError, model: type[BaseModel], document: Mapping[str, Any]
) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Each problem's location in the document, and its line without the file's name."""
    for detail in error.errors(include_url=False, include_context=True, include_input=False):
        yield detail["loc"], _line(detail, model, document)


def _line(detail: ErrorDetails, model: type[BaseModel], document: Mapping[str, Any]) -> str:
    *parents, last = detail["loc"] or ("",)
    if detail["type"] == "extra_forbidden":
        return ": ".join([*_path(parents, document), _unknown(str(last), model, parents)])
    return ": ".join([*_path(detail["loc"], document), _text(detail)])


def _text(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "value_error":
            return str(context["error"])  # our own texts, which hold no value
        case "literal_error" | "enum":
            return "must be one of " + str(context["expected"]).replace("'", '"')
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case kind:
            return _TEXTS.get(kind, "has a value of the wrong kind")


def _path(loc: Iterable[int | str], document: Mapping[str, Any]) -> list[str]:
    """The location in the words of the file: `account "anna"`, `[alerts]`, `levels 2`, `at`."""
    match list(loc):
        case [str(section), int(index), *rest] if section in _PLACES:
            return [place(section, index, document), *_keys(section, rest)]
        case [str(section), str() as key, *rest]:
            return [f"[{section}]", *_keys(section, [key, *rest])]
        case keys:
            return _keys("", keys)


def place(section: str, index: int, document: Mapping[str, Any]) -> str:
    """One table of a list: by its name where that is a good one, else by its number."""
    table = document[section][index]
    name = table.get("name") if isinstance(table, dict) else None
    return f"{_PLACES[section]} {shown(name) if is_name(name) else index + 1}"


def _keys(section: str, loc: Iterable[int | str]) -> list[str]:
    words: list[str] = []
    for part in loc:
        if isinstance(part, int):
            words[-1:] = [f"{words[-1]} {part + 1}"]
        elif not (section == "accounts" and not words and part in ("imap", "pop3")):
            words.append(part)
    return words


def _unknown(key: str, model: type[BaseModel], parents: Iterable[int | str]) -> str:
    known = keys_at(model, parents)
    return f"unknown key {shown(key)}{nearest(key, known)}"


def keys_at(model: type[BaseModel], loc: Iterable[int | str]) -> set[str]:
    """The keys that the table at this location may have."""
    models = {model}
    for part in (part for part in loc if isinstance(part, str)):
        fields = [each.model_fields[part] for each in models if part in each.model_fields]
        if fields:
            models = {found for field in fields for found in _models_in(field.annotation)}
        else:  # the tag of a union, which pydantic puts between index and key
            models = {each for each in models if _is_tagged(each, part)}
    return {field.alias or name for each in models for name, field in each.model_fields.items()}


def _is_tagged(model: type[BaseModel], tag: str) -> bool:
    return any(get_args(field.annotation) == (tag,) for field in model.model_fields.values())


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
