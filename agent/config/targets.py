"""What is told: one target of a service, spelled out, or a mailbox's owner."""

import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, Field

from agent.config.base import FilePath, Table
from agent.config.secrets import Secret, SecretCommand, SecretError, SecretText, one_of_three
from agent.config.texts import Line
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


MAIL_SERVICES = ("mailtos", "mailto")
_RECIPIENTS = frozenset({"to", "cc", "bcc"})  # Apprise's parameters of mail
_HEADER, _ORIGIN = "Auto-Submitted", "auto-generated"  # RFC 3834, section 5: no machine answers


@dataclass(frozen=True, slots=True)
class OwnersMail:
    """A mail service with one address as its only recipient, whoever the service itself names."""

    service: Secret | Target
    address: str

    def secret(self) -> Secret:
        """Where the service's secret comes from, if there is one."""
        return self.service.secret() if isinstance(self.service, Target) else self.service

    def reveal(self) -> str | dict[str, object]:
        """What `Apprise.add` takes, secrets included.

        Raises SecretError when the secret cannot be had, or is no URL of a mail service.
        """
        if isinstance(self.service, Target):
            headers = {_HEADER: _ORIGIN}
            return {**self.service.reveal(), "targets": [self.address], "headers": headers}
        url = self.service.reveal()
        if not is_mail(url):
            raise SecretError(f"{self.service.key}: is no URL of a mail service (mailtos://)")
        return _addressed(url, self.address)


def is_mail(url: str) -> bool:
    """Whether Apprise sends what goes to this URL as mail, over SMTP."""
    return url.partition("://")[0].lower() in MAIL_SERVICES


def _addressed(url: str, address: str) -> str:
    """The URL without the recipients in its path and query, and with this one."""
    base, _, query = url.partition("?")
    schema, _, rest = base.partition("://")
    kept = [part for part in query.split("&") if part and part.partition("=")[0] not in _RECIPIENTS]
    ours = [f"to={quote(address, safe='@')}", f"+{_HEADER}={_ORIGIN}"]
    return f"{schema}://{rest.partition('/')[0]}?{'&'.join((*kept, *ours))}"
