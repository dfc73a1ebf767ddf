"""The whole configuration, from the file and the environment."""

import re
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from agent.config.accounts import Account
from agent.config.base import FilePath, Table
from agent.config.endpoint import Endpoint, parse_endpoint
from agent.config.environment import DELIMITER, PREFIX, variables
from agent.config.levels import Level, Share, in_order
from agent.config.quiet import QuietHours
from agent.config.receivers import Receiver
from agent.config.routes import Route
from agent.config.secrets import Secret, SecretCommand, SecretText, one_of_three
from agent.config.silences import Silence
from agent.config.timezones import TimeZone, zone
from agent.config.units import (
    CountOrOff,
    DurationOrOff,
    Failures,
    Interval,
    Repeat,
    Timeout,
    UpToHalf,
    Wait,
    WholeNumber,
)
from agent.model import Severity

METRICS_PORT = 9143
_DEFAULT_INTERVALS = {"imap": timedelta(minutes=15), "pop3": timedelta(minutes=30)}


class AgentSettings(Table):
    """How mailboxes are polled, and in which time and language people are told."""

    poll_interval: Interval | None = Field(
        None,
        description='Time between two polls of a mailbox; by default "15m", for POP3 "30m".',
        examples=["15m"],
    )
    timeout: Timeout = Field(
        timedelta(seconds=30), description="Longest time that one poll may take, all in all."
    )
    max_connections: Annotated[int, Field(ge=1, le=100), WholeNumber] = Field(
        2, description="Connections at a time to one mail server."
    )
    folder_metrics: bool = Field(
        default=False,
        description=(
            "Export size, messages and unread messages of each folder, of accounts that do not "
            "say otherwise; of 10,000 folders in all at most."
        ),
    )
    timezone: TimeZone = Field(
        "UTC",
        description=(
            "IANA time zone of quiet hours, of silences, and of the times in messages, such as "
            "Europe/Berlin."
        ),
    )
    language: Literal["en", "de", "es"] = Field(
        "en", description="Language of messages: English, German or Spanish."
    )
    templates: FilePath | None = Field(
        None,
        description="Folder of message templates that replace the agent's own of the same name.",
        examples=["/etc/mailbox-agent/templates"],
    )

    @property
    def zone(self) -> tzinfo:
        """The time zone."""
        return zone(self.timezone)


def _store_url(url: str) -> str:
    if not re.fullmatch("sqlite:///.+", url):
        raise ValueError('needs a URL such as "sqlite:///agent.db"')
    return url


class StoreSettings(Table):
    """Where history, alerts and unsent notifications are kept."""

    url: Annotated[str, AfterValidator(_store_url)] = Field(
        "sqlite:///agent.db",
        description=(
            "SQLite database: `sqlite:///` and a path, relative to the working directory or "
            "(`sqlite:////var/lib/...`) absolute. Not on a network file system."
        ),
    )
    tokens: FilePath | None = Field(
        None,
        description=(
            "Folder of the refresh tokens of OAuth2; by default beside the database, with the "
            "same name and `.tokens`."
        ),
        examples=["/var/lib/mailbox-agent/tokens"],
    )

    @property
    def tokens_folder(self) -> Path:
        """The folder of the refresh tokens."""
        return self.tokens or Path(f"{self.url.removeprefix('sqlite:///')}.tokens").absolute()


def _listen(value: object) -> Endpoint:
    try:
        return parse_endpoint(value, METRICS_PORT)
    except ValueError:
        raise ValueError('needs an address such as "127.0.0.1:9143" or "[::1]:9143"') from None


class WebSettings(Table):
    """Where metrics, health and the status page are served."""

    listen: Annotated[
        Endpoint, NoDecode, BeforeValidator(_listen), WithJsonSchema({"type": "string"})
    ] = Field(
        Endpoint("127.0.0.1", METRICS_PORT),
        description="Address to listen on: host:port, or [IPv6]:port.",
    )
    config_file: FilePath | None = Field(
        None,
        description=(
            "Web configuration file, as the Prometheus exporter toolkit has it: TLS, client "
            "certificates, users (docs/web.md). Read again when it changes."
        ),
        examples=["web.yml"],
    )


def _web_address(url: SecretStr) -> SecretStr:
    if not re.fullmatch(r"https?://[\x21-\x7e]+", url.get_secret_value()):
        raise ValueError("needs a URL that begins with https:// or http://")
    return url


