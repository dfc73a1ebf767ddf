"""One request to an OAuth2 endpoint: bounded in time and size, over verified TLS, never redirected.

`requests` takes proxies from the environment, as all else that goes to the web. It bounds single
socket operations only; an alarm ends the connection when the whole request takes too long.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent.model import FailureKind
from agent.probe import tls
from agent.probe.failures import ProbeError, tls_words
from agent.trust import no_login, trusted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST = 64 * 1024  # bytes of an answer; one with tokens has some four thousand
_HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded",
    "User-Agent": "mailbox-agent",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its body, and for how many seconds it wants no further request."""

    status: int
    body: str = field(repr=False)
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address of a provider, and whose certificates it may show."""

    url: str
    ca_file: Path | None = None

    def __str__(self) -> str:
        return f"token endpoint {urlsplit(self.url).netloc}"

    def failed(self, kind: FailureKind, words: str) -> ProbeError:
        """The error for this endpoint; `words` hold no secret."""
        return ProbeError(kind, f"{self}: {words}", by_token_endpoint=True)

    def post(self, form: str, seconds: float) -> Reply:
        """What it answers to a form, within so many seconds. Raises ProbeError."""
        if self.ca_file:
            tls.context(self.ca_file)  # which knows better what is wrong with a file
        reply = self._ask(form, seconds)
        if len(reply.body) > LARGEST:
            raise self.failed(FailureKind.PROTOCOL, f"answers with more than {LARGEST} bytes")
        if HTTPStatus.MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST:
            raise self.failed(FailureKind.CONFIG, "redirects, and no secret follows")
        return reply

    def _ask(self, form: str, seconds: float) -> Reply:
        import requests
        import urllib3

        from agent.probe.oauth.alarm import Alarm, session

        with Alarm(seconds) as alarm, session(alarm) as connected:
            try:
                with connected.post(
                    self.url,
                    data=form,
                    headers=_HEADERS,
                    auth=no_login,
                    verify=trusted(self.ca_file),
                    timeout=seconds,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    body: bytes = response.raw.read(LARGEST + 1, decode_content=True)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                late = alarm.rung or isinstance(error, requests.Timeout)
                raise self.failed(*(_LATE if late else _meaning(error))) from None
            if alarm.rung:  # what was cut short may look whole
                raise self.failed(*_LATE)
        wish = response.headers.get("Retry-After", "")
        pause = float(wish) if wish.isascii() and wish.isdigit() else None
        return Reply(response.status_code, body.decode("utf-8", "replace"), pause)


_LATE = (FailureKind.TIMEOUT, "no answer in time")


def _meaning(error: Exception) -> tuple[FailureKind, str]:
    """What an error of `requests` means, in our words: its own show the address whole."""
    import requests
    import urllib3

    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return FailureKind.TLS, tls_words(cause)
        if isinstance(cause, urllib3.exceptions.NameResolutionError):
            return FailureKind.DNS, "its name does not resolve"
    if isinstance(error, requests.exceptions.ProxyError):
        return FailureKind.CONNECT, "the proxy that the environment names cannot be used"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return FailureKind.CONNECT, "connection refused"
    if any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in causes):
        return FailureKind.CONNECT, "it cannot be reached"
    return FailureKind.UNAVAILABLE, "the connection broke before there was an answer"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it came from, which libraries keep in several places."""
    found, ahead = set(), [error]
    while ahead:
        one = ahead.pop(0)
        if id(one) in found:
            continue
        found.add(id(one))
        yield one
        more = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        ahead += [each for each in more if isinstance(each, BaseException)]
