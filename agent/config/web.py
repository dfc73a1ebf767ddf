"""The web configuration file: TLS, client certificates and users of the HTTP server.

Its format is that of the Prometheus exporter toolkit (docs/web-configuration.md there). What this
server cannot honour is refused, never passed over.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    StrictBool,
    ValidationError,
)

from agent.config.base import FOLDER, Table
from agent.config.errors import ConfigError, problems
from agent.config.files import FileError, content
from agent.config.texts import is_name
from agent.config.tls_server import TlsServer
from agent.config.units import WholeNumber
from agent.config.yaml import parse

DEAREST_HASH = 14  # bcrypt's cost: a second or more for each check, and others wait
_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}", re.ASCII)
_CHEAPEST_HASH = 4
_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ms|s|m|h))+", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def _header(text: str) -> str:
    if not (text.isascii() and text.isprintable() and text == text.strip()):
        raise ValueError("must be printable ASCII without spaces at its ends")
    return text


Header = Annotated[str, AfterValidator(_header)]


class Headers(Table):
    """Headers of every answer; an empty one leaves what would be sent without it."""

    content_security_policy: Header = Field("", alias="Content-Security-Policy")
    frame_options: Literal["", "deny", "sameorigin"] = Field("", alias="X-Frame-Options")
    content_type_options: Literal["", "nosniff"] = Field("", alias="X-Content-Type-Options")
    xss_protection: Header = Field("", alias="X-XSS-Protection")
    strict_transport_security: Header = Field("", alias="Strict-Transport-Security")

    def given(self) -> dict[str, str]:
        """Those that are not empty, by the name they are sent with."""
        return {name: text for name, text in self.model_dump(by_alias=True).items() if text}


class HttpServer(Table):
    """What is said over HTTP; `http2` changes nothing, since HTTP/1.1 is all that is spoken."""

    http2: StrictBool = True
    headers: Headers = Headers()


def _interval(value: object) -> timedelta:
    """A duration as Go writes it, such as `1m30s` or `500ms`; 0 is none."""
    if value in ("0", 0):
        return timedelta()
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError('needs a duration such as "1s" or "500ms"')
    parts = re.findall(r"([\d.]+)([a-z]+)", value)
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))


class RateLimit(Table):
    """A token bucket: `burst` requests at once, and one more each `interval`."""

    interval: Annotated[timedelta, BeforeValidator(_interval)] = timedelta()
    burst: Annotated[int, Field(ge=1, le=1_000_000), WholeNumber] = 1


def _users(value: object) -> object:
    """Every user has a name that can be sent and a bcrypt hash that can be checked in time."""
    if not isinstance(value, dict) or not value:
        raise ValueError("needs users, each with a bcrypt hash; without the key anyone may read")
    for number, (name, secret) in enumerate(value.items(), 1):
        if problem := _user_problem(name, secret):
            # A hash that stands in the place of a name must not be shown.
            shown = f'"{name}"' if is_name(name) and "$" not in name else number
            raise ValueError(f"user {shown}: {problem}")
    return value


def _user_problem(name: object, secret: object) -> str | None:
    if not is_name(name) or ":" in name:
        return "needs a name of printable text in quotes, without a colon"
    found = _HASH.fullmatch(secret) if isinstance(secret, str) else None
    if found is None:
        return 'needs a bcrypt hash, as "htpasswd -nB" makes it'
    if not _CHEAPEST_HASH <= int(found[1]) <= DEAREST_HASH:
        return f"needs a bcrypt hash of cost {_CHEAPEST_HASH} to {DEAREST_HASH}"
    return None


def _present(value: object) -> object:
    """What became of a section whose keys are gone must not pass for no TLS."""
    if value is None:
        raise ValueError("needs a table")
    return value


class WebFile(Table):
    """The whole file."""

    tls_server_config: Annotated[TlsServer | None, BeforeValidator(_present)] = None
    http_server_config: HttpServer = HttpServer()
    basic_auth_users: Annotated[dict[str, SecretStr], BeforeValidator(_users)] = {}  # noqa: RUF012
    rate_limit: RateLimit = RateLimit()


def load_web(path: Path, read: Callable[[Path], bytes] = content) -> WebFile:
    """The web configuration file; relative paths in it start from its folder.

    Raises ConfigError with every problem, one line each.
    """
    try:
        document = parse(read(path))
    except (FileError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise ConfigError(f"{path}: needs at least one of {', '.join(WebFile.model_fields)}")
    token = FOLDER.set(path.absolute().parent)
    try:
        return WebFile(**document)
    except ValidationError as error:
        found = problems(error, WebFile, document)
        # YAML has no brackets around what TOML calls a section.
        lines = [line.replace(f"[{loc[0]}]", str(loc[0]), 1) for loc, line in found]
    finally:
        FOLDER.reset(token)
    raise ConfigError(*(f"{path}: {line}" for line in lines))
