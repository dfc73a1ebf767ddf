"""Figures as people read them; the document and the metrics keep them exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.model import Quota

UNKNOWN = "-"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_THREE_DIGITS = 100


def size(octets: int | None) -> str:
    """Bytes in the largest unit that leaves a figure of at least one: `19.0 KiB`."""
    if octets is None:
        return UNKNOWN
    exponent = min(max(octets.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    value = octets / 1024**exponent
    return f"{value:.{0 if exponent == 0 or value >= _THREE_DIGITS else 1}f} {_UNITS[exponent]}"


def count(things: int | None) -> str:
    """A count with its thousands apart: `12,345`."""
    return UNKNOWN if things is None else f"{things:,}"


def percent(ratio: float) -> str:
    """A share in whole percent, rounded down, since 99.9 % is not yet full."""
    return f"{int(ratio * 100 + 1e-9)} %"  # the addend undoes 0.29 * 100 = 28.999999999999996


def used_of_limit(quota: Quota) -> str:
    """`19.0 KiB of 20.0 KiB`, `20 of 20 messages`."""
    if quota.resource == "storage":
        return f"{size(quota.used)} of {size(quota.limit)}"
    unit = "messages" if quota.resource == "message" else quota.resource
    return f"{count(quota.used)} of {count(quota.limit)} {unit}"
