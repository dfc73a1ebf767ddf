from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.cli.hints import next_step, problem
from agent.model import Failure, FailureKind
from tests.support.accounts import account

if TYPE_CHECKING:
    from agent.config.accounts import Account

STEPS = [
    ("tls", "certificate not accepted: Hostname mismatch, ...", 993, "implicit", "names"),
    ("tls", "certificate not accepted: certificate has expired", 993, "implicit", "renewed"),
    ("tls", "certificate not accepted: self-signed certificate", 993, "implicit", "--ca-file"),
    ("tls", "the server does not speak TLS on this port", 2143, "implicit", "try imap://"),
    ("tls", "the server does not offer STARTTLS", 2993, "starttls", "try imaps://"),
    ("tls", "the server does not speak TLS on this port", 143, "implicit", "does not go with"),
    ("timeout", "no answer in time", 443, "implicit", "port 443 is usually a web server"),
    ("protocol", "HTTP/1.1 400 Bad Request", 80, "none", "port 80 is usually a web server"),
    ("protocol", "+OK ready", 995, "implicit", "port 995 is usually POP3; IMAP is on 993"),
    ("timeout", "no answer in time", 993, "starttls", "does not go with tls starttls"),
    ("timeout", "no answer in time", 993, "implicit", "--timeout"),
    ("connect", "Connection refused", 2000, "implicit", "firewall"),
    ("auth", "wrong", 443, "implicit", "IMAP switched on"),
]


@pytest.mark.parametrize(("kind", "detail", "port", "tls", "step"), STEPS)
def test_a_failure_comes_with_the_step_that_helps(
    kind: str, detail: str, port: int, tls: str, step: str
) -> None:
    assert step in next_step(account(port, tls=tls), Failure(FailureKind(kind), detail))


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_every_kind_of_failure_has_a_next_step(kind: FailureKind, protocol: str) -> None:
    step = next_step(account(2000, protocol), Failure(kind, "{braces} of a server"))
    assert step
    assert "{" not in step


LOGINS: dict[str, dict[str, Any]] = {
    "refresh_token": {"provider": "microsoft", "client_id": "agent"},
    "client_credentials": {
        "provider": "microsoft",
        "tenant": "example.com",
        "grant": "client_credentials",
        "client_id": "agent",
        "client_secret": "wonderland",
    },
    "service_account": {"provider": "google", "grant": "service_account", "key_file": "key.json"},
}
REVOKED = "the consent was revoked or has ended, or never held (invalid_grant)"
EXPIRED = "the client's id or secret is wrong or has expired (invalid_client)"
NOT_CONNECTED = "LIST refused: User is authenticated but not connected."


def by_token(grant: str) -> Account:
    return account(993, tls="implicit", password=None, oauth2=LOGINS[grant])


@pytest.mark.parametrize(
    ("grant", "kind", "detail", "step"),
    [
        ("refresh_token", "auth", REVOKED, "mailbox-agent login anna"),
        (
            "refresh_token",
            "config",
            "nobody has consented: mailbox-agent login anna",
            "login anna",
        ),
        ("refresh_token", "denied", "(invalid_scope)", "allow the client these scopes"),
        ("client_credentials", "auth", EXPIRED, "a new secret or certificate"),
        (
            "client_credentials",
            "denied",
            "(unauthorized_client)",
            "permission for IMAP",
        ),
        ("service_account", "auth", REVOKED, "that anna is a mailbox"),
        ("service_account", "denied", "(unauthorized_client)", "domain-wide delegation"),
        ("service_account", "config", "this machine's clock is wrong (invalid_grant)", "NTP"),
        ("service_account", "config", 'needs pip install "mailbox-agent[jwt]"', "pip install"),
        ("client_credentials", "unavailable", "HTTP 503", "reaches https://login.microsoftonline"),
        ("service_account", "connect", "refused", "reaches https://oauth2.googleapis.com (by the"),
        ("refresh_token", "tls", "certificate not accepted", "token_url"),
    ],
)
def test_a_failure_at_the_provider_comes_with_the_step_there(
    grant: str, kind: str, detail: str, step: str
) -> None:
    failure = Failure(FailureKind(kind), detail, by_token_endpoint=True)
    assert step in next_step(by_token(grant), failure)
    told = problem(by_token(grant), failure)
    assert told
    assert "(tried OAuth2)" in told


@pytest.mark.parametrize(
    ("grant", "kind", "detail", "step"),
    [
        ("client_credentials", "denied", NOT_CONNECTED, 'Add-MailboxPermission -Identity "anna"'),
        ("refresh_token", "denied", NOT_CONNECTED, "whoever consented may not read anna"),
        ("service_account", "auth", "login refused", "with IMAP switched on"),
        (
            "refresh_token",
            "denied",
            "offers no login by access token",
            "a password instead",
        ),
        ("refresh_token", "timeout", "no answer in time", "--timeout"),
        ("refresh_token", "tls", "certificate has expired", "renewed"),
    ],
)
def test_a_failure_after_the_token_comes_with_the_step_that_helps(
    grant: str, kind: str, detail: str, step: str
) -> None:
    assert step in next_step(by_token(grant), Failure(FailureKind(kind), detail))


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("grant", LOGINS)
@pytest.mark.parametrize("by_token_endpoint", [False, True])
def test_every_kind_of_failure_of_a_token_has_a_next_step(
    kind: FailureKind, grant: str, *, by_token_endpoint: bool
) -> None:
    failure = Failure(kind, "{braces} of a server", by_token_endpoint=by_token_endpoint)
    step = next_step(by_token(grant), failure)
    assert step
    assert "{" not in step
