"""What logins are tried with: passwords, and access tokens that may end before they should."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, NamedTuple

from agent.config.secrets import SecretError
from agent.model import FailureKind
from agent.probe import bearer
from agent.probe.failures import ProbeError

if TYPE_CHECKING:
    from agent.config.accounts import Account
    from agent.probe.deadline import Deadline
    from agent.probe.oauth.tokens import Token, Tokens


class Credential(NamedTuple):
    """A password, or an access token; `held` is one that was given out before this poll."""

    secret: str
    held: Token | None = None


class Credentials:
    """The credentials of all accounts. Raises ProbeError where one cannot be had."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def get(self, account: Account, deadline: Deadline) -> Credential:
        """What the account's login is tried with."""
        if account.oauth2 is None:
            try:
                return Credential(account.secret().reveal())
            except SecretError as error:
                raise ProbeError(FailureKind.CONFIG, str(error)) from None
        token, is_new = self._tokens.get(account, account.oauth2, deadline)
        return Credential(token.value, None if is_new else token)

    def another(
        self, account: Account, rejected: Credential, deadline: Deadline
    ) -> Credential | None:
        """What is worth a second try at once: a new token in the place of one that was held.

        Providers revoke tokens, and servers forget them; that is no rejected login.
        """
        if account.oauth2 is None or rejected.held is None:
            return None
        token = self._tokens.renew(account, account.oauth2, rejected.held, deadline)
        return Credential(token.value)

    def identity(self, account: Account) -> str:
        """What must change before a rejected login is tried again; empty: it cannot be told."""
        if account.oauth2:
            return self._tokens.credential(account, account.oauth2)
        return password(account)


def password(account: Account) -> str:
    """The account's password; empty where it has none, or it cannot be had now."""
    try:
        return account.secret().reveal()
    except SecretError:
        return ""


def forms(account: Account, secret: str) -> tuple[str, ...]:
    """A credential in every form in which it crosses the wire."""
    if account.oauth2:
        return bearer.forms(account.username, secret, account.server)
    return secret, b64encode(f"\0{account.username}\0{secret}".encode()).decode()
