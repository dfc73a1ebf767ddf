"""What a server sends costs time in proportion to its length, whatever it is made of.

An expression that tries again from every place would take hours for one line that a poll may have,
hold the interpreter meanwhile, and so stop every other mailbox, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.model import FailureKind, QuotaState
from tests.support.faults import IMAP, SESSION, Fault, meet, pop3_at, refused_imap
from tests.support.scripted import imap

if TYPE_CHECKING:
    from tests.support.scripted import Talk

LONG = 250_000  # bytes; tried anew from every place, these are 31,250,000,000 steps
OK = b"<tag> OK\r\n"
RICH = IMAP + b" LIST-STATUS"


def many(unit: bytes) -> bytes:
    """The unit over and over."""
    return unit * (LONG // len(unit))


def telling(command: bytes, reply: bytes) -> Talk:
    """A session in which this reply is told with the answer to a command."""
    return imap(SESSION | {command: b"* " + reply + b"\r\n" + OK}, RICH)


READ = {
    "a STATUS of letters": telling(b"LIST", b"STATUS x (" + many(b"A") + b")"),
    "a STATUS of spaces": telling(b"LIST", b"STATUS " + many(b" ")),
    "a LIST of spaces": telling(b"LIST", b'LIST (\\Noselect) "/" x' + many(b" ") + b"y"),
    "a NAMESPACE of quotes": telling(b"NAMESPACE", b'NAMESPACE "' + many(b'\\"')),
    "a folder of 8 MB in modified UTF-7": telling(
        b"LIST", b'LIST (\\Noselect) "/" {8000000}\r\n' + b"&AGE-" * 1_600_000
    ),
    "a STATUS of opening parentheses": telling(b"LIST", b"STATUS x " + many(b"(")),
    "a STATUS of digits": telling(b"LIST", b"STATUS x (A " + many(b"9") + b"x)"),
    "a STATUS of items": telling(b"LIST", b"STATUS x (" + many(b"A 1 ") + b")"),
    "a LIST of attributes": telling(b"LIST", b"LIST (" + many(b"\\A ")),
    "a LIST without a separator": telling(b"LIST", b"LIST () " + many(b" ")),
    "a LIST of quotes": telling(b"LIST", b'LIST (\\Noselect) "' + many(b'\\"') + b'" a'),
    "a LIST of braces": telling(b"LIST", b"LIST " + many(b"{1")),
    "a NAMESPACE of parentheses": telling(b"NAMESPACE", b"NAMESPACE " + many(b"(")),
    "a NAMESPACE of namespaces": telling(b"NAMESPACE", b"NAMESPACE " + many(b"() ")),
    "an ID of quotes": telling(b"ID", b"ID (" + many(b'"')),
    "an unknown reply": telling(b"LIST", many(b"X-")),
    "a number of digits": telling(b"LIST", many(b"1") + b" EXISTS"),
    "an OK of brackets": telling(b"LIST", b"OK " + many(b"[A")),
}
INVALID = {
    "a QUOTAROOT of quotes": telling(b"GETQUOTAROOT", b'QUOTAROOT INBOX "' + many(b'\\"')),
    "a QUOTAROOT of spaces": telling(b"GETQUOTAROOT", b"QUOTAROOT" + many(b" ") + b'"'),
    "a QUOTA of parentheses": telling(b"GETQUOTAROOT", b"QUOTA a " + many(b"(")),
    "a QUOTA of names": telling(b"GETQUOTAROOT", b"QUOTA a (" + many(b"A ")),
    "a QUOTA of digits": telling(
        b"GETQUOTAROOT", b"QUOTAROOT INBOX a\r\n* QUOTA a (A " + many(b"1") + b" 1)"
    ),
}
REFUSED = {
    "a code": b"NO [A" + many(b"A"),
    "codes": b"NO " + many(b"[A"),
    "words": b"NO " + many(b"too many "),
    "spaces": b"NO " + many(b" ") + b"x",
    "escapes": b"NO " + many(b"\x1b"),
}
FAULTS = (
    {what: Fault(talk, QuotaState.LIMITED) for what, talk in READ.items()}
    | {what: Fault(talk, QuotaState.INVALID) for what, talk in INVALID.items()}
    | {
        f"a refusal of {what}": Fault(refused_imap(b"LOGIN", words), FailureKind.AUTH)
        for what, words in REFUSED.items()
    }
    | {
        f"a POP3 refusal of {what}": Fault(
            pop3_at(b"PASS", words.replace(b"NO", b"-ERR", 1) + b"\r\n"), FailureKind.AUTH, "pop3"
        )
        for what, words in REFUSED.items()
    }
)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_line_costs_no_more_for_what_it_is_made_of(fault: Fault) -> None:
    meet(fault)
