"""What is said of which notifications; the words themselves are in the snapshots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.model import Reason, Severity, Situation
from agent.notify.message import Style, compose, compose_owner, percent
from agent.notify.message.local import Local, Span, span
from agent.text import size
from tests.support.notices import MIB, NOON, notice

if TYPE_CHECKING:
    from agent.notify.message import Language

FIRST = """\
17.0 MiB of 20.0 MiB, 3.0 MiB free.

Severity: warning, since 1 Mar 2026, 12:00 UTC.
Next: delete or archive old mail, or raise the limit.

Reference: 616e6e613031"""

DIGEST = """\
critical   95 %  a-long-name  19.0 MiB of 20.0 MiB, 1.0 MiB free (worse)  [1a]
warning    85 %  anna         17.0 MiB of 20.0 MiB, 3.0 MiB free (new)    [2b]
recovered  20 %  carl         4.0 MiB of 20.0 MiB, 16.0 MiB free          [3c]"""


def test_one_mailbox() -> None:
    message = compose([notice(key="616e6e61303132")])
    assert message.title == "Mailbox anna is 85 % full"
    assert message.text == FIRST
    assert message.level == "warning"


def test_getting_worse_is_said_and_nothing_below_the_limit_reads_100_percent() -> None:
    message = compose([notice(reason=Reason.WORSE, severity=Severity.CRITICAL, used=20 * MIB - 1)])
    assert message.title == "Mailbox anna got worse: 99 % full"
    assert message.text.startswith("19.9 MiB of 20.0 MiB, 1 B free.\n")
    assert message.level == "failure"


def test_several_mailboxes_worst_first() -> None:
    message = compose(
        [
            notice("carl", Reason.RESOLVED, used=4 * MIB, key="3c"),
            notice("anna", key="2b"),
            notice(
                "a-long-name", Reason.WORSE, severity=Severity.CRITICAL, used=19 * MIB, key="1a"
            ),
        ]
    )
    assert message.title == "2 mailboxes need attention, 1 recovered"
    assert message.text == DIGEST
    assert message.markdown == f"```\n{DIGEST}\n```"
    assert message.level == "failure"


@pytest.mark.parametrize(
    ("firing", "recovered", "closed", "title"),
    [
        (2, 0, 0, "2 mailboxes need attention"),
        (1, 1, 0, "1 mailbox needs attention, 1 recovered"),
        (0, 2, 0, "2 mailboxes recovered"),
        (1, 0, 1, "1 mailbox needs attention, 1 alert closed"),
        (0, 1, 2, "1 mailbox recovered, 2 alerts closed"),
    ],
)
def test_a_digest_counts_mailboxes(firing: int, recovered: int, closed: int, title: str) -> None:
    told = [notice(f"f{number}") for number in range(firing)]
    told += [notice(f"r{number}", Reason.RESOLVED) for number in range(recovered)]
    told += [notice(f"c{n}", Reason.RESOLVED, used=None, limit=None) for n in range(closed)]
    assert compose(told).title == title


def test_a_mailbox_with_two_alerts_is_one_mailbox() -> None:
    told = [notice(), notice(resource="message"), notice("bert", Reason.RESOLVED)]
    assert compose(told).title == "1 mailbox needs attention, 1 recovered"


def test_a_mailbox_that_still_needs_attention_has_not_recovered() -> None:
    told = [notice(), notice(reason=Reason.RESOLVED, resource="message")]
    assert compose(told).title == "1 mailbox needs attention"


def test_of_one_alert_only_the_latest_is_told() -> None:
    message = compose([notice(), notice(reason=Reason.RESOLVED, used=MIB)])
    assert message.title == "Mailbox anna has recovered: 5 % full"


@pytest.mark.parametrize("root", ["", "User quota", "anna", "user.anna", "user/anna", "INBOX"])
def test_a_quota_root_that_says_nothing_is_left_out(root: str) -> None:
    assert "Quota root" not in compose([notice(root=root)]).text


def test_a_forecast_of_years_is_no_warning() -> None:
    told = notice(situation=Situation(growth=1, full_at=NOON + timedelta(days=4000)))
    message = compose([told])
    assert "left" not in message.title
    assert "will be full" not in message.text
    assert "grows by about 1 B a day" in message.text


@pytest.mark.parametrize("full_at", [NOON, NOON - timedelta(days=1)])
def test_a_forecast_that_has_passed_is_not_told(full_at: datetime) -> None:
    assert "full in" not in compose([notice(situation=Situation(full_at=full_at))]).text


def test_growth_in_bytes_says_nothing_of_a_limit_of_messages() -> None:
    known = Situation(MIB, NOON + timedelta(days=6), (("trash", MIB),), (("INBOX", MIB),))
    told = notice(resource="message", used=18, limit=20, situation=known)
    assert compose([told]).text == compose([notice(resource="message", used=18, limit=20)]).text


def test_the_owner_is_never_told_of_more_than_five_folders() -> None:
    known = Situation(largest=tuple((f"folder{number}", MIB) for number in range(9)))
    text = compose_owner(notice(situation=known)).text
    assert ("folder4" in text, "folder5" in text) == (True, False)


@pytest.mark.parametrize("longest", [200, 500, 2000, 4096])
@pytest.mark.parametrize("number", [1, 2, 60, 1500])
@pytest.mark.parametrize("language", ["en", "de", "es"])
def test_no_message_is_longer_than_it_may_be(language: Language, number: int, longest: int) -> None:
    known = Situation(MIB, NOON + timedelta(days=6), (("trash", MIB),), (("<b>&", MIB),) * 5)
    told = [notice(f"a mailbox {ordinal}", situation=known) for ordinal in range(number)]
    message = compose(told, Style(language), longest=longest)
    for text in (message.text, message.markdown, message.html):
        assert 0 < len(message.title) + len(text) <= longest


@given(st.integers(2, 400), st.integers(150, 3000))
def test_what_a_digest_shows_and_what_it_counts_is_all(number: int, longest: int) -> None:
    told = [notice(f"box{ordinal}") for ordinal in range(number)]
    message = compose(told, longest=longest)
    assert message.title == f"{number} mailboxes need attention"
    for text in (message.text, message.markdown):
        more = int(text.partition("and ")[2].partition(" more")[0] or 0)
        assert text.count("[") + more == number
    assert message.html.count("<tr>") in range(number + 1)


def test_a_digest_that_is_too_long_shows_the_worst() -> None:
    told = [notice(f"box{number:03}") for number in range(300)]
    told.append(notice("zz", severity=Severity.CRITICAL, used=20 * MIB))
    assert compose(told, longest=400).text.startswith("critical  100 %  zz ")


def test_of_a_single_message_the_figures_and_the_reference_stay() -> None:
    told = notice(key="616e6e613031", situation=Situation(largest=(("Archive", MIB),)))
    text = compose([told], longest=130).text
    assert text == "17.0 MiB of 20.0 MiB, 3.0 MiB free.\n\nReference: 616e6e613031"


@given(st.integers(0, 2**63 - 1), st.integers(1, 2**63 - 1))
def test_percent_never_promises_more_than_there_is(used: int, limit: int) -> None:
    shown = percent(used, limit)
    assert shown * limit <= used * 100 < (shown + 1) * limit


@pytest.mark.parametrize(("octets", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB")])
def test_sizes_are_as_everywhere_but_for_the_decimal_mark(octets: int, text: str) -> None:
    assert Local("en", UTC).size(octets) == size(octets) == text
    assert Local("de", UTC).size(octets) == Local("es", UTC).size(octets) == text.replace(".", ",")


SUMMER = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "zone", "text"),
    [
        ("en", UTC, "1 Jul 2026, 22:30 UTC"),
        ("en", ZoneInfo("Europe/London"), "1 Jul 2026, 23:30 BST"),
        ("de", ZoneInfo("Europe/Berlin"), "02.07.2026, 00:30 MESZ"),
        ("es", ZoneInfo("Europe/Madrid"), "2 jul 2026, 00:30 CEST"),
        ("es", ZoneInfo("America/Bogota"), "1 jul 2026, 17:30 UTC-05:00"),
        ("en", ZoneInfo("Asia/Kathmandu"), "2 Jul 2026, 04:15 UTC+05:45"),
        ("de", timezone(timedelta(hours=2)), "02.07.2026, 00:30 UTC+02:00"),
    ],
)
def test_times_are_those_of_the_reader(language: Language, zone: ZoneInfo, text: str) -> None:
    assert Local(language, zone).moment(SUMMER) == text


@example(datetime.max.replace(tzinfo=UTC), "Asia/Tokyo")  # a certificate "without end"
@example(datetime.min.replace(tzinfo=UTC), "America/Bogota")
@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from(["Asia/Tokyo", "America/Bogota"]))
def test_every_time_can_be_told(at: datetime, zone: str) -> None:
    local = Local("es", ZoneInfo(zone))
    assert local.moment(at)
    assert local.day(at)


@pytest.mark.parametrize(
    ("seconds", "texts"),
    [
        (-5, ("0 minutes", "0 Minuten", "0 minutos")),
        (59, ("0 minutes", "0 Minuten", "0 minutos")),
        (60, ("1 minute", "1 Minute", "1 minuto")),
        (
            3 * 3600 + 300,
            ("3 hours and 5 minutes", "3 Stunden und 5 Minuten", "3 horas y 5 minutos"),
        ),
        (86400, ("1 day", "1 Tag", "1 día")),
        (2 * 86400 + 7199, ("2 days and 1 hour", "2 Tage und 1 Stunde", "2 días y 1 hora")),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: int, texts: tuple[str, str, str]) -> None:
    languages: tuple[Language, Language, Language] = ("en", "de", "es")
    lasted = timedelta(seconds=seconds)
    assert tuple(Local(language, UTC).duration(lasted) for language in languages) == texts


@pytest.mark.parametrize(
    ("hours", "unit"),
    [(0.9, Span()), (1, Span(hours=1)), (47.9, Span(hours=47)), (48, Span(2)), (71, Span(2))],
)
def test_a_time_to_come_is_counted_in_days_from_two_on(hours: float, unit: Span) -> None:
    assert span(timedelta(hours=hours)) == unit
