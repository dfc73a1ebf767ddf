"""Whom to tell what: the first route that matches an alert names its receivers."""

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema

from agent.config.base import Table
from agent.config.errors import choices, nearest
from agent.config.texts import Name, Tag, printable
from agent.model import Severity

Rule = Literal[
    "usage",
    "forecast",
    "unread",
    "uncollected",
    "poll",
    "login",
    "stale",
    "limit",
    "certificate",
    "server",
    "agent",
]
RULES: tuple[Rule, ...] = get_args(Rule)


def _rules(value: object) -> tuple[str, ...]:
    """One rule or several. Raises ValueError with all rules, the one meant among them."""
    rules = _texts(value)
    for rule in rules:
        if rule not in RULES:
            raise ValueError(f"must be {choices(RULES)}{nearest(rule, RULES)}")
    return rules


def _accounts(value: object) -> tuple[str, ...]:
    return tuple(map(printable, _texts(value)))


def _texts(value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list | tuple) and texts and all(isinstance(each, str) for each in texts):
        return tuple(texts)
    raise ValueError("needs text in quotes, or a list of such texts")


def _one_or_more(text: dict[str, object]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]})


class Match(Table):
    """Conditions of a route; all that are given must hold, and none means every alert."""

    tags: tuple[Tag, ...] = Field(
        (), description="Tags that the account must have, all of them.", examples=[["customers"]]
    )
    account: Annotated[
        tuple[str, ...], BeforeValidator(_accounts), _one_or_more({"type": "string"})
    ] = Field(
        (),
        description="Names of accounts, or patterns with `*` and `?`; one of them must fit.",
        examples=["vip-*"],
    )
    severity: Severity | None = Field(
        None, description="The alert's severity, exactly.", examples=["critical"]
    )
    min_severity: Severity | None = Field(
        None, description="The mildest severity of an alert that fits.", examples=["warning"]
    )
    rule: Annotated[
        tuple[Rule, ...],
        BeforeValidator(_rules),
        _one_or_more({"type": "string", "enum": list(RULES)}),
    ] = Field(
        (),
        description=f"The rule that raised the alert, or a list of rules: {', '.join(RULES)}.",
        examples=["usage"],
    )

    def fits(self, account: str, tags: Collection[str], severity: Severity, rule: str) -> bool:
        """Whether an alert of this account meets every condition."""
        return (
            set(self.tags).issubset(tags)
            and (not self.account or any(_named(account, pattern) for pattern in self.account))
            and self.severity in (None, severity)
            and (self.min_severity is None or severity.rank >= self.min_severity.rank)
            and (not self.rule or rule in self.rule)
        )


def _named(account: str, pattern: str) -> bool:
    """Equal first: a name may itself hold what a pattern reads otherwise, as `[::1]` does."""
    return account == pattern or fnmatchcase(account, pattern)


class Route(Table):
    """One route; routes are tried in the order of the file."""

    receivers: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="Names of the receivers to tell.", examples=[["ops"]]
    )
    match: Match = Field(
        default_factory=Match, description="Which alerts; without it, all that come here."
    )
