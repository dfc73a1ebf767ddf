from __future__ import annotations

from collections import Counter
from itertools import chain
from threading import Barrier, Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.sweep import _waiting, side_by_side


def test_mailboxes_of_different_servers_are_polled_at_the_same_time() -> None:
    met = Barrier(8)  # breaks unless eight polls are under way together
    lanes = [[number] for number in range(8)]
    results = dict(side_by_side(lanes, lambda _: met.wait(10), at_once=8))
    assert sorted(results) == list(range(8))


@given(
    lanes=st.lists(st.lists(st.integers()), max_size=6),
    per_lane=st.integers(1, 3),
    at_once=st.integers(1, 5),
)
def test_every_mailbox_is_polled_once_and_no_server_sees_more_connections_than_allowed(
    lanes: list[list[int]], per_lane: int, at_once: int
) -> None:
    lock, busy, most = Lock(), Counter[int](), Counter[int]()
    keyed = [[(lane, item) for item in items] for lane, items in enumerate(lanes)]

    def poll(item: tuple[int, int]) -> int:
        with lock:
            busy[item[0]] += 1
            most[item[0]] = max(most[item[0]], busy[item[0]])
            most[-1] = max(most[-1], busy.total())
        with lock:
            busy[item[0]] -= 1
        return item[1]

    results = list(side_by_side(keyed, poll, per_lane=per_lane, at_once=at_once))
    assert Counter(item for item, _ in results) == Counter(chain(*keyed))
    assert all(item[1] == result for item, result in results)
    assert all(count <= (at_once if lane < 0 else per_lane) for lane, count in most.items())


def test_a_lane_has_a_ticket_for_each_connection_that_its_server_may_see() -> None:
    assert _waiting([[1, 2, 3], [4], []], per_lane=2).qsize() == 3


def test_a_defect_of_a_poll_is_raised_and_not_waited_for() -> None:
    def poll(_: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(side_by_side([[1], [2]], poll, at_once=2))
