"""Time zones by their IANA names."""

from datetime import UTC, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

from agent.config.errors import nearest


def zone(name: str) -> tzinfo:
    """The zone; UTC is known on systems without a time zone database too.

    Raises KeyError, ValueError or OSError for a name that the database does not have.
    """
    return UTC if name == "UTC" else ZoneInfo(name)


def _known(name: str) -> str:
    try:
        zone(name)
    except (KeyError, ValueError, OSError):
        meant = nearest(name, available_timezones())
        raise ValueError(f'needs a time zone such as "Europe/Berlin"{meant}') from None
    return name


TimeZone = Annotated[str, AfterValidator(_known)]
