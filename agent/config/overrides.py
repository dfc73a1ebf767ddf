"""What an account says otherwise than [alerts]."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from agent.config.base import Table
from agent.config.levels import Level, in_order
from agent.config.units import CountOrOff, DurationOrOff, Failures, UpToHalf


class _Overrides(Table):
    """What accounts of every protocol can override; a key that is not set overrides nothing."""

    levels: Annotated[tuple[Level, ...], AfterValidator(in_order)] = Field(
        (),
        description="Usage levels of this mailbox; an empty list for none.",
        examples=[[{"at": "100 MB free", "severity": "critical"}]],
    )
    hysteresis: UpToHalf | None = Field(
        None, description="How far usage must fall below a level here.", examples=["2%"]
    )
    forecast: DurationOrOff = Field(
        None, description="How far ahead to tell that this mailbox will be full.", examples=["off"]
    )
    poll_failures: Failures | None = Field(
        None, description="Consecutive polls of this mailbox that must fail.", examples=[10]
    )

    def given(self) -> dict[str, Any]:
        """The keys that are set, with their values."""
        return {key: getattr(self, key) for key in self.model_fields_set}


class ImapOverrides(_Overrides):
    """What an IMAP account can override."""

    unread: CountOrOff = Field(
        None, description="How many unread messages this mailbox may have.", examples=[100]
    )


class Pop3Overrides(_Overrides):
    """What a POP3 account can override."""

    uncollected: DurationOrOff = Field(
        None, description="How long a message may wait in this maildrop.", examples=["3d"]
    )
