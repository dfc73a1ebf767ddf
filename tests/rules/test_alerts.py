from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.model import Alert, AlertKey, Finding, Reason, Severity
from agent.rules.alerts import next_step, notification_key

KEY = AlertKey("anna", "usage", "User quota", "storage")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
REPEAT = (DAY, 3 * DAY, 7 * DAY)

Seen = tuple[Severity | None, int]  # what was found, after so many more hours


def _tell(sequence: list[Seen]) -> list[Reason | None]:
    """Every transition of the machine under test."""
    alert: Alert | None = None
    now, told = NOON, []
    for severity, hours in sequence:
        now += timedelta(hours=hours)
        step = next_step(alert, Finding(KEY, severity, 1, 2), now, REPEAT)
        if step:
            told.append(step.reason)
            alert = None if step.reason is Reason.RESOLVED else step.alert
    return told


def _oracle(sequence: list[Seen]) -> list[Reason | None]:
    """The same from hours and plain words, without the machine's types."""
    names = [None, Severity.INFO, Severity.WARNING, Severity.CRITICAL]
    level, hour, told_hour, reminders = 0, 0, 0, 0
    told: list[Reason | None] = []
    for severity, hours in sequence:
        hour += hours
        new = names.index(severity)
        waited = hour - told_hour >= (24, 72, 168)[min(reminders, 2)]
        if new > level:
            told.append(Reason.WORSE if level else Reason.FIRST)
            told_hour, reminders = hour, 0
        elif new == 0 and level:
            told.append(Reason.RESOLVED)
        elif new < level:
            told.append(None)
        elif new and waited:
            told.append(Reason.REMINDER)
            told_hour, reminders = hour, reminders + 1
        level = new
    return told


@given(st.lists(st.tuples(st.sampled_from([None, *Severity]), st.integers(0, 200)), max_size=40))
def test_every_sequence_of_findings_is_told_as_the_oracle_says(sequence: list[Seen]) -> None:
    assert _tell(sequence) == _oracle(sequence)


def test_reminders_follow_the_schedule_and_the_last_wait_repeats() -> None:
    hourly: list[Seen] = [(Severity.WARNING, 0), *[(Severity.WARNING, 1)] * (24 * 26)]
    assert _tell(hourly) == [Reason.FIRST, *[Reason.REMINDER] * 5]  # days 1, 4, 11, 18, 25


def test_an_empty_schedule_reminds_of_nothing() -> None:
    alert = Alert(KEY, Severity.WARNING, since=NOON, told_at=NOON)
    finding = Finding(KEY, Severity.WARNING, 1, 2)
    assert next_step(alert, finding, NOON + 100 * DAY, ()) is None


def test_easing_keeps_when_it_was_last_told() -> None:
    alert = Alert(KEY, Severity.CRITICAL, NOON, NOON, step=3, reminders=1, told=("ops",))
    step = next_step(alert, Finding(KEY, Severity.WARNING, 1, 2), NOON + DAY, REPEAT)
    assert step is not None
    assert step.reason is None
    assert step.alert == Alert(KEY, Severity.WARNING, NOON, NOON, 4, 1, ("ops",))


def test_a_clock_that_was_set_back_repeats_nothing() -> None:
    alert = Alert(KEY, Severity.WARNING, since=NOON, told_at=NOON)
    assert next_step(alert, Finding(KEY, Severity.WARNING, 1, 2), NOON - DAY, REPEAT) is None


def test_every_step_and_every_target_has_a_key_of_its_own() -> None:
    first = next_step(None, Finding(KEY, Severity.WARNING, 1, 2), NOON, REPEAT)
    assert first is not None
    worse = next_step(first.alert, Finding(KEY, Severity.CRITICAL, 1, 2), NOON, REPEAT)
    assert worse is not None
    keys = {
        notification_key(step, receiver, target)
        for step in (first, worse)
        for receiver in ("ops", "night")
        for target in ("0", "1")
    }
    assert len(keys) == 8
    assert notification_key(first, "ops", "0") in keys
    assert {len(key) for key in keys} == {32}
