"""What an account says otherwise than [alerts], and what the receivers say of themselves."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from agent.config.levels import Level, Share
from agent.config.load import load
from agent.config.quiet import parse_quiet_hours
from agent.config.settings import AlertSettings, Settings
from agent.model import Severity
from tests.support.accounts import account

if TYPE_CHECKING:
    from pathlib import Path


def alerts_for(common: dict[str, Any], protocol: str = "imap", **keys: Any) -> AlertSettings:
    configured = Settings.model_validate({"alerts": common})
    return configured.alerts_for(account(1, protocol, **keys))


def test_an_account_without_a_say_has_the_common_settings() -> None:
    configured = Settings.model_validate({"alerts": {"unread": 5}})
    assert configured.alerts_for(account(1)) is configured.alerts
    assert configured.alerts_for(account(1, alerts={})) == configured.alerts


def test_what_an_account_says_outranks_the_common_settings() -> None:
    levels = [{"at": "50%", "severity": "critical"}]
    alerts = alerts_for(
        {"unread": 5, "hysteresis": "1%", "forecast": "3d", "repeat": []},
        alerts={"levels": levels, "unread": 9, "poll_failures": 10},
    )
    assert alerts.levels == (Level(at=Share(0.5), severity=Severity.CRITICAL),)
    assert (alerts.unread, alerts.poll_failures) == (9, 10)
    assert (alerts.hysteresis, alerts.forecast, alerts.repeat) == (0.01, timedelta(days=3), ())


def test_an_account_can_switch_off_what_is_on_for_all() -> None:
    common = {"unread": 5, "uncollected": "3d"}
    off = alerts_for(common, alerts={"unread": "off", "forecast": "off", "levels": []})
    assert (off.unread, off.forecast, off.levels) == (None, None, ())
    pop3 = alerts_for(common, "pop3", track_messages=True, alerts={"uncollected": "off"})
    assert (pop3.uncollected, pop3.unread) == (None, 5)


def test_an_account_can_switch_on_what_is_off_for_all() -> None:
    on = alerts_for({"forecast": "off"}, alerts={"forecast": "14d", "unread": 0})
    assert (on.forecast, on.unread) == (timedelta(days=14), 0)


def test_what_is_not_said_has_its_default() -> None:
    alerts = AlertSettings()
    assert (alerts.forecast, alerts.certificate) == (timedelta(days=7), timedelta(days=14))
    assert (alerts.unread, alerts.uncollected, alerts.poll_failures) == (None, None, 3)
    assert alerts.quiet_hours == ()
    agent = Settings().agent
    assert (agent.zone, agent.language, agent.templates) == (UTC, "en", None)


def test_the_time_zone_is_one_of_the_database() -> None:
    agent = Settings.model_validate({"agent": {"timezone": "Europe/Berlin"}}).agent
    assert agent.zone == ZoneInfo("Europe/Berlin")


def test_the_environment_can_switch_rules_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILBOX_AGENT_ALERTS__FORECAST", "off")
    monkeypatch.setenv("MAILBOX_AGENT_ALERTS__UNREAD", "100")
    monkeypatch.setenv("MAILBOX_AGENT_AGENT__TIMEZONE", "Asia/Kolkata")
    file = tmp_path / "config.toml"
    file.write_text(
        '[alerts]\nquiet_hours = "22:00-07:00"\n[[accounts]]\nname = "anna"\nprotocol = "imap"\n'
        'server = "mail.example.com"\nusername = "anna"\npassword_file = "x"\n'
    )
    configured = load(file)
    assert (configured.alerts.forecast, configured.alerts.unread) == (None, 100)
    assert configured.agent.timezone == "Asia/Kolkata"
    assert configured.alerts.quiet_hours == parse_quiet_hours("22:00-07:00")


@pytest.mark.parametrize(
    ("keys", "owners"),
    [
        ({"username": "anna@example.com"}, ("anna@example.com",)),
        ({"username": "anna"}, ()),
        ({"username": "anna@"}, ()),
        ({"username": "anna@mail"}, ()),
        ({"username": "o'brien@example.com"}, ()),
        ({"username": f"{'a' * 250}@example.com"}, ()),
        ({"username": "anna@example.com, bob@example.com"}, ()),
        ({"username": "anna@example.com", "owner": "a@example.net"}, ("a@example.net",)),
        ({"owner": ["a@example.net", "b+c@example.net"]}, ("a@example.net", "b+c@example.net")),
        ({"username": "anna@example.com", "owner": []}, ()),
    ],
)
def test_the_owner_is_who_is_named_or_whose_address_logs_in(
    keys: dict[str, Any], owners: tuple[str, ...]
) -> None:
    assert account(1, **keys).owners == owners
