"""The first consent: somebody lets the agent read a mailbox, and it gets a refresh token for that.

By a code that is entered anywhere (RFC 8628), or in a browser that is sent back to this machine
with an answer (RFC 8252), for providers that do not let mail be read by a code.
"""

from __future__ import annotations

import json
import secrets
import time
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from agent.model import FailureKind
from agent.probe.failures import ProbeError
from agent.probe.oauth.answers import RefusedError, check
from agent.probe.oauth.endpoint import Endpoint
from agent.probe.oauth.vault import Consent
from agent.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.probe.oauth.answers import Granted
    from agent.probe.oauth.endpoint import Reply
    from agent.probe.oauth.grants import Client

ONE_REQUEST = 20.0  # seconds
USUAL_INTERVAL, SLOWER = 5.0, 5.0  # seconds between two questions; RFC 8628, sections 3.2 and 3.5
SHORTEST_INTERVAL = 1.0
LONGEST_WAIT = 1800.0  # seconds for somebody to consent
BY_CODE = "urn:ietf:params:oauth:grant-type:device_code"
_WHO = ("openid", "email", "profile")  # OpenID Connect: to be told who consented
_NAMES = ("email", "preferred_username", "upn")
_TRANSIENT = {FailureKind.TIMEOUT, FailureKind.CONNECT, FailureKind.DNS, FailureKind.UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class Invitation:
    """Where somebody consents, by which code if any, and for how many seconds that holds."""

    address: str
    seconds: float
    code: str | None = None


@dataclass(frozen=True, slots=True)
class _Device:
    """What is asked with while somebody makes up their mind."""

    code: str = field(repr=False)
    invitation: Invitation
    interval: float


def by_code(client: Client, invite: Callable[[Invitation], None]) -> Granted:
    """The tokens, once somebody has entered the code that `invite` is given.

    Raises ProbeError where they do not, or where the provider has no codes for this.
    """
    device = _device(client)
    invite(device.invitation)
    interval, end = device.interval, time.monotonic() + device.invitation.seconds
    while time.monotonic() < end:
        time.sleep(interval)
        try:
            return client.ask(BY_CODE, ONE_REQUEST, device_code=device.code)
        except RefusedError as error:
            if error.code not in {"authorization_pending", "slow_down"}:
                raise
            interval += SLOWER if error.code == "slow_down" else 0.0
        except ProbeError as error:
            if error.kind not in _TRANSIENT:
                raise
            interval += SLOWER
    raise client.endpoint.failed(FailureKind.TIMEOUT, "nobody has entered the code in time")


def scopes(client: Client) -> str:
    """What is asked for at the consent: what mail needs, and to be told who consents."""
    if client.oauth2.scopes is not None or client.oauth2.provider is None:
        return " ".join(client.scopes)
    return " ".join((*client.scopes, *_WHO))


def consent(client: Client, got: Granted) -> Consent:
    """What is kept of the tokens. Raises ProbeError where there is no refresh token among them."""
    if got.refresh_token is None:
        words = "gave no refresh token; a scope such as offline_access may be missing"
        raise client.endpoint.failed(FailureKind.DENIED, words)
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Consent(client.id, secrets.token_hex(8), got.refresh_token, at, who(got.id_token))


def who(id_token: str | None) -> str | None:
    """Whom an ID token names; it came straight from the provider, and needs no other proof.

    OpenID Connect Core, section 3.1.3.7, point 6.
    """
    try:
        payload = (id_token or "").split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        names = [claims.get(key) for key in _NAMES]
    except (ValueError, IndexError, AttributeError):
        return None
    return next((printable(name) for name in names if isinstance(name, str) and name), None)


def _device(client: Client) -> _Device:
    address = client.oauth2.device_endpoint
    if address is None:
        raise ProbeError(FailureKind.CONFIG, "the provider gives out no codes: use --browser")
    endpoint = Endpoint(address, client.oauth2.ca_file)
    form = urlencode({"client_id": client.oauth2.client_id or "", "scope": scopes(client)})
    reply = endpoint.post(form, ONE_REQUEST)
    check(endpoint, reply)
    told = _told(endpoint, reply)
    seconds = min(_seconds(told.get("expires_in"), LONGEST_WAIT), LONGEST_WAIT)
    place = told.get("verification_uri") or told.get("verification_url")
    if not all(isinstance(told.get(key), str) for key in ("device_code", "user_code")):
        raise _nonsense(endpoint, reply)
    if not isinstance(place, str):
        raise _nonsense(endpoint, reply)
    invitation = Invitation(printable(place), seconds, printable(told["user_code"]))
    interval = max(_seconds(told.get("interval"), USUAL_INTERVAL), SHORTEST_INTERVAL)
    return _Device(told["device_code"], invitation, interval)


def _told(endpoint: Endpoint, reply: Reply) -> Mapping[str, Any]:
    try:
        told = json.loads(reply.body)
    except ValueError:
        raise _nonsense(endpoint, reply) from None
    if not isinstance(told, dict):
        raise _nonsense(endpoint, reply)
    if "error" in told:
        said = str(told.get("error_description") or "").strip().splitlines()
        raise RefusedError(endpoint, str(told["error"])[:80], said[0] if said else "")
    return told


def _nonsense(endpoint: Endpoint, reply: Reply) -> ProbeError:
    words = f"HTTP {reply.status}, and not the answer of a device authorization endpoint"
    return endpoint.failed(FailureKind.PROTOCOL, words)


def _seconds(told: object, usual: float) -> float:
    return max(float(told), 0.0) if isinstance(told, int | float) else usual
