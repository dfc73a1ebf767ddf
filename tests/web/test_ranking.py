"""The order of many mailboxes, against the word that each has for itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from agent.memory import Refusal
from agent.model import Alert, AlertKey, Failure, FailureKind, Severity
from agent.standing import standing
from agent.store.overview import Glances, Overview
from agent.web.ranking import matching, rank
from agent.web.shown import Asked
from tests.support.fleet import NOW, Life, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.settings import Settings

NAMES = ("anna", "ben", "carl", "dora")
MINUTES = st.integers(0, 90).map(lambda minutes: timedelta(minutes=minutes))


def configured(**keys: object) -> Settings:
    from pathlib import Path  # noqa: PLC0415 - the type alone is imported above

    return settings_of(Path("/nowhere"), [Life(name, 0.5, keys=keys) for name in NAMES])


SETTINGS = configured()
KNOWN = st.builds(
    lambda ago, failure, refusal, severities, ratio: (
        Overview(
            polled_at=NOW,
            succeeded_at=None if ago is None else NOW - ago,
            failure=failure and Failure(failure, ""),
            alerts=tuple(
                Alert(AlertKey("anna", str(number)), severity, NOW, NOW)
                for number, severity in enumerate(severities)
            ),
            refusal=refusal,
        ),
        ratio,
    ),
    st.none() | MINUTES,
    st.none() | st.sampled_from(FailureKind),
    st.none() | st.builds(Refusal, st.just("x"), st.integers(0, 2), MINUTES.map(NOW.__sub__)),
    st.lists(st.sampled_from(Severity), max_size=2),
    st.none() | st.floats(0, 2),
)


def at_a_glance(found: dict[str, tuple[Overview, float | None]]) -> Glances:
    worst = {
        name: max((alert.severity for alert in known.alerts), key=lambda each: each.rank)
        for name, (known, _) in found.items()
        if known.alerts
    }
    return Glances(
        {
            name: (
                name,
                known.succeeded_at.timestamp() if known.succeeded_at else None,
                known.failure.kind if known.failure else None,
                ratio,
            )
            for name, (known, ratio) in found.items()
        },
        worst,
        {name: known.refusal for name, (known, _) in found.items() if known.refusal},
    )


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, KNOWN)))
def test_a_glance_gives_each_mailbox_the_word_that_a_long_look_does(
    found: dict[str, tuple[Overview, float | None]],
) -> None:
    ranked = rank(SETTINGS, SETTINGS.accounts, at_a_glance(found), NOW)
    seen = {name: state for _, _, name, state, _ in ranked}
    assert seen == {
        each.name: standing(SETTINGS, each, found[each.name][0], NOW).state
        for each in SETTINGS.accounts
    }


def order(**known: tuple[Overview, float | None]) -> list[str]:
    found = {name: known.get(name, (Overview(), None)) for name in NAMES}
    ranked = rank(SETTINGS, SETTINGS.accounts, at_a_glance(found), NOW)
    return [name for _, _, name, _, _ in ranked]


def alarmed(severity: Severity, **keys: object) -> Overview:
    alert = Alert(AlertKey("", "usage"), severity, NOW, NOW)
    return Overview(polled_at=NOW, succeeded_at=NOW, alerts=(alert,), **keys)  # type: ignore[arg-type] # any


def test_the_worst_alert_counts_most_then_usage_then_the_name() -> None:
    well = Overview(NOW, NOW)
    failing = Failure(FailureKind.TIMEOUT, "")
    assert order(
        anna=(well, 0.9),
        ben=(alarmed(Severity.WARNING), 0.85),
        carl=(alarmed(Severity.CRITICAL, failure=failing), 0.1),
        dora=(alarmed(Severity.WARNING), 0.8),
    ) == ["carl", "ben", "dora", "anna"]
    assert order(anna=(well, 0.2), ben=(well, 0.5), carl=(well, None), dora=(well, 0.5)) == [
        "ben", "dora", "anna", "carl",
    ]  # fmt: skip


def test_what_was_never_polled_stands_before_what_is_well() -> None:
    assert order(ben=(Overview(NOW, NOW), 0.7))[-1] == "ben"


def test_text_is_looked_for_in_name_server_and_tags(tmp_path: Path) -> None:
    lives = [
        Life("Anna", 0.5, keys={"tags": ["vip"]}),
        Life("ben", 0.5, keys={"server": "mail.ANNA.example"}),
        Life("carl", 0.5, keys={"tags": ["anna"]}),
        Life("dora", 0.5, keys={"tags": ["staff", "vip"]}),
    ]
    accounts = settings_of(tmp_path, lives).accounts

    def found(**asked: str) -> list[str]:
        return [each.name for each in matching(accounts, Asked(**asked))]  # type: ignore[arg-type] # text

    assert found(search="anna") == ["Anna", "ben", "carl"]
    assert found(tag="vip") == ["Anna", "dora"]
    assert found(tag="vip", search="staff") == ["dora"]
    assert found(tag="vi") == []
    assert found() == ["Anna", "ben", "carl", "dora"]
