"""Colours with the words that say the same, and the thresholds of the agent's own defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    DashboardRangeMapOptions,
    FieldColorModeId,
    RangeMap,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import ValueMapping

GOOD, WARNING, CRITICAL, CALM, FAINT = "green", "orange", "red", "blue", "text"


def words(**meanings: tuple[str, str]) -> list[ValueMapping]:
    """Values as words in colours: `words(_1=("OK", GOOD))`."""
    results = {
        value.removeprefix("_"): ValueMappingResult(text=text, color=color, index=index)
        for index, (value, (text, color)) in enumerate(meanings.items())
    }
    return [ValueMap(options=results)]


def up_to(limit: float, text: str, color: str) -> list[ValueMapping]:
    """Every value up to this one as a word."""
    result = ValueMappingResult(text=text, color=color, index=0)
    return [RangeMap(options=DashboardRangeMapOptions(to=limit, result=result))]


def steps(base: str, *above: tuple[float, str]) -> ThresholdsConfig:
    """Thresholds: the colour below all of them, then each with what it begins at."""
    levels = [Threshold(value=value, color=color) for value, color in above]
    return (
        ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=None, color=base), *levels])
    )


def fixed(color: str) -> FieldColor:
    """One colour for every series."""
    return FieldColor().mode(FieldColorModeId.FIXED).fixed_color(color)


def one_each() -> FieldColor:
    """A colour for each series, in their order."""
    return FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC)


def by_threshold() -> FieldColor:
    """The colour of the threshold that a value has reached."""
    return FieldColor().mode(FieldColorModeId.THRESHOLDS)


POLL = words(_0=("Failing", CRITICAL), _1=("OK", GOOD))
LOGIN = words(_0=("Accepted", GOOD), _1=("Rejected", CRITICAL))
PRIVACY = words(_0=("encrypted", GOOD), _1=("in the clear", CRITICAL))
STORE = words(_0=("Not writable", CRITICAL), _1=("Writable", GOOD))
RELOAD = words(_0=("Invalid", CRITICAL), _1=("Valid", GOOD))
UP = words(_0=("Down", CRITICAL), _1=("Up", GOOD))
SEVERITY = words(_1=("Info", CALM), _2=("Warning", WARNING), _3=("Critical", CRITICAL))
FULL_NOW = up_to(0, "full now", CRITICAL)

# No failure is green. What only the configuration or the password can mend is red or purple.
RESULTS = {
    "success": GOOD,
    "auth": "red",
    "denied": "dark-red",
    "config": "light-red",
    "tls": "purple",
    "protocol": "light-purple",
    "timeout": "orange",
    "connect": "yellow",
    "dns": "dark-yellow",
    "unavailable": "light-orange",
    "throttled": "blue",
    "locked": "light-blue",
    "sent": GOOD,
    "failed": "orange",
    "dead": "red",
}

USAGE = (GOOD, (0.8, WARNING), (0.95, CRITICAL))  # as [alerts] levels has them by default
DAYS_LEFT = (CRITICAL, (3, WARNING), (7, GOOD))  # [alerts] forecast is a week
CERTIFICATE = (CRITICAL, (3, WARNING), (14, GOOD))  # [alerts] certificate is two weeks
ANY_IS_BAD = (GOOD, (1, CRITICAL))
ANY_IS_ODD = (GOOD, (1, WARNING))
