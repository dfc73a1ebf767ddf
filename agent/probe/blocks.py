"""A folder's messages in blocks: what is known of their sizes when messages come and go. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from agent.memory import Block

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LARGEST_BLOCK = 1_000  # messages: what is asked for again when one of them is gone

Blocks = tuple[Block, ...]


class Row(NamedTuple):
    """One message: its UID and its octets."""

    uid: int
    size: int


def count(blocks: Iterable[Block]) -> int:
    """How many messages the blocks hold."""
    return sum(block.messages for block in blocks)


def settled(blocks: Blocks, messages: int) -> Blocks:
    """The first blocks, which hold no more than so many messages."""
    kept: list[Block] = []
    for each in blocks:
        messages -= each.messages
        if messages < 0:
            break
        kept.append(each)
    return tuple(kept)


def extended(blocks: Blocks, rows: Sequence[Row]) -> Blocks:
    """The blocks with the messages that follow them, which fill up the last one first."""
    if not rows:
        return blocks
    room = 0
    if blocks and blocks[-1].size is not None:
        room = max(LARGEST_BLOCK - blocks[-1].messages, 0)
    if room:
        last, filling = blocks[-1], block(rows[:room])
        joined = Block(
            last.first,
            filling.last,
            last.messages + filling.messages,
            (last.size or 0) + (filling.size or 0),
        )
        blocks = (*blocks[:-1], joined)
    rest = rows[room:]
    starts = range(0, len(rest), LARGEST_BLOCK)
    return (*blocks, *(block(rest[start : start + LARGEST_BLOCK]) for start in starts))


def block(rows: Sequence[Row]) -> Block:
    """One block of these messages, which are in the order of their UIDs; at least one."""
    return Block(rows[0].uid, rows[-1].uid, len(rows), sum(row.size for row in rows))


def recounted(blocks: Blocks, uids: Sequence[int]) -> Blocks:
    """The blocks with the messages that are left; `uids`, in order, are all in their ranges.

    A block that has lost some keeps no size, since it is not known how large those were.
    """
    return tuple(_left(each, uids) for each in blocks if _count_in(each, uids))


def ranges(blocks: Sequence[Block], longest: int) -> Iterator[tuple[int, int]]:
    """First and last UID of runs of blocks with `longest` messages or somewhat more."""
    rest = iter(blocks)
    for first in rest:
        run, held = [first], first.messages
        while held < longest and (more := next(islice(rest, 1), None)):
            run.append(more)
            held += more.messages
        yield run[0].first, run[-1].last


def _count_in(block: Block, uids: Sequence[int]) -> int:
    return bisect_right(uids, block.last) - bisect_left(uids, block.first)


def _left(block: Block, uids: Sequence[int]) -> Block:
    start, end = bisect_left(uids, block.first), bisect_right(uids, block.last)
    if end - start == block.messages:
        return block
    return Block(uids[start], uids[end - 1], end - start, None)
