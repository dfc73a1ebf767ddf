"""What went wrong, as a value: exceptions and refusals become a Failure of the right kind."""

from __future__ import annotations

import re
import ssl
from base64 import b64encode
from typing import TYPE_CHECKING

from agent.model import Failure, FailureKind
from agent.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class ProbeError(Exception):
    """Ends a poll; carries the failure that the poll becomes.

    `quiet` says the same without the server's words, for when nobody knows whose words they are.
    `by_token_endpoint` says that it was no mail server that failed (see `Failure`).
    """

    def __init__(
        self,
        kind: FailureKind,
        detail: str,
        quiet: str | None = None,
        *,
        by_token_endpoint: bool = False,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.quiet = quiet or detail
        self.by_token_endpoint = by_token_endpoint


# RFC 3501, RFC 5530 and RFC 9051, section 7.1.
_IMAP_CODES: Mapping[bytes, FailureKind] = {
    b"AUTHENTICATIONFAILED": FailureKind.AUTH,
    b"AUTHORIZATIONFAILED": FailureKind.AUTH,
    b"EXPIRED": FailureKind.AUTH,
    b"WEBALERT": FailureKind.AUTH,
    b"PRIVACYREQUIRED": FailureKind.TLS,
    b"CONTACTADMIN": FailureKind.DENIED,
    b"NOPERM": FailureKind.DENIED,
    b"UNAVAILABLE": FailureKind.UNAVAILABLE,
    b"SERVERBUG": FailureKind.UNAVAILABLE,
    b"CORRUPTION": FailureKind.UNAVAILABLE,
    b"INUSE": FailureKind.LOCKED,
    b"OVERQUOTA": FailureKind.UNAVAILABLE,  # on a reading command; the password is not at fault
    b"LIMIT": FailureKind.THROTTLED,
    b"REFERRAL": FailureKind.DENIED,  # RFC 2221: this server does not have the mailbox
}

# RFC 2449, section 8, and RFC 3206.
_POP3_CODES: Mapping[bytes, FailureKind] = {
    b"AUTH": FailureKind.AUTH,
    b"IN-USE": FailureKind.LOCKED,
    b"LOGIN-DELAY": FailureKind.THROTTLED,
    b"SYS/TEMP": FailureKind.UNAVAILABLE,
    b"SYS/PERM": FailureKind.DENIED,
    b"CONTACTADMIN": FailureKind.DENIED,
    b"UNAVAILABLE": FailureKind.UNAVAILABLE,
}

# Exchange says it of every command after the login of somebody who may not read the mailbox.
_NOT_CONNECTED = re.compile(rb"authenticated but not connected", re.IGNORECASE)

# Servers say these in words, with no code or with a misleading one: the words are asked first.
_WORDS: tuple[tuple[re.Pattern[bytes], FailureKind], ...] = (
    (
        re.compile(
            rb"suggested backoff time|throttl|rate limit|bandwidth limit|exceeded the login limit"
            rb"|too many (?:simultaneous |concurrent )?(?:connections|logins|login attempts)"
            rb"|(?:maximum|max) number of (?:simultaneous )?(?:connections|logins)"
            rb"|connection limit|minimum time between",
            re.IGNORECASE,
        ),
        FailureKind.THROTTLED,
    ),
    (
        re.compile(
            # Not "the account is locked": that one is for its owner to unlock.
            rb"already (?:in use|locked)|(?:maildrop|mailbox)(?: is)? locked|unable to lock"
            rb"|lock busy",
            re.IGNORECASE,
        ),
        FailureKind.LOCKED,
    ),
    (_NOT_CONNECTED, FailureKind.DENIED),
    (
        re.compile(rb"temporar|internal (?:server )?error|service unavailable", re.IGNORECASE),
        FailureKind.UNAVAILABLE,
    ),
)
# Said of wrong passwords, too, so that a code knows better; and "try again" alone only of those.
_LATER = re.compile(rb"try again (?:later|in|after|shortly|soon)\b", re.IGNORECASE)
_PAUSE = re.compile(
    r"(?:suggested backoff time|retry after|try again (?:in|after))\W{0,3}([0-9]{1,9}) *"
    r"(milliseconds?|seconds?|minutes?|ms|s)\b",
    re.IGNORECASE,
)
_SECONDS = {
    "millisecond": 0.001,
    "milliseconds": 0.001,
    "ms": 0.001,
    "second": 1,
    "seconds": 1,
    "s": 1,
    "minute": 60,
    "minutes": 60,
}
_SHORT = 3  # characters
_LONGEST_REFUSAL = 1000  # bytes that are looked at; what servers say has a few hundred
_CODE = re.compile(rb"\[([A-Z][A-Z0-9/-]*+)[^\]]*+\]", re.IGNORECASE)


def kind_of_imap(text: bytes, otherwise: FailureKind) -> FailureKind:
    """The kind of a NO, BAD or BYE, by its words, else its response code, else `otherwise`."""
    return _kind(text, _IMAP_CODES, otherwise)


def kind_of_pop3(text: bytes, otherwise: FailureKind) -> FailureKind:
    """The kind of an -ERR, by its words, else its response code, else `otherwise`."""
    return _kind(text, _POP3_CODES, otherwise)


def is_not_connected(text: bytes) -> bool:
    """Whether a refusal says that the login worked, and that the mailbox is another matter."""
    return _NOT_CONNECTED.search(text[:_LONGEST_REFUSAL]) is not None


def _kind(text: bytes, codes: Mapping[bytes, FailureKind], otherwise: FailureKind) -> FailureKind:
    text = text[:_LONGEST_REFUSAL]
    for words, kind in _WORDS:
        if words.search(text):
            return kind
    code = _CODE.search(text)
    if code and code[1].upper() in codes:
        return codes[code[1].upper()]
    return FailureKind.UNAVAILABLE if _LATER.search(text) else otherwise


def refused(text: bytes, kind: FailureKind, what: str) -> ProbeError:
    """The error for a refusal in the server's own words; `what` names the refused step."""
    said = text.decode("utf-8", "replace").strip()
    plain = f"{what} refused"
    return ProbeError(kind, f"{plain}: {said}" if said else plain, quiet=plain)


def no_greeting(server: str, said: bytes) -> ProbeError:
    """The error for a service of another kind, in its own words, which give away what it is."""
    words = said.decode("utf-8", "replace").strip()
    return ProbeError(FailureKind.PROTOCOL, f"not the greeting of {server}: {words}")


def failure_of(
    error: Exception, stage: str, secrets: Iterable[str] = (), *, quiet: bool = False
) -> Failure:
    """The failure that any exception of a probe means, without the secrets it may quote.

    `stage` names what was being done. Some servers repeat in a refusal what they were sent.
    `quiet` leaves out what a server said.
    """
    kind, detail = _meaning(error, stage)
    if quiet and isinstance(error, ProbeError):
        detail = error.quiet
    for secret in secrets:
        detail = scrubbed(detail, secret)
    asked_for = _asked_for(kind, detail[:_LONGEST_REFUSAL])
    elsewhere = isinstance(error, ProbeError) and error.by_token_endpoint
    return Failure(kind, printable(detail), asked_for, by_token_endpoint=elsewhere)


def _asked_for(kind: FailureKind, detail: str) -> float | None:
    """The seconds for which a server that throttles wants to be left alone, where it says so."""
    asked = _PAUSE.search(detail) if kind is FailureKind.THROTTLED else None
    return float(asked[1]) * _SECONDS[asked[2].lower()] if asked else None


def _meaning(error: Exception, stage: str) -> tuple[FailureKind, str]:
    match error:
        case ProbeError():
            return error.kind, str(error)
        case TimeoutError():
            return FailureKind.TIMEOUT, f"no answer in time during {stage}"
        case ssl.SSLError():
            return _tls_meaning(error, stage)
        # One that is reset was made first: refusal to make one has an error of its own.
        case OSError() if stage == "connect" and not isinstance(error, ConnectionResetError):
            return FailureKind.CONNECT, _words(error)
        case OSError():
            return FailureKind.PROTOCOL, f"{_words(error)} during {stage}"
        case _:
            return FailureKind.PROTOCOL, f"unexpected answer during {stage}: {error}"


def _words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _tls_meaning(error: ssl.SSLError, stage: str) -> tuple[FailureKind, str]:
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return FailureKind.PROTOCOL, f"the server closed the connection during {stage}"
    return FailureKind.TLS, tls_words(error)


def tls_words(error: ssl.SSLError) -> str:
    """Why there is no TLS connection, in our words where they say more than the library's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}:
        return "TLS failed: the server does not speak TLS on this port"
    return f"TLS failed: {(error.reason or str(error)).replace('_', ' ').lower()}"


def scrubbed(text: str, secret: str) -> str:
    """The text without the secret, whole, escaped as a quoted string, or in base64."""
    if not secret:
        return text
    escaped = secret.replace("\\", "\\\\").replace('"', '\\"')
    encoded = b64encode(secret.encode()).decode()
    for form in (escaped, secret, encoded):
        # A short one is only replaced as a word: an "a" must not eat up the sentence.
        edge = r"" if len(form) > _SHORT else r"\b"
        text = re.sub(f"{edge}{re.escape(form)}{edge}", "[secret]", text)
    return text
