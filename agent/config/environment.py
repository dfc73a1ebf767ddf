"""Which environment variables are ours: one for each single value of a section.

`MAILBOX_AGENT_AGENT__POLL_INTERVAL` is `poll_interval` of `[agent]`. Lists stay in the file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args, get_origin

from pydantic import BaseModel

from agent.config.errors import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PREFIX = "MAILBOX_AGENT_"
DELIMITER = "__"
_COMMANDS = frozenset({f"{PREFIX}CONFIG", f"{PREFIX}PASSWORD"})  # read by the commands themselves

# Kubernetes sets these in every pod for services that are called mailbox-agent or mailbox-agent-x.
_SERVICE_LINK = re.compile(
    rf"{PREFIX}([A-Z0-9]+_)*(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\d+_.*)?)"
)


def variables(settings: type[BaseModel]) -> dict[str, tuple[str, str]]:
    """The name of every variable that is read, with the section and key that it sets."""
    return {
        f"{PREFIX}{section}{DELIMITER}{key}".upper(): (section, key)
        for section, field in settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        for key, value in field.annotation.model_fields.items()
        if not _is_list(value.annotation)
    }


def _is_list(annotation: object) -> bool:
    """Whether it is one, or may be one where it is not absent."""
    return get_origin(annotation) is tuple or any(map(_is_list, get_args(annotation)))


def unknown_variables(names: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """A line for each variable that bears our prefix and would do nothing."""
    known = set(known) | _COMMANDS
    for name in sorted(name.upper() for name in names):
        ours = name.startswith(PREFIX) and not _SERVICE_LINK.fullmatch(name)
        if ours and name not in known:
            yield f"environment: unknown variable {shown(name)}{nearest(name, known, PREFIX)}"


def source_of(
    loc: tuple[int | str, ...], known: Mapping[str, tuple[str, str]], names: Iterable[str]
) -> str | None:
    """The variable that a value came from, or None where it came from the file."""
    given = {name.upper() for name in names}
    return next((name for name, place in known.items() if place == loc and name in given), None)
