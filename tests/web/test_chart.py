"""The geometry of charts, on figures whose places are easily worked out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from agent.store.history import Sample
from agent.store.trends import Point
from agent.web.chart import Ahead, Chart, chart, longest_gap, spark

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGIN = NOON - 10 * DAY
GAP = 6 * 3600.0


def sample(days_ago: float, used: int, limit: int | None = 1000) -> Sample:
    return Sample(NOON - days_ago * DAY, used, limit)


def drawn(*samples: Sample, ahead: Ahead | None = None, longest: float = 30 * 86400) -> Chart:
    made = chart(samples, ahead, BEGIN, NOON, UTC, longest)
    assert made
    return made


def test_lines_go_through_the_readings_below_a_limit_with_room_above() -> None:
    made = drawn(sample(10, 0), sample(5, 550), sample(0, 1000))
    assert made.usage == "M0 1000L500 500L1000 91"
    assert made.area == "M0 1000L0 1000L500 500L1000 91L1000 1000Z"
    assert made.limit == "M0 91 H1000"
    assert made.height(1100) == 0
    assert made.height(550) == 50


def test_a_line_breaks_where_nothing_was_read() -> None:
    made = drawn(sample(10, 110), sample(9.9, 110), sample(5, 110), sample(0, 110), longest=GAP)
    assert made.usage == "M0 900L10 900 M497 900L503 900 M997 900L1003 900"


def test_a_limit_that_changes_is_a_step_and_ends_with_no_limit() -> None:
    made = drawn(sample(10, 1, 1000), sample(6, 1, 500), sample(2, 1, None), sample(1, 1, None))
    assert made.limit.split() == ["M0", "91", "H400V545", "H800"]


def test_usage_above_the_limit_stays_in_the_drawing() -> None:
    made = drawn(sample(10, 2000), sample(0, 2000))
    assert made.usage == "M0 91L1000 91"
    assert made.limit.startswith("M0 545")


def test_a_forecast_ends_at_the_limit_when_it_is_near() -> None:
    ahead = Ahead(NOON, 500, 1000, NOON + 2.5 * DAY)
    made = drawn(sample(10, 0), sample(0, 500), ahead=ahead)
    assert made.now == 80
    assert made.forecast == "M800 545L1000 91"


def test_a_forecast_that_is_far_away_leads_only_towards_the_limit() -> None:
    ahead = Ahead(NOON, 500, 1000, NOON + 10 * DAY)
    made = drawn(sample(10, 0), sample(0, 500), ahead=ahead)
    assert made.now == 66.7
    assert made.forecast == "M667 545L1000 318"  # half of the way in half of the time


def test_days_begin_at_midnight_where_people_are() -> None:
    berlin = chart([sample(1, 1)], None, NOON - 2 * DAY, NOON, ZoneInfo("Europe/Berlin"), GAP)
    assert berlin
    assert [f"{mark.moment:%d %H}" for mark in berlin.marks] == ["27 23", "28 23"]


def test_a_long_time_is_told_in_days_and_a_year_in_months() -> None:
    assert len(drawn(sample(1, 1)).marks) == 5
    year = chart([sample(1, 1)], None, NOON - 365 * DAY, NOON, UTC, GAP)
    assert year
    assert [f"{mark.moment:%d}" for mark in year.marks] == ["01"] * 12


def test_nothing_recorded_is_no_chart() -> None:
    assert chart([], None, BEGIN, NOON, UTC, GAP) is None


def test_a_small_line_has_the_limit_as_its_upper_edge() -> None:
    points = [
        Point(int((NOON - days * DAY).timestamp()), used, 1000)
        for days, used in ((10, 0), (0, 500))
    ]
    line = spark(points, BEGIN, NOON, 30 * 86400)
    assert line.usage == "M0 1000L1000 500"
    assert line.limited
    free = spark([point._replace(limit=None) for point in points], BEGIN, NOON, 30 * 86400)
    assert free.usage == "M0 1000L1000 0"
    assert not free.limited


def test_a_line_goes_on_through_three_missed_polls_and_no_more() -> None:
    assert longest_gap(15 * HOUR / 60, BEGIN, NOON) == 6 * 3600
    assert longest_gap(4 * HOUR, BEGIN, NOON) == 12 * 3600
    assert longest_gap(HOUR, NOON - 90 * DAY, NOON) == 3 * 86400
