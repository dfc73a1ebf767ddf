"""The next step where a login by OAuth2 failed: at the provider, or at the mail server after it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent.model import FailureKind

if TYPE_CHECKING:
    from agent.config.accounts import Account
    from agent.config.oauth2 import OAuth2
    from agent.model import Failure

_REACH = (
    "check that this machine reaches https://{host} (by the proxy of HTTPS_PROXY, if it is set); "
    "the provider may be down: it is asked again by itself"
)
_LOGIN = "mailbox-agent login {name}"
_AT_THE_ENDPOINT = {
    FailureKind.DNS: _REACH,
    FailureKind.CONNECT: _REACH,
    FailureKind.TIMEOUT: _REACH,
    FailureKind.UNAVAILABLE: _REACH,
    FailureKind.TLS: "check token_url; for a certificate authority of your own set ca_file in "
    "[accounts.oauth2]",
    FailureKind.PROTOCOL: "check token_url of [accounts.oauth2]",
    FailureKind.CONFIG: "correct [accounts.oauth2] of the account",
}
# Words of failures, and what they mean for an operator; the first that fits counts.
_CAUSES = {
    "mailbox-agent login": _LOGIN,
    "for another client": _LOGIN,
    "clock is wrong": "set this machine's clock; with NTP it stays right",
    "mailbox-agent[jwt]": 'pip install "mailbox-agent[jwt]"',
    "invalid_client": "give the client a new secret or certificate at the provider, and the agent "
    "the same",
}
_REFUSED = {
    "refresh_token": f"consent anew: {_LOGIN}",
    "client_credentials": "check client_id and tenant, and that the client still exists",
    "service_account": "check that the key still exists, and that {user} is a mailbox of the "
    "Workspace",
}
_NOT_ALLOWED = {
    "refresh_token": "allow the client these scopes at the provider, then: mailbox-agent login "
    "{name}",
    "client_credentials": "give the client the application permission for {protocol}, and an "
    "administrator's consent to it",
    "service_account": "allow the service account the scope {scopes}: Google's Admin console, API "
    "controls, domain-wide delegation",
}
_NO_PERMISSION = {
    "refresh_token": "whoever consented may not read {user}: give them full access to it, or let "
    "its owner consent: mailbox-agent login {name}",
    "client_credentials": "let the application read {user}: New-ServicePrincipal once, then "
    'Add-MailboxPermission -Identity "{user}" -AccessRights FullAccess (docs/oauth2.md)',
    "service_account": "check that {user} is a mailbox, with {protocol} switched on",
}
_NO_MECHANISM = "offers no login by access token"
_NOT_OFFERED = "the mail server takes no access tokens: give the account a password instead"


def step(account: Account, oauth2: OAuth2, failure: Failure) -> str | None:
    """What to do next, in one line; None where it is as with a password."""
    words = _words(oauth2, failure)
    return words and words.format(
        host=urlsplit(oauth2.token_endpoint).netloc,
        name=shlex.quote(account.name),
        user=account.username,
        protocol=account.protocol.upper(),
        scopes=" ".join(oauth2.scopes_for(account.protocol)),
    )


def _words(oauth2: OAuth2, failure: Failure) -> str | None:
    if failure.by_token_endpoint:
        causes = (step for cause, step in _CAUSES.items() if cause in failure.detail)
        refused = {FailureKind.AUTH: _REFUSED, FailureKind.DENIED: _NOT_ALLOWED}
        steps = {**_AT_THE_ENDPOINT, **{kind: refused[kind][oauth2.grant] for kind in refused}}
        return next(causes, steps.get(failure.kind))
    if _NO_MECHANISM in failure.detail:
        return _NOT_OFFERED
    if failure.kind in {FailureKind.AUTH, FailureKind.DENIED}:
        return _NO_PERMISSION[oauth2.grant]
    return None
