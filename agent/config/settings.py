"""The whole configuration, from the file and the environment."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from agent.config.accounts import Account
from agent.config.base import Table
from agent.config.endpoint import Endpoint, parse_endpoint
from agent.config.environment import DELIMITER, PREFIX, variables
from agent.config.levels import Level, Share, in_order
from agent.config.receivers import Receiver
from agent.config.routes import Route
from agent.config.units import Interval, Repeat, Timeout, UpToHalf, Wait, WholeNumber
from agent.model import Severity

METRICS_PORT = 9143
_DEFAULT_INTERVALS = {"imap": timedelta(minutes=15), "pop3": timedelta(minutes=30)}


class AgentSettings(Table):
    """How mailboxes are polled."""

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


def _store_url(url: str) -> str:
    if not url.startswith("sqlite:///"):
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


class Settings(BaseSettings):
    """Everything the agent is told; the environment outranks the file."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_nested_max_split=1,
    )

    agent: AgentSettings = Field(default_factory=AgentSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    accounts: tuple[Annotated[Account, Field(discriminator="protocol")], ...] = ()
    receivers: tuple[Receiver, ...] = ()
    routes: tuple[Route, ...] = ()

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
