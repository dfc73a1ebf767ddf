"""Templates of the operator's own: theirs first, ours where theirs fail."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from agent.notify.message import Message, Style, compose, compose_owner
from agent.notify.message.compose import Counts
from agent.notify.message.templates import OURS
from agent.notify.message.view import View
from tests.support.notices import notice

if TYPE_CHECKING:
    from agent.notify.message import Language

DOCS = Path(__file__).parents[2] / "docs" / "messages.md"


def composed(templates: Path, language: Language = "en", account: str = "anna") -> Message:
    return compose([notice(account)], Style(language, templates=templates))


def test_a_file_of_theirs_replaces_ours_in_all_languages(tmp_path: Path) -> None:
    (tmp_path / "usage.j2").write_text("{{ alert.account }}: {{ alert.percent }}\n\nHurry.\n")
    for language in ("en", "de", "es"):
        message = composed(tmp_path, language)
        assert (message.title, message.text) == ("anna: 85 %", "Hurry.")
        assert message.html == f'<div lang="{language}">\n<p>Hurry.</p>\n</div>'


def test_a_file_for_one_language_leaves_the_others_alone(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "usage.j2").write_text("Voll!\n\nEilt.\n")
    (tmp_path / "usage.j2").write_text("Full!\n\nHurry.\n")
    assert composed(tmp_path, "de").title == "Voll!"
    assert composed(tmp_path, "es").title == "Full!"


def test_ours_can_be_used_in_theirs(tmp_path: Path) -> None:
    (tmp_path / "usage.j2").write_text('{% include "ours/usage.j2" %}\n\nCall 1234.\n')
    message = composed(tmp_path)
    assert message.title == "Mailbox anna is 85 % full"
    assert message.text.endswith("Call 1234.")


def test_words_and_page_can_be_replaced_alone(tmp_path: Path) -> None:
    ours = (OURS / "en" / "words.j2").read_text("utf-8")
    (tmp_path / "words.j2").write_text(ours.replace("Severity:", "How bad:"), "utf-8")
    (tmp_path / "page.html.j2").write_text("<h1>{{ title }}</h1>")
    message = compose([notice("a&b")], Style(templates=tmp_path))
    assert "How bad: warning" in message.text
    assert message.html == "<h1>Mailbox a\N{FULLWIDTH AMPERSAND}b is 85 % full</h1>"


@pytest.mark.parametrize(
    ("broken", "line", "problem"),
    [
        ("\n{% if %}", 2, "TemplateSyntaxError"),
        ("{% endfor %}", 1, "TemplateSyntaxError"),
        ("x\n\n{{ alert.acount }}", 3, "UndefinedError"),
        ("x\n{{ 1 // 0 }}", 2, "ZeroDivisionError"),
        ("{{ ''.__class__.__mro__ }}", 1, "SecurityError"),
        ("{% include 'nothing.j2' %}", 1, "TemplateNotFound"),
        ("{# #}  \n", 0, "it yields nothing"),
        ("{% for n in range(10000000) %}{% endfor %}", 1, "OverflowError"),
        ("{% include 'usage.j2' %}", 1, "RecursionError"),
    ],
)
def test_a_broken_template_costs_no_alert_and_is_logged_once(
    tmp_path: Path, broken: str, line: int, problem: str
) -> None:
    (tmp_path / "usage.j2").write_text(broken)
    with capture_logs() as logs:
        first, second = composed(tmp_path, account="a"), composed(tmp_path, account="b")
    assert first.text.replace("[a", "[b") != ""
    assert (first.title, second.title) == ("Mailbox a is 85 % full", "Mailbox b is 85 % full")
    assert [(log["event"], log["file"], log["line"]) for log in logs] == [
        ("message.template_broken", str(tmp_path / "usage.j2"), line)
    ]
    assert logs[0]["problem"].startswith(problem)


def test_a_template_that_is_not_utf_8_costs_no_alert(tmp_path: Path) -> None:
    (tmp_path / "usage.j2").write_bytes(b"\xff\xfe")
    with capture_logs() as logs:
        assert composed(tmp_path).title == "Mailbox anna is 85 % full"
    assert [log["event"] for log in logs] == ["message.template_broken"]


def test_a_broken_page_costs_the_page_alone(tmp_path: Path) -> None:
    (tmp_path / "page.html.j2").write_text("{{ nothing }}")
    (tmp_path / "usage.j2").write_text("Title\n\nText")
    with capture_logs():
        message = composed(tmp_path)
    assert (message.title, message.text) == ("Title", "Text")
    assert message.html == '<div lang="en">\n<p>Text</p>\n</div>'


def test_a_corrected_template_counts_at_once(tmp_path: Path) -> None:
    file = tmp_path / "usage.j2"
    file.write_text("{% if %}")
    with capture_logs():
        assert composed(tmp_path).title == "Mailbox anna is 85 % full"
    file.write_text("Corrected\n\nText")
    assert composed(tmp_path).title == "Corrected"
    file.write_text("Better\n\nText")
    os.utime(file, (1, 1))  # the file system's clock may not have moved on
    assert composed(tmp_path).title == "Better"


def test_a_template_writes_text_and_not_html(tmp_path: Path) -> None:
    (tmp_path / "usage.j2").write_text("T\n\n1 < 2 & <b>\n\n- <i>\n\n| <u> |\n")
    assert composed(tmp_path).html.split("\n") == [
        '<div lang="en">',
        "<p>1 &lt; 2 &amp; &lt;b&gt;</p>",
        "<ul>",
        "<li>&lt;i&gt;</li>",
        "</ul>",
        '<table cellpadding="4">',
        "<tr><td>&lt;u&gt;</td> </tr>",
        "</table>",
        "</div>",
    ]


def test_a_directory_that_is_not_there_changes_nothing(tmp_path: Path) -> None:
    with capture_logs() as logs:
        assert composed(tmp_path / "none") == compose([notice()])
    assert logs == []


def test_the_title_of_a_template_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "owner.j2").write_text("\n\n  A   title\u2003here \n\n\n\nText\n")
    assert compose_owner(notice(), Style(templates=tmp_path)).title == "A title here"


def public(of: type) -> set[str]:
    return {name for name in dir(of) if not name.startswith("_") and name != "of"}


def test_every_template_and_every_variable_is_documented() -> None:
    documented = set(re.findall(r"^\| `([a-z_.0-9]+)`", DOCS.read_text("utf-8"), re.MULTILINE))
    templates = {file.name for file in OURS.rglob("*.j2")}
    variables = {f"alert.{name}" for name in public(View)}
    counts = {f"needing.{name}" for name in public(Counts)}
    other = {"alerts", "more", "needing", "recovered", "closed", "contact", "language"}
    page = {"title", "blocks", "level"}
    assert documented == templates | variables | counts | other | page
