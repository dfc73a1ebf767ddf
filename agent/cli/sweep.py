"""Polls many accounts side by side, and never more on one server than it was promised."""

from __future__ import annotations

from collections import deque
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    lanes: Sequence[Sequence[Item]],
    poll: Callable[[Item], Result],
    *,
    per_lane: int = 1,
    at_once: int,
) -> Iterator[tuple[Item, Result]]:
    """Every item with its result, in the order in which they finish.

    The items of one lane (one mail server) are polled in their order, `per_lane` of them at a
    time; `at_once` bounds them all together. Whatever `poll` raises is raised here.
    The threads are daemons: leaving the iteration early waits for none of them.
    """
    waiting = _waiting(lanes, per_lane)
    results: SimpleQueue[tuple[Item, Result | BaseException]] = SimpleQueue()
    for _ in range(min(at_once, waiting.qsize())):
        Thread(target=_work, args=(waiting, poll, results), daemon=True).start()
    for _ in range(sum(map(len, lanes))):
        item, result = results.get()
        if isinstance(result, BaseException):
            raise result
        yield item, result


def _waiting(lanes: Sequence[Sequence[Item]], per_lane: int) -> SimpleQueue[deque[Item]]:
    """Each lane as often as it may be worked on at the same time: a ticket, not a lock."""
    waiting: SimpleQueue[deque[Item]] = SimpleQueue()
    for items in lanes:
        lane = deque(items)
        for _ in range(min(per_lane, len(lane))):
            waiting.put(lane)
    return waiting


def _work(
    waiting: SimpleQueue[deque[Item]],
    poll: Callable[[Item], Result],
    results: SimpleQueue[tuple[Item, Result | BaseException]],
) -> None:
    """Take a ticket, poll one item of its lane, put the ticket back; end without tickets."""
    while True:
        try:
            lane = waiting.get_nowait()
        except Empty:
            return
        try:
            item = lane.popleft()
        except IndexError:  # the lane is done: its ticket is not put back
            continue
        results.put((item, _result(poll, item)))
        waiting.put(lane)


def _result(poll: Callable[[Item], Result], item: Item) -> Result | BaseException:
    """The edge of the thread: a lost exception would leave the main thread waiting for ever."""
    try:
        return poll(item)
    except BaseException as error:  # noqa: BLE001 - it is raised again in the main thread
        return error
