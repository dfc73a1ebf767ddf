"""What others wrote, made to mean nothing to a chat, a mail program or a browser.

The same plain text goes to services that take it for Markdown, for their own markup, or that look
in it for mentions, hashtags, commands and addresses, and none of them agree on an escape. So each
character that any of them acts upon is shown in its full-width form: it reads the same, and it
is no longer that character.
"""

from __future__ import annotations

import re

from agent.text import printable

LONGEST_NAME = 100  # characters of a folder's or quota root's name in a message
LONGEST_WORDS = 300

_TO_FULL_WIDTH = 0xFEE0  # from an ASCII character to its form in Unicode's full-width block
_ALWAYS = {ord(char): ord(char) + _TO_FULL_WIDTH for char in "<>&[]*`~|#$\\"}
_LETTER = r"[^\W_]"
# An underscore inside a word and a slash inside a path mean nothing; elsewhere they are emphasis,
# a command, or what makes an address a link.
_AT_EDGES = re.compile(rf"_(?!{_LETTER})|(?<!{_LETTER})_|(?<!\w)/")
_MENTION = re.compile(r"@")
_MENTION_BUT_ADDRESS = re.compile(r"(?<![\w+-])@|@(?![\w-]+\.[\w.-]*\w)|@(?=everyone|here|channel)")
_HOST = re.compile(r"(?<=\w)\.(?=[^\W\d_]{2})")  # the dot before what could be a top-level domain


def name(text: str) -> str:
    """A name that the operator configured: an e-mail address and a host stay as they are."""
    return _full_width(_AT_EDGES, _MENTION_BUT_ADDRESS, text=_line(text, len(text)))


def words(text: str, longest: int = LONGEST_WORDS) -> str:
    """What a server or a mailbox's owner wrote, cut at `longest` characters: no link at all."""
    return _full_width(_AT_EDGES, _MENTION, _HOST, text=_line(text, longest))


def _line(text: str, longest: int) -> str:
    return " ".join(printable(text, longest).split())


def _full_width(*patterns: re.Pattern[str], text: str) -> str:
    for pattern in patterns:
        text = pattern.sub(lambda found: chr(ord(found[0]) + _TO_FULL_WIDTH), text)
    return text.translate(_ALWAYS)
