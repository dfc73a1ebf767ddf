"""Requests of the agent's own to web services; `requests` is imported with the first one."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from agent.notify.answers import kind, seconds, spoken
from agent.notify.verdict import Retry
from agent.text import printable_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response, Session

ONE_SOCKET_OPERATION = 10.0  # seconds; the whole request is bounded by `Attempts`
_LONGEST_TEXT = 1024  # bytes of an answer that are read


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answered; `text` is the first line of its body, made printable."""

    status: int
    text: str
    retry_after: float | None

    @property
    def accepted(self) -> bool:
        """Whether it did what it was asked for (2xx)."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def error(self) -> str:
        """The status in words."""
        return spoken(self.status)


def new_session() -> Session:
    """A pool of connections for one thread. Nothing of a URL or a header is ever logged."""
    import requests

    logging.getLogger("urllib3").setLevel(logging.WARNING)  # it writes paths at DEBUG
    return requests.Session()


def ask(request: Callable[[], Response]) -> Reply | Retry:
    """The reply to a request that is made with `stream`; Retry where there is none."""
    import requests

    try:
        with request() as response:
            text: bytes = response.raw.read(_LONGEST_TEXT, decode_content=True)
    except requests.TooManyRedirects:
        return Retry("too many redirects")
    except requests.RequestException as error:
        return Retry(kind(error))
    line = printable_bytes(text.strip().partition(b"\n")[0])
    wish = seconds(response.headers.get("Retry-After"), datetime.now(UTC))
    return Reply(response.status_code, line, wish)
