"""Whom to tell what: the first route that matches an alert names its receivers."""

from typing import Annotated, Literal

from pydantic import Field

from agent.config.base import Table
from agent.config.texts import Name, Tag
from agent.model import Severity


class Match(Table):
    """Conditions of a route; all that are given must hold, and none means every alert."""

    tags: tuple[Tag, ...] = Field(
        (), description="Tags that the account must have, all of them.", examples=[["customers"]]
    )
    severity: Severity | None = Field(
        None, description="The alert's severity.", examples=["critical"]
    )
    rule: Literal["usage", "login"] | None = Field(
        None, description="The rule that raised the alert.", examples=["usage"]
    )


class Route(Table):
    """One route; routes are tried in the order of the file."""

    receivers: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="Names of the receivers to tell.", examples=[["ops"]]
    )
    match: Match = Field(
        default_factory=Match, description="Which alerts; without it, all that come here."
    )