class AlertSettings(Table):
    """When a mailbox is worth telling about."""

    levels: Annotated[tuple[Level, ...], AfterValidator(in_order)] = Field(
        (
            Level(at=Share(0.8), severity=Severity.WARNING),
            Level(at=Share(0.95), severity=Severity.CRITICAL),
        ),
        description=(
            "From which usage on there is an alert, and how bad it is: `at` a share of the limit "
            'or free space ("100 MB free"); severity "info", "warning" or "critical".'
        ),
    )
    hysteresis: UpToHalf = Field(
        0.05,
        description="How far usage must fall below a level before its alert ends.",
        examples=["5%"],
    )
    forecast: DurationOrOff = Field(
        timedelta(days=7),
        description=(
            'How far ahead to tell that a mailbox will be full if it goes on growing so; "off": '
            "never."
        ),
    )
    unread: CountOrOff = Field(
        None,
        description=(
            "How many unread messages a mailbox may have before that is told; off by default. Not "
            "known of POP3."
        ),
        examples=[1000],
    )
    uncollected: DurationOrOff = Field(
        None,
        description=(
            "How long a message may wait in a POP3 maildrop before that is told; off by default. "
            "Known of accounts with `track_messages`."
        ),
        examples=["3d"],
    )
    poll_failures: Failures = Field(
        3, description="Consecutive polls of a mailbox that must fail before that is told."
    )
    certificate: DurationOrOff = Field(
        timedelta(days=14),
        description=(
            'How long before the end of a server\'s certificate to tell of it; "off": never.'
        ),
    )
    stale_after: Annotated[int, Field(ge=1, le=100), WholeNumber] = Field(
        3, description="Missed polls after which the last figures are no longer exported."
    )
    repeat: tuple[Repeat, ...] = Field(
        (timedelta(days=1), timedelta(days=3), timedelta(days=7)),
        description=(
            "Waits before the first, second and further reminders of an alert that lasts; the "
            "last one repeats, an empty list reminds of nothing."
        ),
    )
    group_wait: Wait = Field(
        timedelta(seconds=10),
        description="How long an alert waits for others, to be told together with them.",
    )
    quiet_hours: QuietHours = Field(
        (),
        description=(
            'Hours in which all but critical alerts wait, in `timezone`: "22:00-07:00", with days '
            'on which they begin "Mon-Fri 22:00-07:00", or a list of such hours.'
        ),
        examples=["22:00-07:00"],
    )
    heartbeat_url: Annotated[SecretText, AfterValidator(_web_address)] | None = Field(
        None,
        description=(
            "Address to ask (GET) every minute while all is well, of a service that tells you "
            "when it was not asked: a dead man's switch. Often holds a secret."
        ),
        examples=["https://hc-ping.com/..."],
    )
    heartbeat_url_file: FilePath | None = Field(
        None, description="File that holds it.", examples=["/run/secrets/heartbeat-url"]
    )
    heartbeat_url_command: Annotated[
        SecretCommand | None, one_of_three("heartbeat_url", optional=True)
    ] = Field(
        None,
        validate_default=True,
        description="Command that prints it: a list of arguments, run without a shell.",
        examples=[["pass", "show", "heartbeat-url"]],
    )

    def heartbeat(self) -> Secret:
        """Where the heartbeat's address comes from; not `given` where there is none."""
        value = self.heartbeat_url.get_secret_value() if self.heartbeat_url else None
        return Secret("heartbeat_url", value, self.heartbeat_url_file, self.heartbeat_url_command)


class Settings(BaseSettings):
    """Everything the agent is told; the environment outranks the file."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_nested_max_split=1,
        env_ignore_empty=True,  # as compose files leave what nobody set
    )

    agent: AgentSettings = Field(default_factory=AgentSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    accounts: tuple[Annotated[Account, Field(discriminator="protocol")], ...] = ()
    receivers: tuple[Annotated[Receiver, Field(discriminator="type")], ...] = ()
    routes: tuple[Route, ...] = ()
    silences: tuple[Silence, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, of which the variables that `load` knows, then the file."""
        if isinstance(env_settings, EnvSettingsSource):
            known, given = variables(settings_cls), env_settings.env_vars
            env_settings.env_vars = {key: given[key] for key in given if key.upper() in known}
        return env_settings, init_settings

    def interval(self, account: Account) -> timedelta:
        """Time between two polls of the account."""
        default = self.agent.poll_interval or _DEFAULT_INTERVALS[account.protocol]
        return account.interval or default

    def alerts_for(self, account: Account) -> AlertSettings:
        """The alert settings of the account: what it says itself, else what [alerts] says."""
        return overridden(self.alerts, account)


def overridden(alerts: AlertSettings, account: Account) -> AlertSettings:
    """The settings with what the account says otherwise."""
    if account.alerts is None:
        return alerts
    return alerts.model_copy(update=account.alerts.given())
