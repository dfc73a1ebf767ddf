"""What is known of providers of OAuth2: their addresses, and the scopes that mail needs."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Provider(NamedTuple):
    """What is known of a provider; `{tenant}` in a URL is the organisation's name there.

    `scopes` are by grant and protocol; a grant that has none does not go with the provider.
    `consent` are further parameters of the address at which people consent.
    """

    token_url: str = ""
    authorization_url: str | None = None
    device_url: str | None = None
    scopes: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType({})
    consent: Mapping[str, str] = MappingProxyType({})


_MICROSOFT = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0"
_DELEGATED = "https://outlook.office.com/{}.AccessAsUser.All"
_AS_THE_APP = ("https://outlook.office365.com/.default",)
_GMAIL = ("https://mail.google.com/",)
PROVIDERS: Mapping[str | None, Provider] = {
    None: Provider(),
    "google": Provider(
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106  an address
        authorization_url="https://accounts.google.com/o/oauth2/v2/auth",
        device_url=None,  # Google's device flow does not give out the scope of mail
        scopes={
            ("refresh_token", "imap"): _GMAIL,
            ("refresh_token", "pop3"): _GMAIL,
            ("service_account", "imap"): _GMAIL,
            ("service_account", "pop3"): _GMAIL,
        },
        # Without these Google gives out a refresh token at the very first consent only, or none.
        consent={"access_type": "offline", "prompt": "consent"},
    ),
    "microsoft": Provider(
        token_url=f"{_MICROSOFT}/token",
        authorization_url=f"{_MICROSOFT}/authorize",
        device_url=f"{_MICROSOFT}/devicecode",
        scopes={
            ("refresh_token", "imap"): (_DELEGATED.format("IMAP"), "offline_access"),
            ("refresh_token", "pop3"): (_DELEGATED.format("POP"), "offline_access"),
            ("client_credentials", "imap"): _AS_THE_APP,
            ("client_credentials", "pop3"): _AS_THE_APP,
        },
    ),
}
