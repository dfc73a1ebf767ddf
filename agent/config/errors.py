"""From what pydantic found to lines that name place, key and remedy, and never a value."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from agent.config.texts import is_name
from agent.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    Location = tuple[int | str, ...]

LONGEST_KEY = 60
LONG = 12
_PLACES = {
    "accounts": "account",
    "receivers": "receiver",
    "routes": "route",
    "silences": "silence",
}
# The key that tells which kind of table it is, and its values: pydantic puts the value between
# the table's index and its key.
_KINDS: dict[object, tuple[str, tuple[str, ...]]] = {
    "accounts": ("protocol", ("imap", "pop3")),
    "receivers": ("type", ("apprise", "owner", "alertmanager")),
}
_NO_KIND: tuple[str, tuple[str, ...]] = ("", ())

# pydantic's own texts name Python's types and may quote the input; these name the file's.
_TEXTS = {
    "missing": "is missing",
    "string_type": "needs text in quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long",
    "path_type": "needs a path in quotes",
    "tuple_type": "needs a list",
    "bool_type": "needs true or false",
    "model_type": "needs a table",
    "model_attributes_type": "needs a table",
    "too_short": "must not be empty",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


class ConfigError(Exception):
    """The configuration cannot be used; `lines` has one line for each problem."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))


def shown(text: str) -> str:
    """A key or name as it may be printed: harmless, short, in quotes."""
    return f'"{printable(text, LONGEST_KEY)}"'


def nearest(word: str, known: Iterable[str], common: str = "") -> str:
    """The end of a line about an unknown word: what was probably meant, where that is likely.

    `common` is what all words begin with: counted, it would make any two look alike.
    """
    close = _close(word.removeprefix(common), [each.removeprefix(common) for each in known])
    return f'; did you mean "{common}{close}"?' if close else ""


def _close(word: str, known: Iterable[str]) -> str:
    likeness = 0.6 if len(word) < LONG else 0.8  # long words share letters by chance
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=likeness)), "")


def choices(words: Iterable[str]) -> str:
    """The words of which one is needed: `"a"`, `"a" or "b"`, `one of "a", "b" or "c"`."""
    *others, last = (f'"{word}"' for word in words)
    return (
        f"{'one of ' if len(others) > 1 else ''}{', '.join(others)} or {last}" if others else last
    )


def problems(
    error: ValidationError, model: type[BaseModel], document: Mapping[str, Any]
) -> Iterator[tuple[Location, str]]:
    """Each problem's location in the document, and its line without the file's name."""
    details = error.errors(include_url=False, include_input=False)
    meant = {_meant(detail, model) for detail in details if detail["type"] == "extra_forbidden"}
    for detail in details:
        if not meant.intersection(_missing(detail)):
            yield detail["loc"], _line(detail, model, document)


def _meant(detail: ErrorDetails, model: type[BaseModel]) -> Location:
    """Where the value of a misspelt key was to go."""
    *parents, key = detail["loc"]
    return (*parents, _close(str(key), keys_at(model, parents)))


def _missing(detail: ErrorDetails) -> set[Location]:
    """The keys whose absence this is about: no problem of its own if one of them is misspelt."""
    match detail["type"]:
        case "missing":
            return {detail["loc"]}
        case "none_of":
            return {(*detail["loc"][:-1], key) for key in detail["ctx"]["keys"].split(", ")}
        case _:
            return set()


def _line(detail: ErrorDetails, model: type[BaseModel], document: Mapping[str, Any]) -> str:
    path = _path(detail["loc"], document)
    match detail["type"]:
        case "extra_forbidden":
            path[-1] = _unknown(model, detail["loc"])
        case "none_of" | "too_many_of":  # about the table, not about the key that noticed
            path[-1] = detail["msg"]
        case _:
            path.append(_text(detail))
    return ": ".join(path)


def _text(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "value_error":
            return str(context["error"])  # our own texts, which hold no value
        case "literal_error" | "enum":
            expected = str(context["expected"]).replace("'", '"')
            return f"must be one of {expected}" if " or " in expected else f"must be {expected}"
        case "union_tag_not_found" | "union_tag_invalid" as problem:
            kind, values = _KINDS[detail["loc"][0]]
            missing = problem == "union_tag_not_found"
            return f"{kind}{' is missing; write' if missing else ': must be'} {choices(values)}"
        case "tuple_type" if detail["loc"][-1] in _PLACES:
            return f"needs a list: write [[{detail['loc'][-1]}]]"
        case kind:
            return _TEXTS.get(kind, "has a value of the wrong kind").format_map(context)


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
        elif words or part not in _KINDS.get(section, _NO_KIND)[1]:
            words.append(part)
    return words


def _unknown(model: type[BaseModel], loc: Location) -> str:
    *parents, last = loc
    key = str(last)
    kind, values = _KINDS.get(loc[0], _NO_KIND)
    place, tag, inner = parents[:2], parents[2:3], parents[3:]
    if tag and tag[0] in values and key in keys_at(model, [*place, *inner]):
        return f'key {shown(key)} does not go with {kind} "{tag[0]}"'
    return f"unknown key {shown(key)}{nearest(key, keys_at(model, parents))}"


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
