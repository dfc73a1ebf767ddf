from __future__ import annotations

from agent.web.bucket import Bucket


def test_a_burst_is_let_through_and_then_one_each_interval() -> None:
    bucket = Bucket(interval=2.0, burst=3)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(now) for now in (101.9, 102.0, 103.9, 104.0)] == [False, True, False, True]


def test_what_is_not_used_is_kept_up_to_the_burst() -> None:
    bucket = Bucket(interval=1.0, burst=2)
    assert bucket.take(0.0)
    assert [bucket.take(1000.0) for _ in range(3)] == [True, True, False]
