"""`mailbox-agent healthcheck`: asks the running agent whether it is well."""

import ssl
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from agent.cli.options import ConfigFile
from agent.cli.terminal import CommandError, ExitStatus, complain

PATH = "/-/healthy"
TIMEOUT = 5.0  # seconds
_PORTS = {"http": 80, "https": 443}
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

    For containers and service managers. Needs no password and no client
    certificate, and does not look at the agent's own certificate.

    \b
      mailbox-agent healthcheck
      mailbox-agent healthcheck --url http://127.0.0.1:9143

    Exit status: 0 healthy, 1 not; the checks that fail are told on stderr.
    """  # noqa: D301 - \b, the control character, keeps the lines of a paragraph apart
    try:
        schemes, host, port, path = _of_url(url) if url else _of_configuration(config)
        status, body = _get(schemes, host, port, path)
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


def _of_url(url: str) -> tuple[list[str], str, int, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port = None, 0
    if not host or parts.scheme not in _PORTS:
        raise CommandError("--url needs a form such as http://127.0.0.1:9143")
    return [parts.scheme], host, port, parts.path if parts.path.strip("/") else PATH


def _of_configuration(config: Path | None) -> tuple[list[str], str, int, str]:
    """Both schemes where there is a web configuration file, which may be wrong by now.

    The running agent goes by the last one that was right, and is no less healthy for that.
    """
    from agent.cli import configuration

    web = configuration.read(config).web
    schemes = ["https", "http"] if web.config_file else ["http"]
    return schemes, _ANY_ADDRESS.get(web.listen.host, web.listen.host), web.listen.port, PATH


def _get(schemes: list[str], host: str, port: int, path: str) -> tuple[int, str]:
    scheme, *others = schemes
    try:
        with closing(_connection(scheme, host, port)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read(65536).decode("utf-8", "replace")
    except ssl.SSLError:  # perhaps there is no TLS
        if not others:
            raise
        return _get(others, host, port, path)


def _connection(scheme: str, host: str, port: int) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(host, port, timeout=TIMEOUT)
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname = False  # asked by address, on this machine, and told no secret
    anyone.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(host, port, timeout=TIMEOUT, context=anyone)
