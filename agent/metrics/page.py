"""The whole metrics page, a block at a time: the agent's own series, then the mailboxes'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.metrics.text import EOF

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agent.metrics.exposition import Exposition
    from agent.metrics.own import OwnMetrics

BLOCK = 128 * 1024  # bytes


def page(own: OwnMetrics, exposition: Exposition, *, openmetrics: bool) -> Iterator[bytes]:
    """Both parts, drawn while they are sent: at 50,000 mailboxes the whole would be 50 MB."""

    def pieces() -> Iterator[bytes]:
        yield own.render(openmetrics=openmetrics)
        yield from exposition.pieces(openmetrics=openmetrics)
        if openmetrics:
            yield EOF

    return blocks(pieces())


def blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are large enough to be worth a turn each, but for the last."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= BLOCK:
            yield b"".join(held)
            held.clear()
            size = 0
    if held:
        yield b"".join(held)
