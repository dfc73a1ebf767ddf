from __future__ import annotations

import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.memory import Block
from agent.store.packing import Damaged, pack_blocks, pack_ids, unpack_blocks, unpack_ids

counts = st.integers(0, 2**64)
spans = st.tuples(counts, counts).map(sorted)
blocks = st.builds(
    lambda span, messages, size: Block(span[0], span[1], messages, size),
    spans,
    counts,
    st.none() | counts,
)


@given(st.lists(blocks).map(tuple))
def test_blocks_survive_their_json(blocks: tuple[Block, ...]) -> None:
    assert unpack_blocks(pack_blocks(blocks)) == blocks


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), counts))
def test_unique_ids_survive_their_compression(first_seen: dict[str, int]) -> None:
    assert unpack_ids(pack_ids(first_seen)) == first_seen


def test_a_hundred_thousand_unique_ids_stay_small() -> None:
    first_seen = {f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}": 0 for number in range(100_000)}
    assert len(pack_ids(first_seen)) < 1_500_000


@pytest.mark.parametrize(
    "text",
    [
        "", "[", "7", "null", "{}x", '{"a": 1}', '"abcd"', '["abcd"]',
        "[[1, 2, 3]]", "[[1, 2, 3, 4, 5]]", "[[2, 1, 3, 4]]", "[[true, 2, 3, 4]]",
        '[["1", 2, 3, 4]]', "[[1, 2, null, 4]]", "[[1, 2, 3, 4.5]]",
    ],
)  # fmt: skip
def test_damaged_blocks_are_none_at_all(text: str) -> None:
    with pytest.raises(Damaged):
        unpack_blocks(text)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": "1"}', b'{"a": null}', b"\xff"])
def test_compressed_data_that_are_no_unique_ids_are_none_at_all(content: bytes) -> None:
    with pytest.raises(Damaged):
        unpack_ids(zlib.compress(content))


@given(st.data())
def test_a_single_byte_that_changed_is_noticed_in_unique_ids(data: st.DataObject) -> None:
    first_seen = {"1a2b": 1_700_000_000, "3c4d": 1_700_000_900}
    packed = bytearray(pack_ids(first_seen))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(Damaged):
        assert unpack_ids(bytes(packed)) == first_seen
