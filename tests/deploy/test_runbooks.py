"""The runbooks: a page for each alert, with commands and queries that work."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from agent.cli.main import app
from tests.support import deployed
from tests.support.deployed import RUNBOOKS

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted(page for page in RUNBOOKS.glob("*.md") if page.stem != "README")
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "To see more"]
NAMES = {rule["alert"] for rule in deployed.alerts()}
EXISTING = {
    *deployed.documented(),
    *(rule["record"] for rule in deployed.rules() if "record" in rule),
    "up",
}


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert {page.stem for page in PAGES} == NAMES
    index = (RUNBOOKS / "README.md").read_text()
    assert sorted(re.findall(r"\]\((\w+)\.md\)", index)) == sorted(NAMES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_says_what_it_means_whom_it_hurts_and_what_to_do(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    assert re.findall("^## (.+)", text, re.MULTILINE) == SECTIONS
    severities = {
        rule["labels"]["severity"] for rule in deployed.alerts() if rule["alert"] == page.stem
    }
    first = text.split("\n\n")[1]
    assert set(re.findall("critical|warning|info", first.partition("Fires when")[0])) == severities


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_queries_of_a_runbook_name_metrics_that_exist(page: Path) -> None:
    queries = deployed.queries(page)
    assert queries
    for query in queries:
        names = {re.sub("_bucket$", "", name) for name in deployed.named(query).metrics}
        assert names <= EXISTING, query


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_the_commands_of_a_runbook_exist(page: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    for line in lines:
        program, *words = shlex.split(line, comments=True) or [""]
        if program == "mailbox-agent":
            understood(words)


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_the_links_of_a_runbook_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        file, _, anchor = target.partition("#")
        text = (page.parent / file).resolve().read_text()
        headings = re.findall("^#+ (.+)", text, re.MULTILINE)
        assert not anchor or anchor in [_slug(heading) for heading in headings], target


def understood(words: list[str]) -> None:
    """Fail where the command line has a command, an option or an argument that there is not."""
    command: Any = typer.main.get_command(app)
    while words and (found := getattr(command, "commands", {}).get(words[0])):
        command, words = found, words[1:]
    assert not hasattr(command, "commands"), words
    command.make_context("mailbox-agent", list(words))


def _slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
