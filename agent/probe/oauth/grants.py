"""What is asked of a token endpoint for each grant, and by what the client proves itself."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

import structlog

from agent.config.secrets import SecretError
from agent.model import FailureKind
from agent.probe.failures import ProbeError
from agent.probe.oauth import assertions
from agent.probe.oauth.answers import granted
from agent.probe.oauth.endpoint import Endpoint
from agent.probe.oauth.vault import Consent, VaultError

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.accounts import Account
    from agent.config.oauth2 import OAuth2
    from agent.config.secrets import Secret
    from agent.probe.oauth.answers import Granted
    from agent.probe.oauth.vault import Entry, Vault

_BY_ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523, section 2.1
_PROVEN_BY = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # the same, section 2.2
_NO_SECRETS = frozenset({"client_id", "client_assertion_type", "redirect_uri", "scope"})

log = structlog.get_logger()


class Client:
    """The client that one account's tokens are for. Its operations raise ProbeError."""

    def __init__(self, account: Account, oauth2: OAuth2) -> None:
        self.account, self.oauth2 = account, oauth2
        self.endpoint = Endpoint(oauth2.token_endpoint, oauth2.ca_file)
        self.scopes = oauth2.scopes_for(account.protocol)
        self._unwritten: Consent | None = None

    @property
    def id(self) -> str:
        """Whose a refresh token is, and no other client's."""
        return f"{self.oauth2.client_id} at {self.endpoint.url}"

    def ask(self, grant: str, seconds: float, **fields: str) -> Granted:
        """The tokens that the endpoint gives out for this grant."""
        from oauthlib.oauth2.rfc6749.parameters import prepare_token_request

        every = {key: text for key, text in (fields | self.proof()).items() if text}
        form = prepare_token_request(grant, **cast(dict[str, Any], every))
        secrets = [text for key, text in every.items() if key not in _NO_SECRETS]
        return granted(self.endpoint, self.endpoint.post(form, seconds), secrets)

    def proof(self) -> dict[str, str]:
        """Which client it is, and what proves it (RFC 6749, section 2.3.1; RFC 7523, 2.2)."""
        client_id = self.oauth2.client_id
        if client_id is None:
            return {}
        if file := self.oauth2.certificate_file:
            signed = assertions.of_certificate(file, client_id, self.endpoint.url)
            proven = {"client_assertion_type": _PROVEN_BY, "client_assertion": signed}
            return {"client_id": client_id, **proven}
        source = self.oauth2.client_secret_source
        return {"client_id": client_id} | (
            {"client_secret": reveal(source)} if source.given else {}
        )

    def obtain(self, vault: Vault, seconds: float) -> Granted:
        """A new access token, whatever grant it is by; `vault` has what people consented to."""
        scope = " ".join(self.scopes)
        match self.oauth2.grant:
            case "client_credentials":
                return self.ask("client_credentials", seconds, scope=scope)
            case "service_account":
                return self.ask(_BY_ASSERTION, seconds, assertion=self._statement())
            case "refresh_token":
                return self._refresh(vault, scope, seconds)

    def credential(self, vault: Vault) -> str:
        """What must change before a refused grant is worth another try."""
        oauth2 = self.oauth2
        proof = reveal(oauth2.client_secret_source) if oauth2.client_secret_source.given else ""
        for file in filter(None, (oauth2.certificate_file, oauth2.key_file)):
            proof += assertions.read(file, file.name)
        if oauth2.grant != "refresh_token":
            return f"{self.id}\0{proof}"
        try:
            consent = self._consent(vault.read(self.account.name))
        except VaultError as error:
            raise unusable(str(error)) from None
        return f"{self.id}\0{proof}\0{consent.grant}"

    def version(self, vault: Vault) -> tuple[float | None, ...]:
        """When each file was written that a new token depends on; a command is not asked."""
        files = (vault.path(self.account.name), *self.oauth2.secret_files)
        return tuple(map(_written_at, files))

    def _statement(self) -> str:
        mailbox, audience = self.account.username, self.endpoint.url
        assert self.oauth2.key_file  # noqa: S101  as the configuration requires for the grant
        return assertions.of_service_account(self.oauth2.key_file, mailbox, self.scopes, audience)

    def _refresh(self, vault: Vault, scope: str, seconds: float) -> Granted:
        """A token by the refresh token, which nobody else uses meanwhile (RFC 6749, section 6)."""
        end = monotonic() + seconds
        try:
            with vault.locked(self.account.name, seconds) as entry:
                consent = self._latest(entry)
                entry.make_room()
                left, token = max(end - monotonic(), 0.1), consent.refresh_token
                got = self.ask("refresh_token", left, refresh_token=token, scope=scope)
                if got.refresh_token and got.refresh_token != token:
                    self._keep(entry, consent.rotated(got.refresh_token))
                return got
        except VaultError as error:
            raise unusable(str(error)) from None
        except TimeoutError:
            words = "another process has been using the refresh token for too long"
            raise self.endpoint.failed(FailureKind.TIMEOUT, words) from None

    def _latest(self, entry: Entry) -> Consent:
        """The refresh token that is good now; one that could not be written before is written."""
        consent, unwritten = self._consent(entry.read()), self._unwritten
        if unwritten is None or unwritten.grant != consent.grant:
            return consent
        entry.write(unwritten)
        self._unwritten = None
        return unwritten

    def _keep(self, entry: Entry, consent: Consent) -> None:
        """Write a new refresh token, or hold it until that can be done: the old one is gone."""
        try:
            entry.write(consent)
        except VaultError as error:
            self._unwritten = consent
            log.warning("token.not_kept", account=self.account.name, problem=str(error))

    def _consent(self, stored: Consent | None) -> Consent:
        """The refresh token that is configured, as the provider has replaced it since; or kept."""
        source = self.oauth2.refresh_token_source
        if source.given:
            token = reveal(source)
            grant = f"configured {blake2b(token.encode(), digest_size=16).hexdigest()}"
            if stored and (stored.client, stored.grant) == (self.id, grant):
                return stored
            return Consent(self.id, grant, token, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        if stored is None:
            raise unusable(f"nobody has consented yet: mailbox-agent login {self.account.name}")
        if stored.client != self.id:
            raise unusable(f"the consent in {self.account.name}'s token file is for another client")
        return stored


def _written_at(file: Path) -> float | None:
    try:
        return file.stat().st_mtime
    except OSError:
        return None


def reveal(secret: Secret) -> str:
    """A secret of the configuration. Raises ProbeError where it cannot be had."""
    try:
        return secret.reveal()
    except SecretError as error:
        raise unusable(str(error)) from None


def unusable(words: str) -> ProbeError:
    """The error where it is not the provider that is at fault."""
    return ProbeError(FailureKind.CONFIG, words, by_token_endpoint=True)
