"""`mailbox-agent healthcheck`: asks the running agent whether it is well."""

from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from agent.cli.options import ConfigFile
from agent.cli.terminal import CommandError, ExitStatus, complain

PATH = "/-/healthy"
TIMEOUT = 5.0  # seconds
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked there, not bound


def healthcheck(
    *,
    config: ConfigFile = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where the agent listens, instead of the configuration."),
    ] = None,
) -> int:
    """Ask the running agent whether it is well.

    For containers and service managers.

    \b
      mailbox-agent healthcheck
      mailbox-agent healthcheck --url http://127.0.0.1:9143

    Exit status: 0 healthy, 1 not; the checks that fail are told on stderr.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    try:
        host, port, path = _of_url(url) if url else _of_configuration(config)
        status, body = _get(host, port, path)
    except CommandError as error:
        raise CommandError(*error.lines, status=ExitStatus.WARNING) from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        complain(f"the agent does not answer at {url or f'{host}:{port}'}: {reason}")
        return ExitStatus.WARNING
    if status == 200:  # noqa: PLR2004 - HTTP's own number
        return ExitStatus.OK
    for line in body.splitlines():
        if not line.endswith(": ok"):
            complain(line)
    return ExitStatus.WARNING


def _of_url(url: str) -> tuple[str, int, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 0
    if not host or parts.scheme != "http":
        raise CommandError("--url needs a form such as http://127.0.0.1:9143")
    return host, port, parts.path if parts.path.strip("/") else PATH


def _of_configuration(config: Path | None) -> tuple[str, int, str]:
    from agent.cli import configuration

    listen = configuration.read(config).web.listen
    return _ANY_ADDRESS.get(listen.host, listen.host), listen.port, PATH


def _get(host: str, port: int, path: str) -> tuple[int, str]:
    with closing(HTTPConnection(host, port, timeout=TIMEOUT)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(65536).decode("utf-8", "replace")
