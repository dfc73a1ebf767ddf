"""Text for people: what came from outside made safe once, when it enters; sizes made readable."""

from __future__ import annotations

import unicodedata

LONGEST_DETAIL = 200  # characters of server text that a failure may carry
LONGEST_NAME = 500  # characters of a folder's or quota root's name
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Cc: control and escape characters; Cf: bidirectional and other invisible marks; Cs: lone
# surrogates, which no encoder accepts; Zl and Zp: separators that break a line.
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_STEP = 1024


def printable(text: str, longest: int = LONGEST_DETAIL) -> str:
    """The text as one harmless line: unsafe characters replaced, cut at `longest` characters."""
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    if not (text.isascii() and text.isprintable()):
        text = "".join(
            REPLACEMENT if unicodedata.category(character) in _UNSAFE else character
            for character in text
        )
    return text


def printable_bytes(raw: bytes, longest: int = LONGEST_DETAIL) -> str:
    """The same for what came off the wire: UTF-8, each byte that is none replaced."""
    return printable(raw[: 4 * (longest + 1)].decode("utf-8", "replace"), longest)


def size(octets: int) -> str:
    """Octets in binary units with one decimal, rounded down: `17.6 MiB`."""
    power = min(max(octets.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    if not power:
        return f"{octets} B"
    tenths = octets * 10 // _STEP**power
    return f"{tenths // 10}.{tenths % 10} {_UNITS[power]}"
