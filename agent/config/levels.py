"""From which usage on a mailbox is an alert, and how bad: a share, or free space left."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from agent.config.base import Table
from agent.config.units import parse_share, parse_size, share_text
from agent.model import Severity

LARGEST_SHARE = 2.0  # servers let a mailbox grow past its limit by a grace, never to its double
_FREE = re.compile(r"(.*\S)\s+free")
_FORM = 'needs a share such as "80%", or free space such as "100 MB free"'


@dataclass(frozen=True, slots=True)
class Share:
    """Reached when at least this share of the limit is used; `ratio` 0.8 is 80 %."""

    ratio: float

    def __str__(self) -> str:
        return share_text(self.ratio)


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """Reached when at most this many bytes are free; says nothing about message counts."""

    bytes: int

    def __str__(self) -> str:
        return f"{self.bytes} B free"


def parse_threshold(value: object) -> Share | FreeSpace:
    """A share or free space as the file has them. Raises ValueError with both forms."""
    if isinstance(value, Share | FreeSpace):
        return value
    try:
        if isinstance(value, str) and (free := _FREE.fullmatch(value.strip())):
            return FreeSpace(parse_size(free[1]))
        share = Share(parse_share(value))
    except ValueError:
        raise ValueError(_FORM) from None
    if not 0 < share.ratio <= LARGEST_SHARE:
        raise ValueError(f'needs a share above 0% and at most "{share_text(LARGEST_SHARE)}"')
    return share


Threshold = Annotated[
    Share | FreeSpace,
    BeforeValidator(parse_threshold),
    WithJsonSchema({"type": "string", "examples": ["80%", "100 MB free"]}),
]


class Level(Table):
    """One threshold and the severity of the alert that it raises."""

    at: Threshold = Field(
        description='Share of the limit in use ("80%"), or free space left ("100 MB free").',
        examples=["80%", "100 MB free"],
    )
    severity: Severity = Field(description="How bad it is to be there.", examples=["warning"])


def in_order(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """Refuse levels of which one could never be told: the worse must come later."""
    shares = [(at.ratio, level) for level in levels if isinstance(at := level.at, Share)]
    spaces = [(-at.bytes, level) for level in levels if isinstance(at := level.at, FreeSpace)]
    for kind in (shares, spaces):
        kind.sort(key=lambda pair: pair[0])
        ranks = [level.severity.rank for _, level in kind]
        if len(set(ranks)) < len(ranks) or ranks != sorted(ranks):
            raise ValueError("needs one level a severity, the worse one at the fuller mailbox")
    return levels
