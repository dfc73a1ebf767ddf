"""The documents of the API, with field names as in `check --json` and `status --json`.

Sizes are bytes, times are UTC in whole seconds (RFC 3339); null means not known.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from agent.model import FailureKind, QuotaState, Reason, Role, Severity, Status
from agent.standing import State

VERSION = 1


def _whole_seconds(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


Time = Annotated[
    AwareDatetime,
    PlainSerializer(_whole_seconds, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
Count = Annotated[int, Field(ge=0)]
Ratio = Annotated[float, Field(ge=0)]


class _Document(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )


class Failure(_Document):
    """Why a poll failed."""

    reason: FailureKind
    detail: str = Field(description="One printable line without secrets.")


class Quarantine(_Document):
    """The rejected login that keeps a mailbox from being polled."""

    rejections: Count = Field(description="How often the server has rejected this login.")
    last_rejection_at: Time
    retry_at: Time | None = Field(
        description="When it is tried once more; null where it is not, until it changes."
    )


class Quota(_Document):
    """One resource of one quota root (RFC 9208): bytes for storage, else a count."""

    root: str
    resource: str
    used: Count
    limit: Count | None = Field(description="Null where unlimited.")
    source: Literal["server", "config"]
    growth_per_day: float | None = Field(
        description="Of the last seven days, isolated steps left out; negative where it shrinks."
    )
    full_at: Time | None = Field(description="Null where it is not foreseen.")


class Alert(_Document):
    """A firing alert; root and resource are empty where it is not about a quota."""

    rule: str
    severity: Severity
    root: str = Field(description="Of the rules server and certificate: the mail server.")
    resource: str
    since: Time
    told: tuple[str, ...] = Field(description="Names of the receivers that know of it.")


class Pause(_Document):
    """A mail server at which nobody logs in, since several logins were rejected."""

    server: str
    until: Time
    others_until: Time = Field(
        description="Until when for mailboxes that were not read since the agent started."
    )
    rejected_accounts: tuple[str, ...]


class Mailbox(_Document):
    """A mailbox by its last polls; figures are those of the last successful one."""

    account: str
    protocol: Literal["imap", "pop3"]
    server: str = Field(description="host:port")
    tags: tuple[str, ...]
    state: State = Field(description="The word of `mailbox-agent status`.")
    status: Status | None = Field(
        description="The word of `mailbox-agent check` for the last poll; null before the first."
    )
    last_poll_at: Time | None
    last_success_at: Time | None
    interval_seconds: float = Field(description="Time between two polls.")
    figures_are_old: bool = Field(
        description="Whether the figures are older than those that are exported as metrics."
    )
    failure: Failure | None = Field(description="Null where the last poll succeeded.")
    quarantine: Quarantine | None
    quota_state: QuotaState | None
    quotas: tuple[Quota, ...]
    usage_ratio: Ratio | None = Field(
        description="Largest used/limit over all limited quotas, 0 to 1 and above."
    )
    size_bytes: Count | None
    messages: Count | None
    unread: Count | None
    reclaimable_bytes: Count | None = Field(description="What emptying trash and junk would free.")
    full_at: Time | None = Field(
        description="When the first limit will be reached; null where it is not foreseen, or is."
    )
    alerts: tuple[Alert, ...] = Field(description="What fires, the worst first.")


class Folder(_Document):
    """A folder as the last successful poll found it."""

    name: str
    role: Role | None
    messages: Count | None
    unread: Count | None
    size_bytes: Count | None


class Point(_Document):
    """What was used at the end of an hour, of a day where that is more than 14 days ago."""

    at: Time = Field(description="The beginning of the hour.")
    used: Count
    limit: Count | None


class Series(_Document):
    """The history of a mailbox's size, of its messages, or of one resource of a quota root."""

    kind: Literal["size", "messages", "quota"]
    root: str
    resource: str
    points: tuple[Point, ...] = Field(description="Oldest first.")


class FailureSpell(_Document):
    """Polls in a row that failed for one reason."""

    reason: FailureKind
    detail: str = Field(description="Of the last one.")
    began_at: Time
    last_at: Time
    polls: Count


class Notice(_Document):
    """A change of an alert, as a receiver is or was told of it."""

    at: Time = Field(description="When it was accepted; until then, when it was decided.")
    receiver: str
    rule: str
    root: str
    resource: str
    severity: Severity
    reason: Reason | None
    state: Literal["sent", "waiting", "given_up"]


class MailboxDetails(Mailbox):
    """A mailbox with all that is known of it."""

    folders: tuple[Folder, ...] = Field(description="The largest ones, the largest first.")
    folder_count: Count
    history: tuple[Series, ...]
    failures: tuple[FailureSpell, ...] = Field(description="The latest first.")
    notifications: tuple[Notice, ...] = Field(description="The latest first.")


class _Answer(_Document):
    version: Literal[1]
    at: Time = Field(description="The moment that all of this is about.")
    store_problem: str | None = Field(
        description="Why the agent's state cannot be read or written; what it alone has is missing."
    )
    alerts: tuple[Alert, ...] = Field(description="Of mail servers, and of the agent itself.")
    paused_servers: tuple[Pause, ...]


class MailboxList(_Answer):
    """The mailboxes asked for, the worst first."""

    configured: Count = Field(description="Mailboxes that this agent polls.")
    matching: Count = Field(description="Mailboxes asked for, on all pages.")
    states: dict[State, Count] = Field(
        description="How many match `search` and `tag`, by their state."
    )
    offset: Count
    limit: Count
    mailboxes: tuple[Mailbox, ...]


class MailboxAnswer(_Answer):
    """One mailbox."""

    mailbox: MailboxDetails


class Problem(_Document):
    """Why there is no answer."""

    version: Literal[1]
    error: str


class ListQuery(BaseModel):
    """Which mailboxes are asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    search: Annotated[str, Field(max_length=500)] = Field(
        "", description="Text within the name, the server or a tag, in any case."
    )
    tag: Annotated[str, Field(max_length=500)] = Field("", description="A tag that it must have.")
    state: State | None = Field(None, description="A state that it must be in.")
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = Field(0, description="How many to skip.")
    limit: Annotated[int, Field(ge=1, le=500)] = Field(50, description="How many to answer.")


class MailboxQuery(BaseModel):
    """How much history is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: Annotated[int, Field(ge=1, le=365)] = Field(14, description="Days of history.")
