"""Options that several commands share, and their closed choices; nothing heavy is imported here."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

CONFIG_VARIABLE = "MAILBOX_AGENT_CONFIG"
DEFAULT_CONFIG = Path("config.toml")


class LogLevel(StrEnum):
    """The mildest event that is still logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log event is written."""

    TEXT = "text"
    JSON = "json"


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help=f"Configuration file. [default: ${CONFIG_VARIABLE}, else ./{DEFAULT_CONFIG}]",
    ),
]
MildestLogged = Annotated[
    LogLevel, typer.Option("--log-level", help="The mildest event to log on stderr.")
]
