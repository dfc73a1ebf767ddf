"""Times for which certain alerts are not told to anybody."""

from datetime import UTC, datetime, tzinfo
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from agent.config.base import Table
from agent.config.routes import Match
from agent.config.texts import Name

_FORM = "needs a date and time such as 2026-07-01T08:00:00, or with a zone 2026-07-01T08:00:00Z"
_YEARS = range(1971, 9999)  # in which every time has its time in UTC


def parse_moment(value: object) -> datetime:
    """A date and time as TOML has it, or the same as text; without a zone it is local.

    Raises ValueError for anything else, a date alone included.
    """
    try:
        text = isinstance(value, str) and ":" in value
        moment = datetime.fromisoformat(str(value)) if text else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.year not in _YEARS:
        raise ValueError(_FORM)
    return moment


Moment = Annotated[
    datetime,
    BeforeValidator(parse_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Silence(Table):
    """One silence: alerts that match are told to nobody from `from` until `until`.

    Those that still fire then are told.
    """

    match: Match = Field(
        description="Which alerts, as in a route; {} silences all.",
        examples=[{"account": ["test-*"]}],
    )
    start: Moment | None = Field(
        None,
        alias="from",
        description="When it begins; without it, it has begun.",
        examples=[datetime(2026, 1, 1, 6)],  # noqa: DTZ001  local, as `timezone` says
    )
    until: Moment = Field(
        description="When it ends; a time without a zone is meant in `timezone`.",
        examples=[datetime(2026, 1, 2, 6)],  # noqa: DTZ001  local, as `timezone` says
    )
    comment: Name | None = Field(
        None, description="Why, shown by `notify routes`.", examples=["moving to the new server"]
    )

    @field_validator("until")
    @classmethod
    def _after_its_beginning(cls, until: datetime, info: ValidationInfo) -> datetime:
        start = info.data.get("start")
        if start and _comparable(start, until) and until <= start:
            raise ValueError("must be after `from`")
        return until

    def ends(self, zone: tzinfo, now: datetime) -> datetime | None:
        """Return when it ends, in UTC; None where it does not hold at `now`."""
        until = _instant(self.until, zone)
        begun = self.start is None or _instant(self.start, zone) <= now
        return until if begun and now < until else None


def _comparable(start: datetime, until: datetime) -> bool:
    """Whether both are local, or neither is."""
    return (start.tzinfo is None) == (until.tzinfo is None)


def _instant(moment: datetime, zone: tzinfo) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
