"""Our templates and the operator's: theirs first, and ours wherever theirs fail."""

from __future__ import annotations

import traceback
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from agent.notify.message.local import Local

if TYPE_CHECKING:
    from jinja2 import Environment

    from agent.notify.message.style import Language, Style

OURS = Path(__file__).parent.parent / "templates"
ANY_RULE = "alert.j2"  # for a rule that has no template of its own: an older outbox, a new rule

log = structlog.get_logger()

_told: set[tuple[str, int, str]] = set()  # what is wrong with templates, each said once


def render(template: str, style: Style, **values: Any) -> str:
    """The text of a template; `ANY_RULE`'s where there is none of that name.

    A template of the operator's that fails, or yields nothing, costs no alert: ours is used.
    """
    if style.templates:
        try:
            if text := _render(template, style.language, style.templates, values):
                return text
            _tell_once(str(style.templates / template), 0, "it yields nothing")
        except Exception as error:  # noqa: BLE001  templates raise whatever their expressions do
            _tell_once(*_place(error, style.templates), _problem(error))
    return _render(template, style.language, None, values)


def _render(template: str, language: Language, theirs: Path | None, values: dict[str, Any]) -> str:
    chosen = _environment(language, theirs).select_template([template, ANY_RULE])
    return chosen.render(language=language, **values).strip()


@cache
def _environment(language: Language, theirs: Path | None) -> Environment:
    from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    local = Local(language, UTC)  # numbers and lists are the same in every time zone
    ours = FileSystemLoader([OURS / language, OURS])
    loaders = [FileSystemLoader([theirs / language, theirs])] if theirs else []
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([*loaders, ours, PrefixLoader({"ours": ours})]),
        autoescape=lambda name: bool(name and name.endswith(".html.j2")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=theirs is not None,  # a template that is corrected counts from then on
    )
    environment.filters["flow"] = _flow
    environment.filters["number"] = local.number
    environment.filters["listed"] = local.listed
    return environment


def _flow(text: str) -> str:
    """Lines of a template as one line."""
    return " ".join(text.split())


def _place(error: Exception, theirs: Path) -> tuple[str, int]:
    """The file and line of a template in which an error arose."""
    from jinja2 import TemplateSyntaxError

    if isinstance(error, TemplateSyntaxError):
        return error.filename or error.name or str(theirs), error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if Path(frame.filename).is_relative_to(theirs)]
    return (inside[-1].filename, inside[-1].lineno or 0) if inside else (str(theirs), 0)


def _problem(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _tell_once(file: str, line: int, problem: str) -> None:
    fault = (file, line, problem.partition(":")[0])
    if fault in _told:
        return
    _told.add(fault)
    log.error("message.template_broken", file=file, line=line, problem=problem)
