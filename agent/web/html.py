"""The pages: templates filled, every value escaped, complete in themselves and without script."""

from __future__ import annotations

import base64
import hashlib
import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from agent.config.units import duration_text
from agent.figures import age, count, percent, size, used_of_limit
from agent.metrics.own import agent_version
from agent.web import words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, tzinfo

    from jinja2 import Environment
    from jinja2.runtime import Context

_FOLDER = Path(__file__).with_name("templates")


def render(template: str, now: datetime, zone: tzinfo, **values: Any) -> str:
    """Return a page as it is at a moment, its times as clocks in the zone show them."""
    ours = {"now": now, "zone": zone, "style": _style(), "version": agent_version()}
    return _environment().get_template(template).render(ours | values)


@cache
def policy() -> str:
    """The Content-Security-Policy of all pages: their own style and their own form, no more."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )


@cache
def _style() -> Any:
    from markupsafe import Markup  # noqa: PLC0415 - comes with Jinja2

    return Markup((_FOLDER / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file


@cache
def _environment() -> Environment:
    from jinja2 import (  # noqa: PLC0415 - 10 MiB
        Environment,
        FileSystemLoader,
        StrictUndefined,
        pass_context,
    )

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {name: pass_context(each) for name, each in _TIMES.items()}
    environment.filters |= {
        "ahead": words.ahead,
        "amount": words.amount,
        "argument": shlex.quote,
        "count": count,
        "duration": duration_text,
        "growth": words.growth,
        "iso": lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "listed": words.listed,
        "percent": percent,
        "reason": words.reason,
        "rule": words.rule,
        "segment": segment,
        "size": size,
        "trend": words.trend,
        "used_of_limit": used_of_limit,
        "words": words.words,
        "worst_first": words.worst_first,
    }
    return environment


def _ago(context: Context, at: datetime) -> str:
    return age(context["now"] - at)


def _due(context: Context, at: datetime) -> str:
    """The day, or only the month where that is far away: a forecast is no more exact."""
    is_near = (at - context["now"]).days < words.DAYS_IN_MONTHS
    return _there(context, at).strftime("%-d %b" if is_near else "%b %Y")


def _in(form: str) -> Callable[[Context, datetime], str]:
    """Writes a time as clocks there show it, with the name of their zone at the end of `form`."""

    def written(context: Context, at: datetime) -> str:
        there = _there(context, at)
        name = there.tzname() or ""
        return there.strftime(form).replace("ZONE", f"UTC{name}" if name[:1] in "+-" else name)

    return written


def _there(context: Context, at: datetime) -> datetime:
    zone: tzinfo = context["zone"]
    return at.astimezone(zone)


# They need to know what time it is, or where.
_TIMES: Mapping[str, Callable[[Context, datetime], str]] = {
    "ago": _ago,
    "clock": _in("%H:%M:%S ZONE"),
    "date": _in("%-d %B %Y"),
    "day": _in("%-d %b"),
    "due": _due,
    "moment": _in("%-d %b %Y, %H:%M ZONE"),
}


def segment(name: str) -> str:
    """A name as the last segment of a link, slashes included (RFC 3986, section 2.1)."""
    return f"?name={name}" if name in {".", ".."} else quote(name, safe="")
