"""What is said, word for word."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model import Notification, Reason, Severity
from agent.notify.message import compose, percent, span
from agent.text import size
from tests.support.notices import MIB, NOON, notice

FIRST = """\
17.0 MiB of 20.0 MiB, 3.0 MiB free.
Severity: warning, since 2026-03-01 12:00 UTC.

Reference: 616e6e613031"""

OVER = """\
21.0 MiB of 20.0 MiB, 1.0 MiB over the limit.
There is no room left: new mail may be refused.
Severity: critical, since 2026-03-01 12:00 UTC.

Reference: 616e6e613031"""

RESOLVED = """\
4.0 MiB of 20.0 MiB, 16.0 MiB free.
The alert (warning) lasted 3 h 5 min, since 2026-03-01 12:00 UTC.

Reference: 616e6e613031"""

GONE = """\
That limit is gone, or the mailbox is no longer watched.
The alert (warning) lasted 0 min, since 2026-03-01 12:00 UTC.

Reference: 616e6e613031"""

MESSAGES = """\
18 of 20 messages, 2 free.
Severity: warning, since 2026-03-01 12:00 UTC.
Quota root: team?everyone

Reference: 616e6e613031"""

DIGEST = """\
critical     95 %  a-long-name  19.0 MiB of 20.0 MiB, 1.0 MiB free (worse)  [1a]
warning      85 %  anna         17.0 MiB of 20.0 MiB, 3.0 MiB free (new)  [2b]
recovered    20 %  carl         4.0 MiB of 20.0 MiB, 16.0 MiB free  [3c]"""

KEY = "616e6e61303132"


REJECTED = """\
Login refused: ?AUTHENTICATIONFAILED? no.
It is tried once more at 2026-03-01 13:00 UTC, unless it changes before.
How full the mailbox is cannot be known meanwhile. Correct the user name or the password, or let
it be tried again as it is: mailbox-agent reset anna
Severity: warning, since 2026-03-01 12:00 UTC.

Reference: 616e6e613031"""

WORKS_AGAIN = """\
The login works again.
The alert (warning) lasted 3 h 5 min, since 2026-03-01 12:00 UTC.

Reference: 616e6e613031"""

UNWATCHED = """\
The mailbox is no longer watched.
The alert (warning) lasted 0 min, since 2026-03-01 12:00 UTC.

Reference: 616e6e613031"""


def login_notice(
    reason: Reason = Reason.FIRST,
    detail: str = "",
    lasted: timedelta = timedelta(),
    moment: datetime | None = None,
) -> Notification:
    return notice(
        key=KEY,
        rule="login",
        resource="",
        used=None,
        limit=None,
        reason=reason,
        detail=detail,
        moment=moment,
        at=NOON + lasted,
    )


WORDS = "login refused: [AUTHENTICATIONFAILED] no"
LONG = timedelta(hours=3, minutes=5)


@pytest.mark.parametrize(
    ("told", "title", "body"),
    [
        (
            login_notice(detail=WORDS, moment=NOON + timedelta(hours=1)),
            "The login of mailbox anna is rejected",
            REJECTED,
        ),
        (
            login_notice(Reason.RESOLVED, lasted=LONG, moment=NOON + LONG),
            "Mailbox anna can be read again",
            WORKS_AGAIN,
        ),
        (login_notice(Reason.RESOLVED), "Mailbox anna is no longer watched", UNWATCHED),
    ],
)
def test_a_rejected_login_is_told_in_words_without_figures(
    told: Notification, title: str, body: str
) -> None:
    message = compose([told])
    assert (message.title, message.body) == (title, body)


@pytest.mark.parametrize(
    ("told", "title", "body", "level"),
    [
        (notice(key=KEY), "Mailbox anna is 85 % full", FIRST, "warning"),
        (
            notice(key=KEY, reason=Reason.REMINDER, used=21 * MIB, severity=Severity.CRITICAL),
            "Reminder: mailbox anna is still 105 % full",
            OVER,
            "failure",
        ),
        (
            notice(
                key=KEY,
                reason=Reason.RESOLVED,
                used=4 * MIB,
                at=NOON + timedelta(hours=3, minutes=5, seconds=59),
            ),
            "Mailbox anna has recovered: 20 % full",
            RESOLVED,
            "success",
        ),
        (
            notice(key=KEY, reason=Reason.RESOLVED, used=None, limit=None),
            "Mailbox anna has recovered",
            GONE,
            "success",
        ),
        (
            notice(key=KEY, resource="message", used=18, limit=20, root="team@everyone"),
            "Mailbox anna is 90 % full (messages)",
            MESSAGES,
            "warning",
        ),
    ],
)
def test_one_mailbox(told: Notification, title: str, body: str, level: str) -> None:
    message = compose([told])
    assert (message.title, message.body, message.level) == (title, body, level)


def test_getting_worse_is_said_and_nothing_below_the_limit_reads_100_percent() -> None:
    message = compose([notice(reason=Reason.WORSE, severity=Severity.CRITICAL, used=20 * MIB - 1)])
    assert message.title == "Mailbox anna got worse: 99 % full"
    assert message.body.startswith("19.9 MiB of 20.0 MiB, 1 B free.\nSeverity: critical")


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
    assert message.body == DIGEST
    assert message.level == "failure"


@pytest.mark.parametrize(
    ("firing", "recovered", "title"),
    [
        (2, 0, "2 mailboxes need attention"),
        (1, 1, "1 mailbox needs attention, 1 recovered"),
        (0, 2, "2 mailboxes recovered"),
    ],
)
def test_a_digest_counts_mailboxes(firing: int, recovered: int, title: str) -> None:
    told = [notice(f"f{number}") for number in range(firing)]
    told += [notice(f"r{number}", Reason.RESOLVED) for number in range(recovered)]
    assert compose(told).title == title


def test_of_one_alert_only_the_latest_is_told() -> None:
    message = compose([notice(), notice(reason=Reason.RESOLVED, used=MIB)])
    assert message.title == "Mailbox anna has recovered: 5 % full"


@pytest.mark.parametrize("root", ["", "User quota", "anna", "user.anna", "user/anna", "INBOX"])
def test_a_quota_root_that_says_nothing_is_left_out(root: str) -> None:
    assert "Quota root" not in compose([notice(root=root)]).body


@pytest.mark.parametrize("name", ["{{ 7 * 7 }}", "{% raw %}", "<b>&amp;", "*a*_b_", "100%s"])
def test_a_name_is_shown_as_it_is(name: str) -> None:
    assert compose([notice(name)]).title == f"Mailbox {name} is 85 % full"
    assert name in compose([notice(name), notice("x")]).body


@given(st.integers(0, 2**63 - 1), st.integers(1, 2**63 - 1))
def test_percent_never_promises_more_than_there_is(used: int, limit: int) -> None:
    shown = percent(used, limit)
    assert shown * limit <= used * 100 < (shown + 1) * limit


@given(st.integers(0, 2**63 - 1))
def test_a_size_is_rounded_down_by_less_than_a_tenth_of_its_unit(octets: int) -> None:
    number, unit = size(octets).split(" ")
    factor = 1024 ** ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB").index(unit)
    tenths = int(number.replace(".", "")) if "." in number else int(number) * 10
    assert tenths * factor <= octets * 10 < (tenths + 1) * factor + 10
    assert int(number.partition(".")[0]) < 1024


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 min"), (59, "0 min"), (3600, "1 h 0 min"), (90_061, "1 d 1 h")],
)
def test_a_duration_has_its_two_largest_units(seconds: int, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text
