"""OAuth2 in the place of a password: by which grant, and from where, access tokens are had."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from agent.config.base import FilePath, Table
from agent.config.providers import PROVIDERS
from agent.config.secrets import Secret, SecretCommand, SecretText, one_of_three
from agent.config.texts import Line

Protocol = Literal["imap", "pop3"]
Grant = Literal["refresh_token", "client_credentials", "service_account"]

_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1", re.ASCII)
_FORM = 'needs a URL such as "https://login.example.com/token"'


def _url(url: str) -> str:
    """An address that secrets may go to: over TLS, or no further than this machine."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(_FORM) from None
    if not re.fullmatch(r"https?://[\x21-\x7e]+", url) or not named or parts.fragment:
        raise ValueError(_FORM)
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or password")
    if parts.scheme == "http" and not _LOOPBACK.fullmatch(parts.hostname or ""):
        raise ValueError("needs https://, since secrets go there")
    return url


def _tenant(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", name, re.ASCII):
        raise ValueError("needs the organisation's id or domain, such as example.onmicrosoft.com")
    return name


Url = Annotated[str, AfterValidator(_url)]


class OAuth2(Table):
    """A login by OAuth2 instead of a password. What a provider sets can be set otherwise."""

    provider: Literal["google", "microsoft"] | None = Field(
        None,
        description="Whose addresses and scopes are meant; else `token_url` and `scopes` are.",
        examples=["microsoft"],
    )
    grant: Grant = Field(
        "refresh_token",
        description=(
            "`refresh_token`: somebody consents once, by `mailbox-agent login`; "
            "`client_credentials`: the application itself is allowed to read the mailboxes; "
            "`service_account`: it acts for the mailboxes of a Google Workspace."
        ),
    )
    tenant: Annotated[Line, AfterValidator(_tenant)] | None = Field(
        None,
        description=(
            "The organisation's id or domain at Microsoft; by default `common`, with which only "
            "people can consent."
        ),
        examples=["example.onmicrosoft.com"],
    )
    client_id: Line | None = Field(
        None,
        description="The application's id, as registered with the provider.",
        examples=["00000000-0000-0000-0000-000000000000"],
    )
    client_secret: SecretText | None = Field(
        None, description="Its secret, where it has one.", examples=["..."]
    )
    client_secret_file: FilePath | None = Field(
        None, description="File that holds it.", examples=["/run/secrets/client"]
    )
    certificate_file: FilePath | None = Field(
        None,
        description=(
            "Instead of a secret: file with a certificate that is registered with the "
            "application, and its private key (PEM); needs mailbox-agent[jwt]."
        ),
        examples=["/run/secrets/client.pem"],
    )
    client_secret_command: Annotated[
        SecretCommand | None, one_of_three("client_secret", "certificate_file", optional=True)
    ] = Field(
        None,
        validate_default=True,
        description="Command that prints the secret: a list of arguments, run without a shell.",
        examples=[["pass", "show", "mail/client"]],
    )
    key_file: FilePath | None = Field(
        None,
        description=(
            "Key of the service account (JSON), as Google gives it out; needs mailbox-agent[jwt]."
        ),
        examples=["/run/secrets/service-account.json"],
    )
    refresh_token: SecretText | None = Field(
        None,
        description="Refresh token from elsewhere, instead of `mailbox-agent login`.",
        examples=["..."],
    )
    refresh_token_file: FilePath | None = Field(
        None, description="File that holds it; it is never written.", examples=["/run/secrets/anna"]
    )
    refresh_token_command: Annotated[
        SecretCommand | None, one_of_three("refresh_token", optional=True)
    ] = Field(
        None,
        validate_default=True,
        description="Command that prints it: a list of arguments, run without a shell.",
        examples=[["pass", "show", "mail/anna"]],
    )
    scopes: tuple[Line, ...] | None = Field(
        None,
        description="What the tokens are for, instead of what the provider needs for the protocol.",
        examples=[["https://mail.google.com/"]],
    )
    token_url: Url | None = Field(
        None,
        description="Address that gives out access tokens (RFC 6749, section 3.2).",
        examples=["https://login.example.com/token"],
    )
    device_url: Url | None = Field(
        None,
        description="Address at which `login` asks for a code (RFC 8628, section 3.1).",
        examples=["https://login.example.com/device"],
    )
    authorization_url: Url | None = Field(
        None,
        description="Address at which people consent in a browser (RFC 6749, section 3.1).",
        examples=["https://login.example.com/authorize"],
    )
    ca_file: FilePath | None = Field(
        None,
        description="Certificates (PEM) to trust for these addresses instead of the system's.",
        examples=["/etc/ssl/example-ca.pem"],
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for problem in (*self._of_the_provider(), *self._of_the_grant()):
            raise ValueError(problem)
        return self

    def _of_the_provider(self) -> list[str]:
        preset, problems = PROVIDERS[self.provider], list[str]()
        if not (preset.token_url or self.token_url):
            problems.append("needs provider or token_url")
        if preset.scopes and not any(grant == self.grant for grant, _ in preset.scopes):
            problems.append(f'grant "{self.grant}" does not go with provider "{self.provider}"')
        if self.tenant and self.provider != "microsoft":
            problems.append('tenant goes with provider "microsoft" only')
        by_itself = self.grant == "client_credentials" and not self.token_url
        if by_itself and self.provider == "microsoft" and not self.tenant:
            problems.append(f'grant "{self.grant}" needs tenant')
        return problems

    def _of_the_grant(self) -> list[str]:
        proof = self.client_secret_source.given or self.certificate_file is not None
        given = {
            "client_id": self.client_id is not None,
            "client_secret or certificate_file": proof,
            "refresh_token": self.refresh_token_source.given,
            "key_file": self.key_file is not None,
        }
        needed, allowed = _KEYS[self.grant]
        missing = [key for key in needed if not given[key]]
        extra = [key for key in given if given[key] and key not in needed + allowed]
        problems = [f'grant "{self.grant}" needs {key}' for key in missing]
        return problems + [f'{key} does not go with grant "{self.grant}"' for key in extra]

    @property
    def token_endpoint(self) -> str:
        """The address that gives out access tokens."""
        return self._address(self.token_url or PROVIDERS[self.provider].token_url)

    @property
    def device_endpoint(self) -> str | None:
        """The address that gives out codes to consent by; None where the provider has none."""
        address = self.device_url or PROVIDERS[self.provider].device_url
        return self._address(address) if address else None

    @property
    def authorization_endpoint(self) -> str | None:
        """The address at which people consent in a browser."""
        address = self.authorization_url or PROVIDERS[self.provider].authorization_url
        return self._address(address) if address else None

    @property
    def consent_parameters(self) -> dict[str, str]:
        """What that address is told beside what RFC 6749 says."""
        return dict(PROVIDERS[self.provider].consent)

    @property
    def client_secret_source(self) -> Secret:
        """Where the application's secret comes from; not `given` where it has none."""
        value = _revealed(self.client_secret)
        return Secret("client_secret", value, self.client_secret_file, self.client_secret_command)

    @property
    def refresh_token_source(self) -> Secret:
        """Where a refresh token comes from that is configured; not `given` without one."""
        value = _revealed(self.refresh_token)
        return Secret("refresh_token", value, self.refresh_token_file, self.refresh_token_command)

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """Every file of the administrator's that must be private."""
        files = (
            self.client_secret_file, self.certificate_file, self.key_file, self.refresh_token_file,
        )  # fmt: skip
        return tuple(file for file in files if file is not None)

    def scopes_for(self, protocol: Protocol) -> tuple[str, ...]:
        """What tokens for this protocol are asked for; none: what the provider gives by itself."""
        if self.scopes is not None:
            return self.scopes
        return PROVIDERS[self.provider].scopes.get((self.grant, protocol), ())

    def _address(self, url: str) -> str:
        return url.replace("{tenant}", self.tenant or "common")


_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # what a grant needs, and may have
    "refresh_token": (("client_id",), ("client_secret or certificate_file", "refresh_token")),
    "client_credentials": (("client_id", "client_secret or certificate_file"), ()),
    "service_account": (("key_file",), ()),
}


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
