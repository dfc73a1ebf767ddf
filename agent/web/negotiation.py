"""What a scraper asked for, read from its request's headers (RFC 9110, section 12.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics 1.0 is accepted, and preferred to plain text.

    A newer version is not 1.0, so it does not count; on equal weight OpenMetrics wins.
    """
    openmetrics = text = 0.0
    for name, parameters, weight in _choices(accept):
        if name == "application/openmetrics-text":
            if parameters.get("version", "1.0.0") == "1.0.0":
                openmetrics = max(openmetrics, weight)
        elif name in {"text/plain", "text/*"}:
            text = max(text, weight)
    return openmetrics > 0 and openmetrics >= text


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether gzip is accepted by name or by `*`; weight 0 refuses it."""
    weights = {name: weight for name, _, weight in _choices(accept_encoding)}
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _choices(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Each choice's lower-case name, its parameters, and its weight (1 by default)."""
    for choice in header.split(","):
        name, *pairs = (part.strip() for part in choice.split(";"))
        parameters = {
            key.strip().lower(): value.strip().strip('"')
            for key, _, value in (pair.partition("=") for pair in pairs)
        }
        yield name.lower(), parameters, _weight(parameters.get("q", "1"))


def _weight(text: str) -> float:
    """A weight from 0 to 1; one that is none refuses its choice."""
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
