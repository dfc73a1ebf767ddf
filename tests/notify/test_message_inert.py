"""What servers, owners and attackers write stays text, in every format."""

from __future__ import annotations

import re
import shlex
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from unicodedata import category

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agent.model import Reason, Situation
from agent.notify.message import Message, compose, compose_owner
from agent.notify.message.inert import name, words
from tests.support.notices import MIB, notice

if TYPE_CHECKING:
    from agent.model import Notification

NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "&lt;b&gt; &#60;b&#62;",
    "*bold* _em_ __init__ ~~gone~~ ||spoiler|| `code` ```block```",
    "[click](https://evil.example) ![x](//evil.example/x.png)",
    "https://evil.example/login www.evil.example evil.example",
    "@everyone @here <@U123> <!channel> @channel anna@everyone x@everyone.example",
    "#general $TSLA /start run /kick",
    "- item",
    "1. item",
    "12) item",
    "=====",
    "| a | b |",
    "{{ 7 * 7 }} {% raw %} {{ alert }}",
    "a\r\nBcc: eve@example.com\n\n# heading",
    "\u202egnp.exe \x1b[31m \u2028x",
]
ALLOWED = {"div", "p", "br", "ul", "ol", "li", "table", "tr", "td"}
MARKDOWN = {
    *("paragraph_open", "paragraph_close", "inline", "text", "hardbreak", "softbreak", "fence"),
    *("bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"),
    *("ordered_list_open", "ordered_list_close"),
}
texts = st.one_of(st.sampled_from(NASTY), st.text(min_size=1, max_size=80))


class Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def tokens(markdown: str) -> set[str]:
    found = MarkdownIt("commonmark").parse(markdown)
    return {token.type for token in found} | {
        child.type for token in found for child in token.children or ()
    }


def messages(text: str) -> list[Message]:
    situation = Situation(largest=((text, MIB), ("INBOX", MIB)))
    usage = notice(text, root=text, situation=situation)
    failure = notice(text, rule="poll", used=None, limit=None, resource="", detail=text)
    server = notice("", rule="server", root=text, resource="", used=2, limit=3, detail=text)
    odd: Notification = notice("anna", resource=text, used=1, limit=2)
    return [
        *(compose([told]) for told in (usage, failure, server, odd)),
        compose([usage, failure, server, odd]),
        compose_owner(usage, contact=text),
    ]


@given(texts)
@example("\\")
def test_nothing_becomes_markup_a_mention_a_command_or_a_link(text: str) -> None:
    for message in messages(text):
        for shown in (message.title, message.text, message.markdown.replace("```", "")):
            own = re.sub(r" {2}\[[0-9a-f]+\]$|\\(?=[-+=.)])", "", shown, flags=re.MULTILINE)
            assert not re.search(r"[<>`*~|#$\\\[\]&]", own)
            assert "//" not in own
            assert not re.search(r"@(everyone|here|channel)|(?<!\S)[@/]\w", own)
        assert "\n" not in message.title
        assert not any(category(char) in ("Cc", "Zl", "Zp") for char in message.title)


@given(texts)
def test_html_holds_our_tags_only(text: str) -> None:
    for message in messages(text):
        tags = Tags(message.html).found
        assert {tag for tag, _ in tags} <= ALLOWED
        attributes = {attribute for _, found in tags for attribute in found}
        assert attributes <= {("lang", "en"), ("cellpadding", "4"), ("align", "right")}


@given(texts)
def test_markdown_is_paragraphs_lists_and_code_blocks(text: str) -> None:
    for message in messages(text):
        assert tokens(message.markdown) <= MARKDOWN


@given(texts)
def test_a_name_adds_no_line_and_no_list(text: str) -> None:
    plain, shown = messages("a"), messages(text)
    for one, other in zip(plain[1:], shown[1:], strict=True):  # a root may say nothing
        assert one.text.count("\n") == other.text.count("\n")


@given(texts)
def test_words_of_others_hold_no_address_and_no_host(text: str) -> None:
    shown = words(text)
    assert "@" not in shown
    assert not re.search(r"\w\.[a-z]{2}", shown, re.IGNORECASE)


@pytest.mark.parametrize(
    "plain",
    [
        "anna",
        "anna@example.com",
        "anna.smith+quota_2@mail.example.com",
        "mail.example.com:993",
        "[2001:db8::1]:993",
        "Küche & Bad",
        "用户",
    ],
)
def test_names_that_are_harmless_stay_readable(plain: str) -> None:
    narrow = {0xFF00 + code: 0x20 + code for code in range(1, 0x5F)}
    assert name(plain).translate(narrow) == plain
    if re.fullmatch(r"[\w.+@:-]+", plain, re.ASCII):
        assert name(plain) == plain


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_the_command_of_a_message_names_one_account(account: str) -> None:
    told = notice(account, rule="login", used=None, limit=None, resource="")
    command = compose([told]).text.partition("mailbox-agent reset ")[2].partition("\n")[0]
    assert shlex.split(command) == [name(account)]


def test_an_end_without_a_server_names_the_agent() -> None:
    told = notice("", Reason.RESOLVED, rule="agent", resource="", used=0, limit=3)
    assert compose([told]).title == "mailbox-agent has its connection back"
