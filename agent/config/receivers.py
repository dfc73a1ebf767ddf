"""Who can be told, and by which service."""

import re
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, Field

from agent.config.base import FilePath, Table
from agent.config.secrets import Secret, SecretCommand, SecretText, one_of_three
from agent.config.texts import Line, Name
from agent.config.units import WholeNumber

_OURS = frozenset(
    {"schema", "host", "port", "user", "password", "fullpath", "targets", "asset", "tag"}
)


def _service(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9]{0,30}", name, re.ASCII):
        raise ValueError('needs the name of a service such as "mailtos"')
    return name


def _parameters(value: object) -> object:
    """One error for the whole table, since its keys are not ours to name."""
    if not isinstance(value, dict):
        raise ValueError("needs a table")  # noqa: TRY004  what pydantic turns into an error
    if not all(isinstance(part, str | int) for part in value.values()):
        raise ValueError("needs texts, numbers or booleans as its values")
    if _OURS.intersection(value):
        raise ValueError("must not repeat what the target's own keys say")
    return value


class Target(Table):
    """An Apprise service spelled out, for parts that a URL would have to encode."""

    service: Annotated[str, AfterValidator(_service)] = Field(
        alias="schema",
        description="The service, as it stands before `://` in an Apprise URL.",
        examples=["mailtos"],
    )
    host: Line | None = Field(None, description="Host of the service.", examples=["example.com"])
    port: Annotated[int, Field(ge=1, le=65535), WholeNumber] | None = Field(
        None, description="Port, where it is not the usual one.", examples=[465]
    )
    user: Line | None = Field(None, description="User name at the service.", examples=["agent"])
    password: SecretText | None = Field(None, description="Its password.", examples=["..."])
    password_file: FilePath | None = Field(
        None, description="File that holds it.", examples=["/run/secrets/smtp"]
    )
    password_command: Annotated[SecretCommand | None, one_of_three("password", optional=True)] = (
        Field(
            None,
            validate_default=True,
            description="Command that prints it: a list of arguments, run without a shell.",
            examples=[["pass", "show", "smtp"]],
        )
    )
    path: Line | None = Field(None, description="Path of a URL.", examples=["/hook"])
    targets: tuple[Line, ...] = Field(
        (),
        description="Whom the service tells: addresses, rooms, numbers; each is tried on its own.",
        examples=[["ops@example.com"]],
    )
    params: Annotated[dict[str, str | int | bool], BeforeValidator(_parameters)] = Field(
        {},
        repr=False,
        description="Further arguments of the service's Apprise plugin.",
        examples=[{"smtp_host": "smtp.example.com"}],
    )

    def each(self) -> "tuple[Target, ...]":
        """One target for each of `targets`, so that none is told twice for another's failure."""
        if len(self.targets) < 2:  # noqa: PLR2004  one needs no splitting
            return (self,)
        return tuple(self.model_copy(update={"targets": (one,)}) for one in self.targets)

    def secret(self) -> Secret:
        """Where the password comes from, if there is one."""
        value = self.password.get_secret_value() if self.password else None
        return Secret("password", value, self.password_file, self.password_command)

    def reveal(self) -> dict[str, object]:
        """The dictionary that `Apprise.add` takes, password included.

        Raises SecretError when the password cannot be had. Apprise decodes percent signs in these
        parts even of a dictionary, so they are encoded here.
        """
        secret = self.secret()
        parts: dict[str, object | None] = {
            "schema": self.service,
            "host": self.host,
            "port": self.port,
            "user": self.user and quote(self.user, safe=""),
            "password": quote(secret.reveal(), safe="") if secret.given else None,
            "fullpath": self.path and quote(self.path),
            "targets": list(self.targets) or None,
        }
        return {**self.params, **{key: part for key, part in parts.items() if part is not None}}


class AppriseReceiver(Table):
    """Someone to tell through one of Apprise's services."""

    name: Name = Field(description="The name that routes use; unique.", examples=["ops"])
    type: Literal["apprise"] = Field(description="The kind of receiver.")
    url: SecretText | None = Field(
        None,
        description="Apprise URL; often holds a secret, so keep this file private then.",
        examples=["json://127.0.0.1:8080/hook"],
    )
    url_file: FilePath | None = Field(
        None,
        description="File that holds the URL.",
        examples=["/run/secrets/ops-url"],
    )
    target: Target | None = Field(
        None,
        description="Instead of a URL: the Apprise service spelled out, nothing encoded.",
    )
    url_command: Annotated[SecretCommand | None, one_of_three("url", "target")] = Field(
        None,
        validate_default=True,
        description="Command that prints the URL: a list of arguments, run without a shell.",
        examples=[["pass", "show", "ops-url"]],
    )

    def targets(self) -> tuple[Secret | Target, ...]:
        """What to tell, one by one; `reveal()` of each gives what `Apprise.add` takes."""
        if self.target is not None:
            return self.target.each()
        value = self.url.get_secret_value() if self.url else None
        return (Secret("url", value, self.url_file, self.url_command),)


Receiver = AppriseReceiver
