"""Options that several commands share, and their closed choices; nothing heavy is imported here."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

CONFIG_VARIABLE = "MAILBOX_AGENT_CONFIG"
LONGEST_TIMEOUT = 3600.0  # seconds
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
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON document.")]
Timeout = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        max=LONGEST_TIMEOUT,
        metavar="SECONDS",
        show_default=False,
        help="Longest time for each mailbox. [default: the configuration's timeout, else 30]",
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        readable=True,
        help="Certificates (PEM) to trust instead of the system's.",
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File that holds the password for every URL."),
]
MildestLogged = Annotated[
    LogLevel, typer.Option("--log-level", help="The mildest event to log on stderr.")
]
