"""Alertmanagers that are kept informed of what fires."""

import re
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from agent.config.base import FilePath, Table
from agent.config.quiet import QuietHours
from agent.config.secrets import Secret, SecretCommand, SecretText, one_of_three
from agent.config.texts import Line, Name
from agent.model import Severity

_FORM = 'needs a URL such as "http://alertmanager.example.com:9093"'


def _url(url: str) -> str:
    """The base of the API's address, which may be shown: it holds no secret."""
    if not re.fullmatch(r"https?://[\x21-\x7e]+", url):
        raise ValueError(_FORM)
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(_FORM) from None
    if "@" in url:
        raise ValueError("must not hold a user or password; these have keys of their own")
    if not named or parts.query or parts.fragment or "/api/" in f"{parts.path}/":
        raise ValueError(f"{_FORM}, without the path of the API")
    return url.rstrip("/")


def _each_once(urls: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(urls))


class AlertmanagerReceiver(Table):
    """Prometheus Alertmanagers: told what fires, they group, silence and tell people themselves."""

    # They have quiet hours of their own, and an end that they are not told is an alert for ever.
    quiet_hours: ClassVar[QuietHours] = ()
    send_resolved: ClassVar[bool] = True

    name: Name = Field(description="The name that routes use; unique.", examples=["cluster"])
    type: Literal["alertmanager"] = Field(description="The kind of receiver.")
    min_severity: Severity = Field(
        Severity.INFO, description="The mildest alert that it hears of, whatever a route says."
    )
    urls: Annotated[
        tuple[Annotated[str, AfterValidator(_url)], ...],
        Field(min_length=1),
        AfterValidator(_each_once),
    ] = Field(
        description=(
            "Base URLs of all peers of one cluster; each of them is told everything. "
            "A load balancer before them would not do."
        ),
        examples=[["http://127.0.0.1:9093"]],
    )
    username: Line | None = Field(
        None, description="User name, where they want basic authentication.", examples=["agent"]
    )
    password: SecretText | None = Field(None, description="Its password.", examples=["..."])
    password_file: FilePath | None = Field(
        None, description="File that holds it.", examples=["/run/secrets/alertmanager"]
    )
    password_command: Annotated[SecretCommand | None, one_of_three("password", optional=True)] = (
        Field(
            None,
            validate_default=True,
            description="Command that prints it: a list of arguments, run without a shell.",
            examples=[["pass", "show", "alertmanager"]],
        )
    )
    bearer_token: SecretText | None = Field(
        None, description="Token, where they want one instead.", examples=["..."]
    )
    bearer_token_file: FilePath | None = Field(
        None, description="File that holds it.", examples=["/run/secrets/alertmanager-token"]
    )
    bearer_token_command: Annotated[
        SecretCommand | None, one_of_three("bearer_token", optional=True)
    ] = Field(
        None,
        validate_default=True,
        description="Command that prints it: a list of arguments, run without a shell.",
        examples=[["pass", "show", "alertmanager-token"]],
    )
    ca_file: FilePath | None = Field(
        None,
        description="Certificates (PEM) to trust instead of the system's.",
        examples=["/etc/ssl/example-ca.pem"],
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self._password().given and self._token().given:
            raise ValueError("needs only one of password and bearer_token")
        if self._password().given != (self.username is not None):
            raise ValueError("needs username and password together")
        return self

    def secret(self) -> Secret:
        """The password or the bearer token, as its `key` says; not `given` where none is needed."""
        return self._token() if self._token().given else self._password()

    def targets(self) -> tuple[()]:
        """Nothing for the outbox: an Alertmanager is kept informed of a state instead."""
        return ()

    def _password(self) -> Secret:
        value = self.password.get_secret_value() if self.password else None
        return Secret("password", value, self.password_file, self.password_command)

    def _token(self) -> Secret:
        value = self.bearer_token.get_secret_value() if self.bearer_token else None
        return Secret("bearer_token", value, self.bearer_token_file, self.bearer_token_command)
