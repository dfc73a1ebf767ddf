"""The next step for a mailbox that could not be read, or whose limit is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.cli import oauth_hints
from agent.discover import providers
from agent.model import Failure, FailureKind, QuotaState, Reading

if TYPE_CHECKING:
    from agent.config.accounts import Account
    from agent.model import Outcome

_PORTS = {"imap": {"implicit": 993, "starttls": 143}, "pop3": {"implicit": 995, "starttls": 110}}
_OTHER_SERVICES = {
    22: "SSH",
    25: "SMTP",
    80: "a web server",
    443: "a web server",
    465: "SMTP",
    587: "SMTP",
    8080: "a web server",
    8443: "a web server",
}
_KINDS = {
    FailureKind.DNS: "check the spelling of the host name, and that this machine can resolve it",
    FailureKind.CONNECT: "check host and port, and that a firewall lets this machine through",
    FailureKind.TLS: "check that host and port are those of the mail server's TLS service",
    FailureKind.TIMEOUT: "check host, port and firewall; for a slow server raise --timeout",
    FailureKind.AUTH: "check user name and password; many providers want an app password, "
    "or {protocol} switched on in the account's settings",
    FailureKind.DENIED: "ask the mail server's operator to allow {protocol} for this account",
    FailureKind.THROTTLED: "wait, then poll less often or with fewer connections",
    FailureKind.LOCKED: "another session holds the mailbox: try again later",
    FailureKind.UNAVAILABLE: "the server says that it cannot serve now: try again later",
    FailureKind.PROTOCOL: "check that host and port are those of the {protocol} server",
    FailureKind.CONFIG: "correct the account's settings",
}
# Words of TLS failures, in lower case, and what they mean for an operator.
_OWN_AUTHORITY = "for a certificate authority of your own give --ca-file or ca_file"
_TLS_CAUSES = {
    "hostname mismatch": "use a host name that the certificate names",
    "ip address mismatch": "use the host name that the certificate names, not an address",
    "certificate has expired": "the certificate must be renewed on the server",
    "self-signed": _OWN_AUTHORITY,
    "self signed": _OWN_AUTHORITY,
    "unable to get local issuer": _OWN_AUTHORITY,
    "does not speak tls": "{without_tls}",
    "does not offer": "{from_the_start}",
    "protocol version": "the server must offer TLS 1.2 or newer",
    "unsupported protocol": "the server must offer TLS 1.2 or newer",
}
_TLS_WORDS = {
    "implicit": "TLS from the start",
    "starttls": "STARTTLS",
    "none": "without TLS",
}
# How services greet that are none of ours, or the other one.
_GREETINGS = {
    "SSH-": "SSH",
    "220": "SMTP or FTP",
    "HTTP/": "a web server",
    "* OK": "IMAP",
    "+OK": "POP3",
}
_SILENT = {
    "implicit": "TLS works, but no mail server speaks: check that the port is the {protocol} "
    "server's; for a slow server raise --timeout",
    "starttls": "if the port expects TLS from the start, {from_the_start}; "
    "else check host and port, or raise --timeout",
    "none": "if the port expects TLS from the start, {from_the_start}; "
    "else check host and port, or raise --timeout",
}
_NO_LIMIT = {
    QuotaState.UNSUPPORTED: "no limit is known: the server tells no quota",
    QuotaState.DENIED: "no limit is known: the server refuses to tell the quota",
    QuotaState.INVALID: "no limit is known: the server's quota cannot be believed",
}
_SET_A_LIMIT = 'set limit = "2 GiB" for the account, or add ?limit=2GiB to the URL'
_PORT_MATTERS = {
    FailureKind.CONNECT,
    FailureKind.TLS,
    FailureKind.TIMEOUT,
    FailureKind.PROTOCOL,
}


def next_step(account: Account, failure: Failure) -> str:
    """What to do about a failed poll, in one line."""
    if account.oauth2 and (step := oauth_hints.step(account, account.oauth2, failure)):
        return step
    step = _port_step(account) if failure.kind in _PORT_MATTERS else None
    step = step or _cause(account, failure)
    protocol, ports = account.protocol, _PORTS[account.protocol]
    return (step or _KINDS[failure.kind]).format(
        protocol=protocol.upper(),
        without_tls=f"try {protocol}:// with port {ports['starttls']} (STARTTLS)",
        from_the_start=f"try {protocol}s:// with port {ports['implicit']} (TLS from the start)",
    )


def _cause(account: Account, failure: Failure) -> str | None:
    """What the words of a failure give away."""
    match failure.kind:
        case FailureKind.TLS:
            return _tls_cause(failure.detail)
        case FailureKind.TIMEOUT if failure.detail.endswith("during greeting"):
            return _SILENT[account.tls]
        case FailureKind.AUTH:
            provider = providers.of_host(account.server.host)
            return provider.advice if provider else None
        case FailureKind.PROTOCOL:
            return _greeting(account, failure.detail.partition(" server: ")[2])
        case _:
            return None


def _greeting(account: Account, said: str) -> str | None:
    services = (service for start, service in _GREETINGS.items() if said.startswith(start))
    service = next(services, None)
    return f"that is {service}; {_usual(account.protocol)}" if service else None


def _tls_cause(detail: str) -> str | None:
    said = detail.lower()
    return next((step for cause, step in _TLS_CAUSES.items() if cause in said), None)


def _port_step(account: Account) -> str | None:
    """What a port gives away that is not the usual one of this protocol."""
    port, usual = account.server.port, _PORTS[account.protocol]
    if service := _OTHER_SERVICES.get(port):
        return f"port {port} is usually {service}; {_usual(account.protocol)}"
    for protocol, ports in _PORTS.items():
        if protocol != account.protocol and port in ports.values():
            return f"port {port} is usually {protocol.upper()}; {_usual(account.protocol)}"
    if port in usual.values() and usual.get(account.tls, port) != port:
        return f"port {port} does not go with tls {account.tls}; {_usual(account.protocol)}"
    return None


def _usual(protocol: str) -> str:
    ports = _PORTS[protocol]
    return (
        f"{protocol.upper()} is on {ports['implicit']} with TLS ({protocol}s://), "
        f"on {ports['starttls']} with STARTTLS ({protocol}://)"
    )


def problem(account: Account, outcome: Outcome) -> str | None:
    """What is wrong, what was tried and what to do next, in one line; None where all is well."""
    match outcome:
        case Failure(kind=kind, detail=detail):
            said, step = detail.rstrip("."), next_step(account, outcome)
            tried = "OAuth2" if outcome.by_token_endpoint else _tried(account)
            return f"{kind}: {said} (tried {tried}). Next: {step}."
        case Reading(quota_state=state) if state in _NO_LIMIT and not outcome.tightest:
            return f"{_NO_LIMIT[state]}. Next: {_SET_A_LIMIT}."
        case Reading():
            return None


def _tried(account: Account) -> str:
    return f"{account.protocol.upper()} at {account.server}, {_TLS_WORDS[account.tls]}"
