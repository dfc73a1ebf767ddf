"""The languages say the same, each in its own words."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from jinja2 import Environment, nodes

from agent.model import Reason, Severity, Situation
from agent.notify.message import Language, Style, compose, compose_owner
from agent.notify.message.templates import OURS
from tests.support.notices import MIB, NOON, notice

OTHERS: list[Language] = ["de", "es"]
RULES = [
    *("usage", "forecast", "unread", "uncollected", "poll", "login", "stale", "limit"),
    *("certificate", "server", "agent", "a-new-rule"),
]
# Words that are right in both languages, or that are names.
BOTH = {"agent", "b", "check", "gib", "limit", "login", "mailbox", "mib", "oauth", "reset", "utc"}
SHARED = {
    "de": BOTH | {"in", "links", "mail", "server", "servers", "so", "was"},
    "es": BOTH | {"a", "mar", "no"},
}
NAMES = re.compile(r"\b[0-9a-f]{12}\b|xanna|xserver|xfolder|xwords|a-new-rule")


def files(language: Language) -> set[str]:
    return {file.name for file in (OURS / language).iterdir()}


def shown(language: Language, template: str) -> dict[str, set[str]]:
    """The properties of alerts that a template shows, and the variables that it uses."""
    tree = Environment(autoescape=True).parse((OURS / language / template).read_text("utf-8"))
    properties = {
        node.attr
        for node in tree.find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name) and node.node.name == "alert"
    }
    # The same figure, as a number and as it is printed: grammar needs the one or the other.
    same = {"count": "used", "total": "limit"}
    return {
        "properties": {same.get(one, one) for one in properties},
        "words": {
            node.value.lower()
            for node in tree.find_all(nodes.Const)
            if node.value in (*Severity, *Reason, *RULES)
        },
    }


def all_texts(language: Language) -> str:
    style = Style(language)
    known = Situation(MIB, NOON.replace(day=9), (("trash", 1), ("junk", 1), ("deleted", 1)), ())
    told = [
        notice(
            "" if rule in ("certificate", "server", "agent") else "xanna",
            reason,
            rule=rule,
            root="xserver" if rule in ("certificate", "server") else "",
            resource=resource,
            used=used,
            limit=limit,
            detail="xwords",
            moment=moment,
            severity=severity,
            situation=known,
        )
        for rule in RULES
        for reason in Reason
        for severity in Severity
        for resource in ("storage", "message")
        for used, limit in ((17, 20), (21, 20), (1, 1), (None, None))
        for moment in (None, NOON, NOON.replace(day=9))
        if used is not None or rule in ("poll", "login", "stale", "limit", "certificate")
    ]
    composed = [compose([one], style) for one in told]
    composed += [
        compose_owner(one, style) for one in told if one.transition.alert.key.rule in RULES[:2]
    ]
    composed.append(compose(told, style))
    composed.append(compose([notice(str(number)) for number in range(99)], style, longest=999))
    return "\n".join(f"{message.title}\n{message.text}" for message in composed)


def words(language: Language) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", NAMES.sub("", all_texts(language)).lower()))


@pytest.mark.parametrize("language", OTHERS)
def test_every_template_exists_in_every_language(language: Language) -> None:
    assert files(language) == files("en")


@pytest.mark.parametrize("template", sorted(files("en") - {"words.j2"}))
@pytest.mark.parametrize("language", OTHERS)
def test_a_template_shows_the_same_in_every_language(language: Language, template: str) -> None:
    assert shown(language, template) == shown("en", template)


@pytest.mark.parametrize("language", OTHERS)
def test_no_english_word_is_left_in_another_language(language: Language) -> None:
    assert words(language) & words("en") == SHARED[language]


def test_the_languages_are_those_of_the_style() -> None:
    assert {path.name for path in OURS.iterdir() if path.is_dir()} == set(get_args(Language))
