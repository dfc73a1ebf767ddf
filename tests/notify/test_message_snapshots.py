"""Every message word for word, in every language and format.

`UPDATE_SNAPSHOTS=1 pytest tests/notify/test_message_snapshots.py` writes them anew; read the
difference before it is committed.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args
from zoneinfo import ZoneInfo

import pytest

from agent.model import Notification, Reason, Severity, Situation
from agent.notify.message import Language, Message, Style, compose, compose_owner
from tests.support.notices import MIB, NOON, notice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SNAPSHOTS = Path(__file__).parent / "snapshots"
FORMATS: dict[str, Callable[[Message], str]] = {
    "txt": lambda message: message.text,
    "md": lambda message: message.markdown,
    "html": lambda message: message.html,
}
FIRST, WORSE, REMINDER, RESOLVED = Reason
CRITICAL, INFO = Severity.CRITICAL, Severity.INFO
GIB = 1024 * MIB
LATER = NOON + timedelta(hours=27, minutes=5)
ANNA = "anna@example.com"
SERVER = "mail.example.com:993"
REFUSED = "LOGIN refused: [AUTHENTICATIONFAILED] see http://evil.example/?a=<b> *now* @everyone"
SITUATION = Situation(
    growth=240 * MIB,
    full_at=LATER + timedelta(days=6, hours=3),
    reclaimable=(("trash", 2 * GIB), ("junk", GIB // 2), ("deleted", 80 * MIB)),
    largest=(
        ("Archive", 9 * GIB),
        ("INBOX", 4 * GIB),
        ("Sent", 2 * GIB),
        ("Trash", 2 * GIB),
        ("1. Küche & <b>Bad</b>", GIB),
    ),
)

Case = tuple[str, Notification]
Cases = dict[str, Notification]

usage = partial(notice, ANNA, used=19051 * MIB, limit=20 * GIB, at=LATER, key="a1b2c3d4e5f60718")


def other(rule: str, reason: Reason = FIRST, account: str = ANNA, **what: object) -> Notification:
    """A notification of a rule that is not about a quota."""
    chosen: dict[str, object] = {"used": None, "limit": None, "resource": "", "at": LATER, **what}
    return notice(account, reason, rule=rule, key="a1b2c3d4e5f60718", **chosen)  # type: ignore[arg-type]  # see above


def reasons(make: Callable[[Reason], Notification]) -> Cases:
    return {reason: make(reason) for reason in (FIRST, WORSE, REMINDER)}


def days(number: float) -> timedelta:
    return timedelta(days=number)


forecast = partial(usage, rule="forecast", used=13 * GIB)
of_server = partial(other, account="", root=SERVER)

CASES: dict[str, Cases] = {
    "usage": {
        "first": usage(situation=SITUATION),
        "first, nothing else known": usage(),
        "first, nothing to free, no growth": usage(situation=Situation(-5 * MIB, reclaimable=())),
        "first, messages of a shared root": usage(
            resource="message", root="team@everyone", used=18_600, limit=20_000, situation=SITUATION
        ),
        "worse": usage(
            WORSE, severity=CRITICAL, used=20 * GIB - 1, situation=Situation(growth=MIB)
        ),
        "reminder": usage(REMINDER, situation=SITUATION),
        "reminder, beyond the limit": usage(REMINDER, severity=CRITICAL, used=21 * GIB),
        "resolved": usage(RESOLVED, used=12 * GIB, situation=SITUATION),
        "resolved, limit gone": usage(RESOLVED, limit=None),
        "resolved, not watched": usage(RESOLVED, used=None, limit=None),
    },
    "forecast": {
        "first": forecast(moment=SITUATION.full_at, situation=SITUATION),
        "worse": forecast(WORSE, moment=LATER + days(1.3)),
        "reminder": forecast(REMINDER, moment=LATER + timedelta(minutes=70)),
        "reminder, very soon": forecast(REMINDER, moment=LATER + timedelta(minutes=7)),
        "first, messages": forecast(
            resource="message", used=13_000, limit=20_000, moment=LATER + days(5)
        ),
        "resolved": forecast(RESOLVED),
        "resolved, not watched": forecast(RESOLVED, used=None, limit=None),
    },
    "unread": {
        **reasons(lambda reason: other("unread", reason, used=1204, limit=1000)),
        "resolved": other("unread", RESOLVED, used=1, limit=1000),
        "resolved, not watched": other("unread", RESOLVED),
    },
    "uncollected": {
        **reasons(lambda reason: other("uncollected", reason, used=14, moment=NOON - days(3))),
        "first, one": other("uncollected", used=1, moment=NOON),
        "resolved": other("uncollected", RESOLVED, used=0, moment=LATER),
        "resolved, not watched": other("uncollected", RESOLVED),
    },
    "poll": {
        **reasons(lambda reason: other("poll", reason, detail="no answer in 30 s", moment=NOON)),
        "first, never worked": other("poll", detail="cannot resolve mail.example.com"),
        "resolved": other("poll", RESOLVED, moment=LATER),
        "resolved, not watched": other("poll", RESOLVED),
    },
    "login": {
        **reasons(lambda reason: other("login", reason, detail=REFUSED)),
        "first, tried once more": other("login", detail=REFUSED, moment=LATER + days(0.05)),
        "resolved": other("login", RESOLVED, moment=LATER),
        "resolved, not watched": other("login", RESOLVED),
    },
    "stale": {
        **reasons(lambda reason: other("stale", reason, moment=NOON)),
        "first, never read": other("stale"),
        "resolved": other("stale", RESOLVED, moment=LATER),
        "resolved, not watched": other("stale", RESOLVED),
    },
    "limit": {
        **reasons(lambda reason: other("limit", reason, severity=INFO)),
        "resolved": usage(RESOLVED, rule="limit", severity=INFO, used=GIB),
        "resolved, not watched": other("limit", RESOLVED, severity=INFO),
    },
    "certificate": {
        "first": of_server("certificate", moment=LATER + days(12)),
        "worse": of_server("certificate", WORSE, severity=CRITICAL, moment=LATER + days(0.06)),
        "reminder": of_server("certificate", REMINDER, moment=LATER + days(5)),
        "reminder, expired": of_server("certificate", REMINDER, moment=LATER - days(1)),
        "resolved": of_server("certificate", RESOLVED, moment=LATER + days(90)),
        "resolved, not watched": of_server("certificate", RESOLVED),
    },
    "server": {
        **reasons(
            lambda reason: of_server(
                "server", reason, used=1240, limit=1250, detail="connection refused"
            )
        ),
        "resolved": of_server("server", RESOLVED, used=0, limit=1250),
        "resolved, some still fail": of_server("server", RESOLVED, used=2, limit=1250),
        "resolved, not watched": of_server("server", RESOLVED),
    },
    "agent": {
        **reasons(lambda reason: other("agent", reason, "", used=240, limit=240)),
        "resolved": other("agent", RESOLVED, "", used=0, limit=240),
        "resolved, some still fail": other("agent", RESOLVED, "", used=2, limit=240),
        "resolved, not watched": other("agent", RESOLVED, ""),
    },
    "xyz": {  # a rule without templates of its own
        **reasons(lambda reason: other("xyz", reason, detail="words")),
        "resolved": other("xyz", RESOLVED, used=1),
        "resolved, not watched": other("xyz", RESOLVED),
    },
}

OWNER: Cases = {
    "usage, first": usage(situation=SITUATION),
    "usage, worse": usage(WORSE, severity=CRITICAL, used=20 * GIB - 1, situation=Situation(MIB)),
    "usage, reminder, full": usage(REMINDER, severity=CRITICAL, used=20 * GIB),
    "usage, messages": usage(resource="message", used=18_600, limit=20_000),
    "usage, resolved": usage(RESOLVED, used=12 * GIB),
    "usage, resolved, not watched": usage(RESOLVED, used=None, limit=None),
    "forecast, first": forecast(moment=SITUATION.full_at, situation=SITUATION),
    "forecast, reminder": forecast(REMINDER, moment=LATER + timedelta(hours=30)),
    "forecast, resolved": forecast(RESOLVED),
    "forecast, resolved, not watched": forecast(RESOLVED, used=None, limit=None),
}


def all_rules(reason: Reason) -> list[Notification]:
    """One of each rule, each of a mailbox or server of its own."""
    chosen = []
    for ordinal, (rule, cases) in enumerate(CASES.items()):
        name = "" if rule in ("certificate", "server", "agent") else f"{rule}@example.com"
        case = cases[reason]
        finding, alert = case.transition.finding, case.transition.alert
        chosen.append(
            notice(
                name,
                reason,
                rule=rule,
                root=SERVER if rule in ("certificate", "server") else "",
                resource=finding.key.resource,
                used=finding.used,
                limit=finding.limit,
                detail=finding.detail,
                moment=finding.moment,
                severity=alert.severity,
                situation=case.transition.situation,
                at=LATER,
                key=f"{ordinal:x}a1b2c3d4e5f607",
            )
        )
    return chosen


def mailboxes(number: int, reason: Reason = FIRST) -> list[Notification]:
    return [notice(f"box{n}", reason, used=(19 - n % 5) * MIB) for n in range(number)]


DIGESTS: dict[str, tuple[list[Notification], int | None]] = {
    **{f"all rules, {reason}": (all_rules(reason), None) for reason in Reason},
    "recovered": (mailboxes(2, RESOLVED), None),
    "one recovered": ([*mailboxes(2), notice("carl", RESOLVED, used=MIB)], None),
    "closed": ([notice(name, RESOLVED, used=None, limit=None) for name in ("a", "b")], None),
    "more than there is room for": (mailboxes(1500), 1000),
}


def composed(subject: str, style: Style) -> Mapping[str, Message]:
    match subject:
        case "owner":
            asked: dict[str, str | None] = {"usage, first": "Eva Muster (help@example.com, 1234)"}
            return {
                name: compose_owner(case, style, asked.get(name)) for name, case in OWNER.items()
            }
        case "digest":
            return {
                name: compose(told, style, longest=longest)
                for name, (told, longest) in DIGESTS.items()
            }
        case _:
            return {name: compose([case], style) for name, case in CASES[subject].items()}


def shown(subject: str, language: Language, form: str) -> str:
    messages = composed(subject, Style(language, ZoneInfo("Europe/Berlin")))
    return "\n".join(
        f"=== {name} ({message.level})\n{message.title}\n---\n{FORMATS[form](message)}\n"
        for name, message in messages.items()
    )


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("subject", [*CASES, "digest", "owner"])
def test_messages_read_as_they_were_approved(
    subject: str, language: Literal["en", "de", "es"], form: str
) -> None:
    file = SNAPSHOTS / language / f"{subject}.{form}"
    now = shown(subject, language, form)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(now, "utf-8")
    assert now == file.read_text("utf-8")


def test_no_snapshot_is_left_over() -> None:
    wanted = {f"{subject}.{form}" for subject in [*CASES, "digest", "owner"] for form in FORMATS}
    for language in get_args(Language):
        assert {file.name for file in (SNAPSHOTS / language).iterdir()} == wanted
