"""What polls remember as JSON and back: blocks of messages, and unique ids by the ten thousand."""

from __future__ import annotations

import json
import zlib
from itertools import starmap
from typing import TYPE_CHECKING

from agent.memory import Block

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LEVEL = 1  # The digests cannot be compressed further, whatever the effort.


class Damaged(Exception):  # noqa: N818 - the name says the state of the data
    """What is stored is not what was written."""


def pack_blocks(blocks: Iterable[Block]) -> str:
    """Return the blocks as one line of JSON."""
    return json.dumps(tuple(blocks), separators=(",", ":"))


def unpack_blocks(text: str) -> tuple[Block, ...]:
    """Return the blocks that `pack_blocks` was given; raises Damaged."""
    try:
        blocks = tuple(starmap(Block, json.loads(text)))
    except (ValueError, TypeError) as error:
        raise Damaged("not a list of blocks") from error
    if not all(map(_whole, blocks)):
        raise Damaged("not blocks of messages")
    return blocks


def pack_ids(first_seen: Mapping[str, int]) -> bytes:
    """Return digests and times, compressed."""
    text = json.dumps(dict(first_seen), separators=(",", ":"))
    return zlib.compress(text.encode(), _LEVEL)


def unpack_ids(data: bytes) -> dict[str, int]:
    """Return what `pack_ids` was given; raises Damaged."""
    try:
        found = json.loads(zlib.decompress(data))
    except (ValueError, zlib.error) as error:
        raise Damaged("not compressed JSON") from error
    if not isinstance(found, dict) or not all(type(seen) is int for seen in found.values()):
        raise Damaged("not times by digest")
    return found


def _whole(block: Block) -> bool:
    return (
        type(block.first) is type(block.last) is type(block.messages) is int
        and (block.size is None or type(block.size) is int)
        and block.first <= block.last
    )
