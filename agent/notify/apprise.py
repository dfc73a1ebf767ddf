"""The sink that reaches people through Apprise: mail, chats, webhooks, pagers.

Its attempts are bounded by ours, not by Apprise's pool of six workers, which six dripping servers
would use up.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from agent.config.secrets import SecretError
from agent.notify.answers import Answer, spoken, watch
from agent.notify.attempts import Attempts
from agent.notify.services import UnusableTarget, not_one_recipient, service
from agent.notify.verdict import Rejected, Retry, Sent, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from apprise import Apprise, NotifyFormat

    from agent.notify.message import Message

    Say = Callable[[int | None], Message]  # the longest that it may be, in characters

# What is wrong is the message itself, or the place is gone for good. Not 401, 403 or 404: a
# token can be renewed and a webhook redeployed within the day that a notification is kept.
_FINAL = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.GONE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
_DISCORD = "Discord"


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
        self._attempts = Attempts()

    def send(self, say: Say, seconds: float, late: Callable[[], None]) -> Verdict:
        """Send, and return within about `seconds` whatever the other end does. Never raises.

        `say` is asked for a message of the length that the service takes. `late` is called, from
        another thread, if the target accepts the message after all.
        """

        def given_up(attempt: Future[Verdict]) -> None:
            self._apprise = None  # the hanging thread keeps its own
            attempt.add_done_callback(lambda done: _tell_if_sent(done, late))

        return self._attempts.run(partial(self._attempt, say), seconds, given_up)

    def _attempt(self, say: Say) -> Verdict:
        try:
            apprise = self._service()
        except UnusableTarget as error:
            return Retry(str(error))
        from apprise import NotifyType

        plugin = apprise[0]
        message = say(plugin.body_maxlen)
        body, style = _body(message, plugin)
        with watch() as answer:
            accepted = apprise.notify(
                title=message.title,
                body=body,
                notify_type=NotifyType(message.level),
                body_format=style,
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


def _body(message: Message, plugin: Any) -> tuple[str, NotifyFormat]:
    """The message as the service shows it best; Discord's text is Markdown by another name."""
    from apprise import NotifyFormat

    style = plugin.resolve_format()
    if style is NotifyFormat.HTML:
        return message.html, style
    if style is NotifyFormat.MARKDOWN or plugin.service_name == _DISCORD:
        return message.markdown, NotifyFormat.MARKDOWN
    return message.text, NotifyFormat.TEXT


def _tell_if_sent(attempt: Future[Verdict], late: Callable[[], None]) -> None:
    if isinstance(attempt.result(), Sent):
        late()


def _verdict(answer: Answer) -> Verdict:
    if answer.status is None:
        return Retry(answer.error or "the service did not accept the message")
    error = spoken(answer.status)
    return Rejected(error) if answer.status in _FINAL else Retry(error, answer.retry_after)
