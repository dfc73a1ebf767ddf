"""Names of folders and quota roots that somebody made up to do harm, and servers that have them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from agent.text import LONGEST_NAME
from tests.support.scripted import imap

if TYPE_CHECKING:
    from tests.support.scripted import Talk


class Name(NamedTuple):
    """A name as a server spells it, and as it is shown: of a folder, and of a quota root."""

    spelt: bytes
    folder: str
    root: str


def same(spelt: bytes, shown: str) -> Name:
    return Name(spelt, shown, shown)


NAMES = {
    "bad modified UTF-7": same(b'"&ZZZ"', "&ZZZ"),
    "an ampersand": same(b'"&"', "&"),
    "modified UTF-7 that ends badly": same(b'"&Jjo!"', "&Jjo!"),
    "unended modified UTF-7": same(b'"R&D"', "R&D"),
    "a lone surrogate": same(b'"&2D0-"', "&2D0-"),
    "a surrogate in UTF-8": same(b'"\xed\xa0\xbd"', "\ufffd\ufffd\ufffd"),
    "a NUL": same(b'"a\0b"', "a\ufffdb"),
    "a NUL in modified UTF-7": Name(b'"&AAA-"', "\ufffd", "&AAA-"),
    "an escape sequence": same(b'"\x1b[31mred"', "\ufffd[31mred"),
    "a line break": same(b"{11}\r\na\r\nb LOGOUT", "a\ufffd\ufffdb LOGOUT"),
    "a line break in modified UTF-7": Name(b'"a&AA0ACg-b"', "a\ufffd\ufffdb", "a&AA0ACg-b"),
    "a line separator": same('"a\u2028b"'.encode(), "a\ufffdb"),
    "a bidirectional mark": same('"\u202eevil"'.encode(), "\ufffdevil"),
    "a bidirectional mark in modified UTF-7": Name(b'"&IC4-evil"', "\ufffdevil", "&IC4-evil"),
    "an invisible mark": same('"a\u200bb"'.encode(), "a\ufffdb"),
    "NIL": same(b"NIL", "NIL"),
    "10,000 characters": same(b'"%b"' % (b"x" * 10_000), "x" * (LONGEST_NAME - 1) + "…"),
    "an emoji": same('"\U0001f4ec"'.encode(), "\U0001f4ec"),
    "an emoji in modified UTF-7": Name(b'"&2D3c7A-"', "\U0001f4ec", "&2D3c7A-"),
    "UTF-8": same('"Entwürfe"'.encode(), "Entwürfe"),
    "modified UTF-7": Name(b'"Entw&APw-rfe"', "Entwürfe", "Entw&APw-rfe"),
    "Latin-1": same(b'"Entw\xfcrfe"', "Entw\ufffdrfe"),
    "quotes": same(rb'"a \"b\" \\c"', 'a "b" \\c'),
    "a series of its own": same(rb'"x\"} 1\\n"', 'x"} 1\\n'),
    "markup": same(b'"<script>[red]*@everyone {{x}} %s"', "<script>[red]*@everyone {{x}} %s"),
}


def server_with(name: Name) -> Talk:
    """A mailbox at 96 %, its only folder and its only quota root named so."""
    replies = {
        b"LIST": b'* LIST () "/" %b\r\n* STATUS %b (MESSAGES 3 UNSEEN 1)\r\n<tag> OK\r\n',
        b"GETQUOTAROOT": b"* QUOTAROOT INBOX %b\r\n"
        b"* QUOTA %b (STORAGE 96 100 MESSAGE 3 100)\r\n<tag> OK\r\n",
    }
    told = {command: reply % (name.spelt, name.spelt) for command, reply in replies.items()}
    return imap(told, b"IMAP4rev1 QUOTA LIST-STATUS")


def harmless(text: str) -> bool:
    """Whether it is one line of characters that can be seen, on a terminal and anywhere else."""
    return not {"Cc", "Cf", "Cs", "Zl", "Zp"} & set(map(unicodedata.category, text))
