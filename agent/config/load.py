"""From a file to `Settings`, or to every problem that the file has."""

from __future__ import annotations

import os
import re
import tomllib
from collections import Counter
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from agent.config.base import FOLDER
from agent.config.environment import source_of, unknown_variables, variables
from agent.config.errors import ConfigError, nearest, place, problems, shown
from agent.config.settings import Settings
from agent.config.texts import is_name
from agent.config.urls import account_from_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ConfigError", "account_from_url", "load"]

_POSITION = re.compile(r"(.+) \(at (line \d+, column \d+|end of document)\)")


def load(path: Path) -> Settings:
    """The settings of a TOML file, outranked by the environment.

    Raises ConfigError with every problem of both, one line each.
    """
    document = _document(path)
    ours = variables(Settings)
    lines = list(unknown_variables(os.environ, ours))
    token = FOLDER.set(path.absolute().parent)
    try:
        known = {key: document[key] for key in Settings.model_fields if key in document}
        settings = Settings(**known)
    except ValidationError as error:
        for loc, line in problems(error, Settings, document):
            variable = source_of(loc, ours, os.environ)
            lines.append(f"environment: {variable}: {line}" if variable else f"{path}: {line}")
    finally:
        FOLDER.reset(token)
    lines += [f"{path}: {line}" for line in _contradictions(document)]
    if lines:
        raise ConfigError(*lines)
    return settings


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        problem = (error.strerror or "cannot be read").lower()
    except UnicodeDecodeError:
        problem = "not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        problem = _syntax(str(error))
    except (ValueError, RecursionError):
        problem = "not usable: a number is too long, or tables are nested too deeply"
    raise ConfigError(f"{path}: {problem}")


def _syntax(problem: str) -> str:
    found = _POSITION.fullmatch(problem)
    text, position = found.groups() if found else (problem, "not valid TOML")
    return f"{position}: {text[:1].lower()}{text[1:]}"


def _contradictions(document: dict[str, Any]) -> Iterator[str]:
    """What no single table can know; from the document, to be told beside all other problems."""
    for key in document.keys() - Settings.model_fields.keys():
        yield f"unknown key {shown(key)}{nearest(key, Settings.model_fields)}"
    if not document.get("accounts"):
        yield "has no account; write at least one [[accounts]] table"
    for section in ("accounts", "receivers"):
        for name, count in Counter(_names(document, section)).items():
            if count > 1:
                yield f"{section[:-1]} {shown(name)}: name is used {count} times"
    known = set(_names(document, "receivers"))
    for index, route in enumerate(_tables(document, "routes")):
        receivers = route.get("receivers")
        for name in receivers if isinstance(receivers, list) else ():
            if is_name(name) and name not in known:
                where = place("routes", index, document)
                yield f"{where}: unknown receiver {shown(name)}{nearest(name, known)}"


def _tables(document: dict[str, Any], section: str) -> list[dict[str, Any]]:
    tables = document.get(section)
    if not isinstance(tables, list):
        return []
    return [table if isinstance(table, dict) else {} for table in tables]


def _names(document: dict[str, Any], section: str) -> list[str]:
    return [name for table in _tables(document, section) if is_name(name := table.get("name"))]
