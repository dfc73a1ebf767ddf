"""Where log events go: stderr, as text for people or as JSON lines for machines."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, TextIO

import structlog

from agent.cli.options import LogFormat, LogLevel
from agent.cli.terminal import LONGEST_LINE
from agent.text import printable

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger


# No library logs below this, whatever --log-level says: the ones at INFO write secrets at DEBUG,
# the ones at WARNING write a line for each job, statement or request.
_LIBRARY_LEVELS = {
    "apprise": logging.INFO,
    "imapclient": logging.INFO,
    "oauthlib": logging.INFO,
    "requests_oauthlib": logging.INFO,
    "urllib3": logging.INFO,
    "alembic": logging.WARNING,
    "apscheduler": logging.WARNING,
    "asyncio": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "uvicorn": logging.WARNING,
}


def configure(
    level: LogLevel, style: LogFormat | None = None, stream: TextIO | None = None
) -> None:
    """Send every event of ours and of the libraries to `stream` (stderr) in one format.

    Without a style: text on a terminal, JSON otherwise.
    """
    stream = stream or sys.stderr
    style = style or (LogFormat.TEXT if stream.isatty() else LogFormat.JSON)
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_common(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_common(),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_writers(style, colors=stream.isatty() and not os.environ.get("NO_COLOR")),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    logging.raiseExceptions = False  # a closed stderr must not stop the agent
    logging.captureWarnings(capture=True)
    for name, mildest in _LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(max(number, mildest))


def _common() -> list[Processor]:
    """What happens to every event, whoever logged it; tracebacks come without local variables."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]


def _writers(style: LogFormat, *, colors: bool) -> list[Processor]:
    match style:
        case LogFormat.JSON:
            return [_ordered, structlog.processors.JSONRenderer(default=str)]
        case LogFormat.TEXT:
            return [_harmless, structlog.dev.ConsoleRenderer(colors=colors, sort_keys=False)]


def _ordered(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    first = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    return {**first, **event}


def _harmless(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace control characters, which a terminal would obey; only tracebacks keep their lines."""
    return {key: _safe(value, key) for key, value in event.items()}


def _safe(value: object, key: str) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    lines = str(value).split("\n") if key == "exception" else [str(value)]
    return "\n".join(printable(line, LONGEST_LINE) for line in lines)
