"""Where the notifications of a receiver go, and in which words: one address a lane."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from agent.config.alertmanager import AlertmanagerReceiver
from agent.config.receivers import AppriseReceiver, OwnerReceiver
from agent.notify.apprise import AppriseSink
from agent.notify.message import compose, compose_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agent.config.receivers import Receiver
    from agent.model import Notification
    from agent.notify.message import Message, Style

DIGEST = 100  # notifications in one message, where not thousands wait
MESSAGES = 20  # about as many are enough for all that waits, since services limit their rate
SINKS_KEPT = 100  # of owners, whose connections are made anew after that


@dataclass(frozen=True, slots=True)
class Address:
    """One target of a receiver; without a `target` all owners, one after the other.

    `digest` is how many notifications one message tells of, of so many that wait; `say` writes it,
    and leaves out the mildest where a service takes no message of that length.
    """

    receiver: str
    target: str | None
    digest: Callable[[int], int]
    sink: Callable[[str], AppriseSink]
    say: Callable[[Sequence[Notification], int | None], Message]


def addresses(receiver: Receiver, style: Style) -> Iterator[Address]:
    """The addresses of one receiver."""
    match receiver:
        case AppriseReceiver():
            sinks = {str(n): AppriseSink(target) for n, target in enumerate(receiver.targets())}
            for ordinal in sinks:
                yield Address(receiver.name, ordinal, _digest, sinks.__getitem__, _tell(style))
        case OwnerReceiver():
            yield _owners(receiver, style)
        case AlertmanagerReceiver():
            return  # it is kept informed of what fires, see mirror.py


def _digest(waiting: int) -> int:
    return max(DIGEST, waiting // MESSAGES)


def _tell(style: Style) -> Callable[[Sequence[Notification], int | None], Message]:
    return lambda batch, longest: compose(batch, style, longest=longest)


def _owners(receiver: OwnerReceiver, style: Style) -> Address:
    @lru_cache(maxsize=SINKS_KEPT)
    def sink(address: str) -> AppriseSink:
        return AppriseSink(receiver.mail_to(address))

    def tell(batch: Sequence[Notification], _longest: int | None) -> Message:
        return compose_owner(batch[-1], style, receiver.contact)

    return Address(receiver.name, None, lambda _: 1, sink, tell)
