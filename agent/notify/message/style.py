"""How a receiver wants to be told: language, time zone, and its own templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import tzinfo
    from pathlib import Path

Language = Literal["en", "de", "es"]


@dataclass(frozen=True, slots=True)
class Style:
    """`templates` is a directory whose files replace ours of the same name; see docs/messages.md.

    `timezone` must have a name for Babel to print: a `ZoneInfo`, or `datetime.UTC`.
    """

    language: Language = "en"
    timezone: tzinfo = UTC
    templates: Path | None = None
