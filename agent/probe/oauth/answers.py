"""What an endpoint's answer means: tokens, or why there are none (RFC 6749, sections 5.1 and 5.2).

Only this tells a refused grant from a provider that is down: the former is known to go on until
somebody acts, the latter passes by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from agent.model import FailureKind
from agent.probe.failures import ProbeError, scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent.probe.oauth.endpoint import Endpoint, Reply

USUAL_LIFETIME = 3600.0  # seconds, where the provider does not tell
LONGEST_LIFETIME = 86_400.0
LONGEST_TOKEN = 12_000  # characters; servers bound the line that carries it
_LONGEST_PAUSE = 3600.0

_MEANINGS: Mapping[str, tuple[FailureKind, str]] = {
    "invalid_grant": (FailureKind.AUTH, "the consent was revoked or has ended, or never held"),
    "interaction_required": (FailureKind.AUTH, "somebody must consent anew"),
    "consent_required": (FailureKind.AUTH, "somebody must consent anew"),
    "login_required": (FailureKind.AUTH, "somebody must consent anew"),
    "invalid_client": (FailureKind.AUTH, "the client's id or secret is wrong or has expired"),
    "unauthorized_client": (FailureKind.DENIED, "the client is not allowed to do that"),
    "access_denied": (FailureKind.DENIED, "it is not allowed"),
    "invalid_scope": (FailureKind.DENIED, "the scope is not allowed"),
    "temporarily_unavailable": (FailureKind.UNAVAILABLE, "it cannot answer now"),
    "server_error": (FailureKind.UNAVAILABLE, "it cannot answer now"),
}
_OTHERWISE = (FailureKind.CONFIG, "the request is refused")
# Said with `invalid_grant` or `invalid_client` of an assertion whose times do not fit.
_CLOCK = re.compile(
    r"short-lived token|within its valid time range|issued in the future", re.IGNORECASE
)


class RefusedError(ProbeError):
    """The endpoint says no; `code` is OAuth2's own word for why."""

    def __init__(self, endpoint: Endpoint, code: str, said: str) -> None:
        kind, meaning = _MEANINGS.get(code, _OTHERWISE)
        if _CLOCK.search(said):
            kind, meaning = FailureKind.CONFIG, "this machine's clock is wrong"
        words = f"{code}: {said}" if said else code
        super().__init__(kind, f"{endpoint}: {meaning} ({words})", by_token_endpoint=True)
        self.code = code


class UnavailableError(ProbeError):
    """The endpoint cannot answer now; `retry_after` are the seconds that it asks for."""

    def __init__(self, endpoint: Endpoint, words: str, retry_after: float | None) -> None:
        detail = f"{endpoint}: {words}"
        super().__init__(FailureKind.UNAVAILABLE, detail, by_token_endpoint=True)
        self.retry_after = min(retry_after, _LONGEST_PAUSE) if retry_after is not None else None


@dataclass(frozen=True, slots=True)
class Granted:
    """What was given out; `lifetime` is that of the access token, in seconds."""

    access_token: str = field(repr=False)
    lifetime: float
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)


def granted(endpoint: Endpoint, reply: Reply, secrets: Iterable[str] = ()) -> Granted:
    """The tokens in an answer; the words of a refusal are shown without the secrets.

    Raises:
        RefusedError, UnavailableError: there are none, and why.
        ProbeError: this is not the answer of such an endpoint.
    """
    from oauthlib.oauth2 import OAuth2Error
    from oauthlib.oauth2.rfc6749.parameters import parse_token_response

    check(endpoint, reply)
    try:
        answer = parse_token_response(reply.body)
    except OAuth2Error as error:
        if error.error == "missing_token":
            raise _nonsense(endpoint, reply) from None
        raise RefusedError(endpoint, *_words(error, secrets)) from None
    except (ValueError, TypeError, AttributeError):
        raise _nonsense(endpoint, reply) from None
    return Granted(
        _sendable(endpoint, answer["access_token"], str(answer.get("token_type") or "bearer")),
        _lifetime(answer.get("expires_in")),
        _text(answer.get("refresh_token")),
        _text(answer.get("id_token")),
    )


def check(endpoint: Endpoint, reply: Reply) -> None:
    """Raise UnavailableError where the endpoint is too busy, or out of order."""
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise UnavailableError(endpoint, "too many requests", reply.retry_after)
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UnavailableError(endpoint, f"HTTP {reply.status}", reply.retry_after)


def _nonsense(endpoint: Endpoint, reply: Reply) -> ProbeError:
    words = f"HTTP {reply.status}, and not the answer of a token endpoint"
    return endpoint.failed(FailureKind.PROTOCOL, words)


def _words(error: Exception, secrets: Iterable[str]) -> tuple[str, str]:
    """The code and what is said of it: the first line, since trace ids follow."""
    code = str(getattr(error, "error", ""))
    said = str(getattr(error, "description", None) or "").strip()
    for secret in secrets:
        code, said = scrubbed(code, secret), scrubbed(said, secret)
    return code[:80], said.splitlines()[0] if said else ""


def _sendable(endpoint: Endpoint, token: object, kind: str) -> str:
    """An access token that a login can carry (RFC 6750, section 2.1)."""
    if kind.lower() != "bearer":
        raise endpoint.failed(FailureKind.PROTOCOL, "its tokens are no bearer tokens")
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise endpoint.failed(FailureKind.PROTOCOL, "its token is not one line of ASCII")
    if len(token) > LONGEST_TOKEN:
        raise endpoint.failed(FailureKind.PROTOCOL, "its token is too long for a login")
    return token


def _lifetime(told: object) -> float:
    seconds = float(told) if isinstance(told, int | float) else USUAL_LIFETIME
    return min(max(seconds, 0.0), LONGEST_LIFETIME)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
