"""The sink that reaches people through Apprise: mail, chats, webhooks, pagers.

Each attempt runs in a thread of its own, which is given up at the deadline: Apprise bounds single
socket operations only, and its pool of six workers would be used up by six dripping servers.
"""

from __future__ import annotations

from concurrent.futures import Future
from http import HTTPStatus
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from agent.config.secrets import SecretError
from agent.notify.answers import Answer, watch
from agent.notify.services import UnusableTarget, not_one_recipient, service
from agent.notify.verdict import Rejected, Retry, Sent, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from apprise import Apprise

    from agent.notify.message import Message

MOST_GIVEN_UP = 4  # attempts of one target that may hang at a time, each a thread and a socket
# What is wrong is the message itself, or the place is gone for good. Not 401, 403 or 404: a
# token can be renewed and a webhook redeployed within the day that a notification is kept.
_FINAL = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.GONE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}


class Target(Protocol):
    """One target of a receiver, as its configuration has it."""

    def reveal(self) -> str | dict[str, Any]:
        """The URL or its parts. Raises SecretError."""


def check(target: Target) -> str | None:
    """What is wrong with a target, in one line without its secrets; None when nothing is.

    Connects to nothing; runs the target's secret command if it has one.
    """
    try:
        return not_one_recipient(service(target.reveal()))
    except (SecretError, UnusableTarget) as error:
        return str(error)


class AppriseSink:
    """One target. `send` may be called from one thread at a time."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._revealed: str | dict[str, Any] | None = None
        self._apprise: Apprise | None = None
        self._given_up: list[Future[Verdict]] = []

    def send(self, message: Message, seconds: float, late: Callable[[], None]) -> Verdict:
        """Send, and return within about `seconds` whatever the other end does. Never raises.

        `late` is called, from another thread, if the target accepts the message after all.
        """
        self._given_up = [attempt for attempt in self._given_up if not attempt.done()]
        if len(self._given_up) >= MOST_GIVEN_UP:
            return Retry(f"{len(self._given_up)} earlier attempts still hang")
        attempt: Future[Verdict] = Future()
        run = Thread(target=self._run, args=(attempt, message), name="notify", daemon=True)
        run.start()
        try:
            return attempt.result(seconds)
        except TimeoutError:
            self._apprise = None  # the hanging thread keeps its own
            self._given_up.append(attempt)
            attempt.add_done_callback(lambda done: _tell_if_sent(done, late))
            return Retry(f"no answer within {seconds:g} s")

    def _run(self, attempt: Future[Verdict], message: Message) -> None:
        try:
            attempt.set_result(self._attempt(message))
        except (SecretError, UnusableTarget) as error:
            attempt.set_result(Retry(str(error)))
        except Exception as error:  # noqa: BLE001  the sink's edge; plugins raise what they like
            attempt.set_result(Retry(f"the service's plugin failed with {type(error).__name__}"))

    def _attempt(self, message: Message) -> Verdict:
        apprise = self._service()
        from apprise import NotifyFormat, NotifyType

        with watch() as answer:
            accepted = apprise.notify(
                title=message.title,
                body=message.body,
                notify_type=NotifyType(message.level),
                body_format=NotifyFormat.TEXT,
            )
        return Sent() if accepted else _verdict(answer)

    def _service(self) -> Apprise:
        """The target's service, built again when its secret has changed."""
        revealed = self._target.reveal()
        apprise = self._apprise
        if apprise is None or revealed != self._revealed:
            plugin = service(revealed)
            from apprise import Apprise

            apprise = Apprise(plugin, asset=plugin.asset)
            self._apprise, self._revealed = apprise, revealed
        return apprise


def _tell_if_sent(attempt: Future[Verdict], late: Callable[[], None]) -> None:
    if isinstance(attempt.result(), Sent):
        late()


def _verdict(answer: Answer) -> Verdict:
    if answer.status is None:
        return Retry(answer.error or "the service did not accept the message")
    error = f"HTTP {answer.status} {_phrase(answer.status)}".rstrip()
    return Rejected(error) if answer.status in _FINAL else Retry(error, answer.retry_after)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
