"""Texts that are safe in a log line, on a wire and as a label."""

from __future__ import annotations

import re
from typing import Annotated, TypeGuard

from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema

LONGEST = 500


def one_line(text: str) -> str:
    """Refuse control characters: CR, LF and NUL would put a second command on the wire."""
    if any(ord(char) < ord(" ") or ord(char) == 127 for char in text):  # noqa: PLR2004  DEL, ASCII
        raise ValueError("must not contain control characters (CR, LF, NUL or the like)")
    return text


def printable(text: str) -> str:
    """Refuse what a terminal hides or reorders; names are read by people in an alert."""
    if not one_line(text).isprintable() or text != text.strip():
        raise ValueError("must be printable text without spaces at its ends")
    return text


def is_name(value: object) -> TypeGuard[str]:
    """Whether this would do as a name, and so may be printed."""
    try:
        return isinstance(value, str) and 0 < len(printable(value)) <= LONGEST
    except ValueError:
        return False


_SHORT = StringConstraints(min_length=1, max_length=LONGEST)

Name = Annotated[str, _SHORT, AfterValidator(printable)]
Line = Annotated[str, _SHORT, AfterValidator(one_line)]


def _tag(text: str) -> str:
    if "," in text:
        raise ValueError("must not contain a comma, which separates tags")
    return text


Tag = Annotated[Name, AfterValidator(_tag)]


_ATOM = r"[a-z0-9!#$&*/=?^_{|}~-]+"
_WORD = rf"{_ATOM}(?:\.{_ATOM})*"
_HOST = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9][a-z0-9-]*[a-z0-9]"
_ADDRESS = re.compile(rf"(?:{_WORD}\+)?{_WORD}@{_HOST}", re.IGNORECASE | re.ASCII)
_LONGEST_ADDRESS = 254  # RFC 5321, section 4.5.3.1.3, without its brackets
_NO_ADDRESS = 'needs an address such as "anna@example.com"'


def is_address(text: str) -> bool:
    """Whether Apprise sends mail to exactly this: of `o'brien@` it would make `brien@`."""
    return len(text) <= _LONGEST_ADDRESS and bool(_ADDRESS.fullmatch(text))


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError(_NO_ADDRESS)
    return text


def _addresses(value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts):
        return tuple(map(_address, texts))
    raise ValueError(f"{_NO_ADDRESS}, or a list of addresses")


Address = Annotated[Line, AfterValidator(_address)]
Addresses = Annotated[
    tuple[str, ...],
    BeforeValidator(_addresses),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
