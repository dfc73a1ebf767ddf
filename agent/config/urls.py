"""An account from a URL, for `check` without a configuration.

`imaps://` and `pop3s://` are TLS from the first byte; `imap://` and `pop3://` require STARTTLS and
STLS. Query parameters are the account's keys; `?tls=none` is the only way to a plaintext login.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pydantic import ValidationError

from agent.config.accounts import ImapAccount, Pop3Account, default_port
from agent.config.endpoint import parse_endpoint
from agent.config.errors import ConfigError, nearest, problems, shown
from agent.text import printable

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.accounts import Account
    from agent.config.secrets import Secret

_SCHEMES = {
    "imaps": ("imap", ("implicit",)),
    "imap": ("imap", ("starttls", "none")),
    "pop3s": ("pop3", ("implicit",)),
    "pop3": ("pop3", ("starttls", "none")),
}
_MODELS: dict[str, type[Account]] = {"imap": ImapAccount, "pop3": Pop3Account}
_IN_THE_URL = {"name", "protocol", "server", "username"}
_NOT_IN_A_URL = {"password", "password_command"}
_NOT_ASKED_FOR = {"alerts", "owner", "owner_second", "oauth2"}  # tell nobody; a table
_LISTS = {"folders", "tags"}
_FORM = "URL: needs a form such as imaps://anna%40example.com@mail.example.com"
_NO_SCHEME = "URL: begins with none of " + ", ".join(f"{scheme}://" for scheme in _SCHEMES)
_NO_USER = "URL: names no user, as in imaps://anna%40example.com@mail.example.com"
_NO_PASSWORD = (
    "URL: a password in a URL shows in the process list; "  # noqa: S105  an explanation
    "use --password-file or MAILBOX_AGENT_PASSWORD"
)


def account_from_url(url: str, secret: Secret | None, *, ca_file: Path | None = None) -> Account:
    """The account that a URL describes, named by the URL itself with its port, without its query.

    A `password_file` in the query outranks `secret`. Raises ConfigError, whose lines repeat
    nothing of the URL but the names of its parameters.
    """
    scheme, user, location, query = _parts(url)
    protocol, ways = _SCHEMES[scheme]
    keys = {"tls": ways[0], **_parameters(query, _MODELS[protocol])}
    if keys["tls"] not in ways:
        raise ConfigError(f"URL: tls: {scheme}:// can only be " + " or ".join(ways))
    try:
        server = parse_endpoint(location, default_port(protocol, keys["tls"]))
    except ValueError as error:
        raise ConfigError(f"URL: {error}") from None
    name = f"{scheme}://{quote(user, safe='')}@{server}"
    fixed = {"name": name, "protocol": protocol, "server": server, "username": user}
    return _account(_MODELS[protocol], {"ca_file": ca_file, **_password(secret), **keys, **fixed})


def _parts(url: str) -> tuple[str, str, str, str]:
    """Scheme, user, host with port, and query. Raises ConfigError before anything is shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigError(_FORM) from None
    if url != printable(url, len(url)):  # `urlsplit` drops line breaks instead of refusing them
        raise ConfigError(_FORM)
    user, at, location = parts.netloc.rpartition("@")
    if ":" in user:
        raise ConfigError(_NO_PASSWORD)
    # An "@" further on may end a password with "/", "?" or "#" in it: nothing of it is looked at.
    rest = parts.path + parts.query + parts.fragment
    if "@" in rest or parts.path.strip("/"):
        raise ConfigError(_FORM)
    if parts.scheme not in _SCHEMES:
        raise ConfigError(_NO_SCHEME)
    if not (at and user):
        raise ConfigError(_NO_USER)
    return parts.scheme, unquote(user), location, parts.query


def _parameters(query: str, model: type[Account]) -> dict[str, Any]:
    """The query's keys and values, lists split at commas. Raises ConfigError for unknown keys."""
    pairs = parse_qsl(query, keep_blank_values=True)
    keys = [key for key, _ in pairs]
    if _NOT_IN_A_URL.intersection(keys):
        raise ConfigError(_NO_PASSWORD)
    known = model.model_fields.keys() - _IN_THE_URL - _NOT_IN_A_URL - _NOT_ASKED_FOR
    lines = [
        f"URL: unknown parameter {shown(key)}{nearest(key, known)}"
        for key in keys
        if key not in known
    ]
    lines += [f"URL: {key}: is given twice" for key in known if keys.count(key) > 1]
    if lines:
        raise ConfigError(*lines)
    return {key: _value(key, value) for key, value in pairs}


def _value(key: str, value: str) -> str | list[str]:
    if key in _LISTS and value not in {"all", "inbox"}:
        return value.split(",")
    return value


def _password(secret: Secret | None) -> dict[str, Any]:
    if secret is None:
        return {}
    return {
        "password": secret.value,
        "password_file": secret.file,
        "password_command": secret.command,
    }


def _account(model: type[Account], table: dict[str, Any]) -> Account:
    if table.get("password_file"):
        table = {**table, "password": None, "password_command": None}
    try:
        return model.model_validate(table)
    except ValidationError as error:
        lines = (f"URL: {line}" for _, line in problems(error, model, {}))
        raise ConfigError(*lines) from None
