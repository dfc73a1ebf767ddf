"""What one poll of `check` came to, and the exit status of all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.cli.terminal import ExitStatus
from agent.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.config.accounts import Account
    from agent.model import Poll


@dataclass(frozen=True, slots=True)
class Checked:
    """One mailbox that was asked for: its account, its poll, and the word for both."""

    account: Account
    poll: Poll
    status: Status


_EXITS = {
    Status.OK: ExitStatus.OK,
    Status.UNLIMITED: ExitStatus.OK,
    Status.NO_LIMIT: ExitStatus.OK,
    Status.WARNING: ExitStatus.WARNING,
    Status.CRITICAL: ExitStatus.CRITICAL,
    Status.FULL: ExitStatus.CRITICAL,
    Status.FAILED: ExitStatus.UNKNOWN,
}
_MILDEST_FIRST = (ExitStatus.OK, ExitStatus.WARNING, ExitStatus.UNKNOWN, ExitStatus.CRITICAL)


def exit_status(statuses: Iterable[Status]) -> ExitStatus:
    """The worst one: critical outranks a failed poll, which outranks a warning."""
    exits = (_EXITS[status] for status in statuses)
    return max(exits, key=_MILDEST_FIRST.index, default=ExitStatus.OK)
