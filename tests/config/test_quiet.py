"""Quiet hours, by the wall clock of every zone, over midnight and over changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from agent.config.quiet import QuietSpan, parse_quiet_hours, quiet_until

BERLIN = ZoneInfo("Europe/Berlin")
# Changes by an hour and by half an hour, at midnight, on both halves of the globe; and none.
ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            *("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana"),
            *("Asia/Kolkata", "America/Santiago", "Pacific/Chatham", "Africa/Casablanca"),
        )
    ]
)
TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))
DAYS = st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days)))
SPANS = st.builds(QuietSpan, DAYS, TIMES, TIMES)


def some_time_is_left(spans: list[QuietSpan]) -> bool:
    return len({minute for span in spans for minute in span.minutes()}) < 7 * 24 * 60


# What the configuration accepts.
QUIET = st.lists(SPANS, max_size=3).filter(some_time_is_left)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)).map(  # noqa: DTZ001  made UTC
    lambda moment: moment.replace(tzinfo=UTC, second=0, microsecond=0)
)
WEEK = timedelta(days=7)


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def until(hours: str | list[str], now: str) -> str | None:
    end = quiet_until(parse_quiet_hours(hours), BERLIN, at(now))
    return end.astimezone(BERLIN).isoformat(sep=" ", timespec="minutes") if end else None


def covers(span: QuietSpan, wall: datetime) -> bool:
    """The oracle: is it quiet at this time of a clock that is never changed?"""
    if span.start < span.end:
        return wall.weekday() in span.days and span.start <= wall.time() < span.end
    yesterday = (wall - timedelta(days=1)).weekday()
    return (wall.weekday() in span.days and wall.time() >= span.start) or (
        yesterday in span.days and wall.time() < span.end
    )


@pytest.mark.parametrize(
    ("hours", "now", "expected"),
    [
        ("22:00-07:00", "2026-01-07 21:59", None),
        ("22:00-07:00", "2026-01-07 22:00", "2026-01-08 07:00+01:00"),
        ("22:00-07:00", "2026-01-08 06:59", "2026-01-08 07:00+01:00"),
        ("22:00-07:00", "2026-01-08 07:00", None),
        ("Mon-Fri 22:00-07:00", "2026-01-10 03:00", "2026-01-10 07:00+01:00"),  # since Friday
        ("Mon-Fri 22:00-07:00", "2026-01-10 23:00", None),
        ("Fri-Mon 12:00-13:00", "2026-01-11 12:30", "2026-01-11 13:00+01:00"),
        ("Fri-Mon 12:00-13:00", "2026-01-13 12:30", None),
        (["Sat,Sun 00:00-24:00"], "2026-01-10 09:00", "2026-01-12 00:00+01:00"),
        (["Sat,Sun 00:00-24:00", "22:00-07:00"], "2026-01-09 23:00", "2026-01-12 07:00+01:00"),
        ([], "2026-01-10 09:00", None),
        ("22:00-07:00", "2026-03-28 23:00", "2026-03-29 07:00+02:00"),  # an hour less to wait
        ("22:00-07:00", "2026-10-24 23:00", "2026-10-25 07:00+01:00"),  # an hour more
        ("22:00-02:30", "2026-03-28 23:00", "2026-03-29 03:30+02:00"),  # 02:30 is not that night
        ("22:00-02:30", "2026-10-24 23:00", "2026-10-25 02:30+02:00"),  # the first 02:30
    ],
)
def test_quiet_hours_by_the_wall_clock(
    hours: str | list[str], now: str, expected: str | None
) -> None:
    assert until(hours, now) == expected


@pytest.mark.parametrize(
    "text",
    ["22:00-07:00", "Mon,Tue,Wed 00:00-24:00", "Sat 09:30-10:00"],
)
def test_what_is_read_is_written_the_same(text: str) -> None:
    (span,) = parse_quiet_hours(text)
    assert str(span) == text
    assert parse_quiet_hours((span,)) == (span,)


@pytest.mark.parametrize(
    "value",
    [
        *("", "22-7", "22:00", "24:00-07:00", "22:60-07:00", "7:00-8:00", "22:00-22:00", "Mon"),
        *("Mo 22:00-07:00", "Mon-Wed-Fri 22:00-07:00", "Mon- 22:00-07:00", 22, None, [22], {}),
    ],
)
def test_what_is_no_quiet_time_is_refused_with_the_form(value: object) -> None:
    with pytest.raises(ValueError, match="needs hours such as"):
        parse_quiet_hours(value)


@given(SPANS.filter(lambda span: some_time_is_left([span])), ZONES, MOMENTS)
def test_it_is_quiet_when_the_wall_clock_says_so(
    span: QuietSpan, zone: ZoneInfo, now: datetime
) -> None:
    day = timedelta(days=1)
    offsets = {(now + n * day).astimezone(zone).utcoffset() for n in (-2, -1, 0, 1, 2)}
    assume(len(offsets) == 1)  # no clock is changed near
    wall = now.astimezone(zone).replace(tzinfo=None)
    assert (quiet_until([span], zone, now) is not None) == covers(span, wall)


@given(QUIET, ZONES, MOMENTS)
@example([QuietSpan((6,), time(2), time(2, 30))], BERLIN, at("2026-03-29 03:10"))
@example([QuietSpan((6,), time(2), time(3))], BERLIN, at("2026-10-25 02:10"))
def test_the_end_is_later_than_now_and_not_quiet_itself(
    spans: list[QuietSpan], zone: ZoneInfo, now: datetime
) -> None:
    end = quiet_until(spans, zone, now)
    if end is not None:
        assert now < end <= now + WEEK + timedelta(days=1)
        assert quiet_until(spans, zone, end) is None
        assert any(
            span.end in (wall.time(), (wall - gap).time())
            for span in spans
            for wall in [end.astimezone(zone).replace(tzinfo=None)]
            for gap in (timedelta(minutes=30), timedelta(hours=1))  # that the clocks skipped
        )


@given(QUIET, ZONES, MOMENTS, st.integers(1, 600))
def test_who_waits_longer_is_told_no_earlier(
    spans: list[QuietSpan], zone: ZoneInfo, now: datetime, minutes: int
) -> None:
    later = now + timedelta(minutes=minutes)
    assert (quiet_until(spans, zone, now) or now) <= (quiet_until(spans, zone, later) or later)


@given(SPANS)
def test_a_span_covers_the_minutes_that_the_oracle_says(span: QuietSpan) -> None:
    monday = datetime(2026, 1, 5)  # noqa: DTZ001  a wall clock
    week = [monday + timedelta(minutes=minute) for minute in range(7 * 24 * 60)]
    assert set(span.minutes()) == {n for n, wall in enumerate(week) if covers(span, wall)}


def test_there_must_be_a_time_at_which_something_can_be_told() -> None:
    with pytest.raises(ValueError, match="leaves no time"):
        parse_quiet_hours("00:00-24:00")
    assert parse_quiet_hours(["00:00-12:00", "12:00-23:59"])
