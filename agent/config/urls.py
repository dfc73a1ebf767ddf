"""An account from a URL, for `check` without a configuration.

`imaps://` and `pop3s://` are TLS from the first byte; `imap://` and `pop3://` require STARTTLS and
STLS. Query parameters are the account's keys; `?tls=none` is the only way to a plaintext login.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from pydantic import ValidationError

from agent.config.accounts import ImapAccount, Pop3Account
from agent.config.errors import ConfigError, nearest, problems, shown

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.accounts import Account
    from agent.config.secrets import Secret

_SCHEMES: dict[str, tuple[type[ImapAccount | Pop3Account], str]] = {
    "imaps": (ImapAccount, "implicit"),
    "imap": (ImapAccount, "starttls"),
    "pop3s": (Pop3Account, "implicit"),
    "pop3": (Pop3Account, "starttls"),
}
_IN_THE_URL = frozenset({"name", "protocol", "server", "username"})
_PASSWORDS = frozenset({"password", "password_command"})
_LISTS = frozenset({"folders", "tags"})
FORM = "needs a form such as imaps://anna%40example.com@mail.example.com"
NO_PASSWORD = (
    "a password in a URL would show in the process list; "  # noqa: S105  this is none
    "use --password-file or MAILBOX_AGENT_PASSWORD"
)


def account_from_url(url: str, secret: Secret, *, ca_file: Path | None = None) -> Account:
    """The account that a URL describes, named by the URL itself without its query.

    Raises ConfigError; its lines hold nothing of the URL but the names of unknown parameters.
    """
    parts = _split(url)
    model, tls = _SCHEMES[parts.scheme]
    table = {"tls": tls, **_parameters(parts.query, model), **_password(secret)}
    table |= {
        "name": "URL",
        "protocol": "imap" if model is ImapAccount else "pop3",
        "server": parts.netloc.rpartition("@")[2],
        "username": unquote(parts.username or ""),
    }
    if ca_file:
        table["ca_file"] = ca_file
    account = _validated(model, table)
    user = quote(account.username, safe="")
    return account.model_copy(update={"name": f"{parts.scheme}://{user}@{account.server}"})


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        complete = parts.hostname and parts.username and parts.path in ("", "/")
    except ValueError:
        raise ConfigError(f"URL {FORM}") from None
    if parts.scheme not in _SCHEMES:
        raise ConfigError(f"URL {FORM}; schemes are {', '.join(_SCHEMES)}")
    if parts.password is not None:
        raise ConfigError(NO_PASSWORD)
    if not complete or parts.fragment:
        raise ConfigError(f"URL {FORM}")
    return parts


def _parameters(query: str, model: type[ImapAccount | Pop3Account]) -> dict[str, Any]:
    """The query as keys of the account, lists at their commas."""
    table: dict[str, Any] = {}
    known = model.model_fields.keys() - _IN_THE_URL
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key in _PASSWORDS:
            raise ConfigError(NO_PASSWORD)
        if key not in known:
            raise ConfigError(f"URL: unknown parameter {shown(key)}{nearest(key, known)}")
        if key in table:
            raise ConfigError(f"URL: parameter {shown(key)} stands twice")
        table[key] = _value(key, value)
    return table


def _value(key: str, value: str) -> object:
    if key == "folders" and value in {"all", "inbox"}:
        return value
    if key in _LISTS:
        return value.split(",")
    # Counts are numbers in the file; in a URL everything is text.
    return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else value  # noqa: PLR2004 - beyond 64 bits


def _password(secret: Secret) -> dict[str, Any]:
    found = {
        "password": secret.value,
        "password_file": secret.file,
        "password_command": secret.command,
    }
    return {key: value for key, value in found.items() if value is not None}


def _validated(
    model: type[ImapAccount | Pop3Account], table: dict[str, Any]
) -> ImapAccount | Pop3Account:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise ConfigError(*(f"URL: {line}" for _, line in problems(error, model, {}))) from None
