"""Texts that are safe in a log line, on a wire and as a label."""

from __future__ import annotations

from typing import Annotated, TypeGuard

from pydantic import AfterValidator, StringConstraints

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
