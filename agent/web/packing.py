"""gzip in passing: as many bytes as one block compresses to are all that is held."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LEVEL = 1  # a metrics page shrinks to a fifteenth; a higher level costs five times the CPU
_GZIP = zlib.MAX_WBITS + 16  # zlib's way to ask for gzip's header and checksum (RFC 1952)


def gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces as one gzip stream; zlib lets other threads run meanwhile."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
