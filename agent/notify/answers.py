"""What a web service really answered: Apprise says only whether it was content.

Apprise's plugins call `requests` themselves and hand on neither the status nor Retry-After, so
`requests.Session.send` is watched. Only code inside `watch()` is affected, and only its thread.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import PreparedRequest, Response, Session


@dataclass(slots=True)
class Answer:
    """The last thing that happened on the web: a status, or the kind of error."""

    status: int | None = None
    retry_after: float | None = None
    error: str | None = None


_watching: ContextVar[Answer | None] = ContextVar("watching", default=None)


@contextmanager
def watch() -> Iterator[Answer]:
    """Note what web services answer to this thread while the block runs."""
    _install()
    answer = Answer()
    token = _watching.set(answer)
    try:
        yield answer
    finally:
        _watching.reset(token)


@cache
def _install() -> None:
    import requests

    original = requests.Session.send

    @wraps(original)
    def send(session: Session, request: PreparedRequest, **kwargs: Any) -> Response:
        answer = _watching.get()
        if answer is None:
            return original(session, request, **kwargs)
        answer.status = answer.retry_after = answer.error = None
        try:
            response = original(session, request, **kwargs)
        except requests.RequestException as error:
            answer.error = kind(error)
            raise
        answer.status = response.status_code
        answer.retry_after = seconds(response.headers.get("Retry-After"), datetime.now(UTC))
        return response

    requests.Session.send = send  # type: ignore[assignment, method-assign]  # see above


def kind(error: Exception) -> str:
    """The error in our words: its own text shows the URL."""
    import requests

    match error:
        case requests.exceptions.SSLError():
            return "the TLS handshake failed"
        case requests.exceptions.Timeout():
            return "no answer in time"
        case requests.exceptions.ConnectionError():
            return "the connection failed or broke"
        case _:
            return "the request failed"


def spoken(status: int) -> str:
    """A status in words: `HTTP 404 Not Found`."""
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def seconds(header: str | None, now: datetime) -> float | None:
    """Retry-After (RFC 9110, section 10.2.3) in seconds; None where absent or not understood."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds(), 0.0)
