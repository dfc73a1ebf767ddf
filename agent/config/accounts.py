"""The mailboxes to watch: one model a protocol."""

from shlex import quote
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from agent.config.base import FilePath, Table
from agent.config.endpoint import Endpoint, parse_endpoint
from agent.config.oauth2 import OAuth2
from agent.config.overrides import ImapOverrides, Pop3Overrides
from agent.config.secrets import Secret, SecretCommand, SecretText, one_of_three
from agent.config.texts import Address, Addresses, Line, Name, Tag, is_address, one_line
from agent.config.units import Interval, Size, WholeNumber

Tls = Literal["implicit", "starttls", "none"]

_PORTS = {
    ("imap", "implicit"): 993,
    ("imap", "starttls"): 143,
    ("imap", "none"): 143,
    ("pop3", "implicit"): 995,
    ("pop3", "starttls"): 110,
    ("pop3", "none"): 110,
}


def default_port(protocol: str, tls: str) -> int:
    """The port that IANA lists for the protocol."""
    return _PORTS[protocol, tls]


def _folders(value: object) -> object:
    """One error for the whole union instead of one for each of its forms."""
    if value in ("all", "inbox"):
        return value
    if isinstance(value, list | tuple) and value and all(isinstance(each, str) for each in value):
        return tuple(map(one_line, value))
    raise ValueError(
        'needs "all", "inbox", or a list of folder patterns such as ["INBOX", "Work*"]'
    )


class _Account(Table):
    """What accounts of every protocol have."""

    name: Name = Field(
        description="Names the mailbox in metrics, alerts and messages; unique.", examples=["anna"]
    )
    protocol: str
    tls: Tls = Field(
        "implicit",
        description=(
            "`implicit`: TLS from the first byte; `starttls`: TLS is required before the login; "
            "`none`: the password crosses the network in the clear."
        ),
    )
    server: Annotated[Endpoint, WithJsonSchema({"type": "string"})] = Field(
        description="Mail server: host, or host:port where the port is not the usual one.",
        examples=["mail.example.com"],
    )
    username: Line = Field(
        description="User name of the login, often the address.", examples=["anna@example.com"]
    )
    password: SecretText | None = Field(
        None, description="The password itself; keep this file private then.", examples=["..."]
    )
    password_file: FilePath | None = Field(
        None,
        description="File that holds the password; read at each login, one final newline ignored.",
        examples=["/run/secrets/anna"],
    )
    oauth2: OAuth2 | None = Field(
        None, description="OAuth2 instead of a password; see docs/oauth2.md."
    )
    password_command: Annotated[SecretCommand | None, one_of_three("password", "oauth2")] = Field(
        None,
        validate_default=True,
        description=(
            "Command that prints the password: a list of arguments, run without a shell at each "
            "login, within 10 seconds."
        ),
        examples=[["pass", "show", "mail/anna"]],
    )
    limit: Size | None = Field(
        None,
        description=(
            "Size limit where the server reports none, or a stricter one beside the server's."
        ),
        examples=["5 GiB"],
    )
    message_limit: Annotated[int, Field(ge=1), WholeNumber] | None = Field(
        None,
        description="Limit on the number of messages, used as `limit` is.",
        examples=[10000],
    )
    zero_limit: Literal["unlimited", "full"] = Field(
        "unlimited", description="What the server means by a limit of 0."
    )
    ca_file: FilePath | None = Field(
        None,
        description="Certificates (PEM) to trust for this server instead of the system's.",
        examples=["/etc/ssl/example-ca.pem"],
    )
    interval: Interval | None = Field(
        None,
        description="Time between two polls of this mailbox; else `poll_interval`.",
        examples=["5m"],
    )
    tags: tuple[Tag, ...] = Field(
        (), description="Words that routes can match.", examples=[["customers", "vip"]]
    )
    owner: Addresses | None = Field(
        None,
        description=(
            "Address of the mailbox's owner, or a list, for receivers of type `owner`; without it "
            "`username`, where that is an address. An empty list: nobody."
        ),
        examples=["anna@example.com"],
    )
    owner_second: Address | None = Field(
        None,
        description="Where the owner is told too from 95 % on, when the mailbox may refuse mail.",
        examples=["anna@example.net"],
    )

    @field_validator("server", mode="before")
    @classmethod
    def _server(cls, value: object, info: ValidationInfo) -> Endpoint:
        protocol, tls = info.data.get("protocol", "imap"), info.data.get("tls", "implicit")
        return parse_endpoint(value, default_port(protocol, tls))

    @property
    def owners(self) -> tuple[str, ...]:
        """The addresses of the mailbox's owner, as far as they are known."""
        if self.owner is None:
            return (self.username,) if is_address(self.username) else ()
        return self.owner

    @property
    def remedy(self) -> str:
        """What to do when the login is rejected, in a few words."""
        if self.oauth2 is None:
            return "correct the user name or password"
        if self.oauth2.grant == "refresh_token":
            return f"consent anew: mailbox-agent login {quote(self.name)}"
        return "correct what [accounts.oauth2] says of the client"

    def secret(self) -> Secret:
        """Where the password comes from; reveal it at the login only. Not `given` with OAuth2."""
        value = self.password.get_secret_value() if self.password else None
        return Secret("password", value, self.password_file, self.password_command)


class ImapAccount(_Account):
    """A mailbox read over IMAP (RFC 9051, RFC 3501)."""

    protocol: Literal["imap"] = Field(description="How the mailbox is read.")
    folders: Annotated[Literal["all", "inbox"] | tuple[str, ...], BeforeValidator(_folders)] = (
        Field(
            "all",
            description=(
                "Folders to count: `all` personal ones, only the `inbox`, or a list of patterns "
                "with `*` and `?`."
            ),
            examples=["all", ["INBOX", "Archive/*"]],
        )
    )
    folder_metrics: bool | None = Field(
        None,
        description=(
            "Export size, messages and unread messages of each folder, of the 50 largest ones at "
            "most; else what [agent] says."
        ),
        examples=[True],
    )
    alerts: ImapOverrides | None = Field(
        None, description="What differs from [alerts] for this mailbox."
    )


class Pop3Account(_Account):
    """A mailbox read over POP3 (RFC 1939); it has one maildrop and no folders."""

    protocol: Literal["pop3"] = Field(description="How the mailbox is read.")
    track_messages: bool = Field(
        default=False,
        description=(
            "Remember which messages wait in the maildrop, to tell how many and since when; asks "
            "the server for their ids (UIDL) at every poll."
        ),
    )
    alerts: Pop3Overrides | None = Field(
        None, description="What differs from [alerts] for this mailbox."
    )

    @field_validator("alerts")
    @classmethod
    def _tracked(cls, alerts: Pop3Overrides | None, info: ValidationInfo) -> Pop3Overrides | None:
        if alerts and alerts.uncollected and not info.data.get("track_messages", True):
            raise ValueError("uncollected needs track_messages = true")
        return alerts


Account = ImapAccount | Pop3Account
