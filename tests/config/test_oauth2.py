"""What a login by OAuth2 needs, what providers set, and what is refused with which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.config.accounts import ImapAccount, Pop3Account
from agent.config.errors import ConfigError
from agent.config.load import load
from agent.config.oauth2 import OAuth2
from agent.config.privacy import warnings
from agent.config.settings import StoreSettings

if TYPE_CHECKING:
    from pathlib import Path

TENANT = "example.onmicrosoft.com"
MICROSOFT = "https://login.microsoftonline.com"
SECRET = "hunter2"
BY_ITSELF = 'grant = "client_credentials", client_id = "a", client_secret = "hunter2"'
ACCOUNT = """
[[accounts]]
name = "anna"
protocol = "{protocol}"
server = "mail.example.com"
username = "anna@example.com"
oauth2 = {oauth2}
"""


def write(folder: Path, oauth2: str, protocol: str = "imap") -> Path:
    file = folder / "config.toml"
    file.write_text(ACCOUNT.format(protocol=protocol, oauth2=f"{{ {oauth2} }}"))
    file.chmod(0o600)
    return file


def problems(folder: Path, oauth2: str) -> list[str]:
    file = write(folder, oauth2)
    with pytest.raises(ConfigError) as caught:
        load(file)
    return [line.removeprefix(f"{file}: ") for line in caught.value.lines]


def oauth2(**keys: Any) -> OAuth2:
    return OAuth2.model_validate({"client_id": "agent"} | keys)


def test_a_table_of_an_account_is_a_login(tmp_path: Path) -> None:
    keys = 'provider = "microsoft", client_id = "agent", client_secret_file = "secret"'
    (account,) = load(write(tmp_path, keys)).accounts
    assert isinstance(account, ImapAccount)
    assert account.oauth2
    assert account.oauth2.client_secret_file == tmp_path / "secret"
    assert not account.secret().given


def test_a_pop3_account_can_have_one_too(tmp_path: Path) -> None:
    (account,) = load(write(tmp_path, 'provider = "google", client_id = "a"', "pop3")).accounts
    assert isinstance(account, Pop3Account)
    assert account.oauth2


def test_what_microsoft_needs_is_known_by_grant_and_protocol() -> None:
    consented = oauth2(provider="microsoft")
    by_itself = oauth2(
        provider="microsoft", tenant=TENANT, grant="client_credentials", client_secret=SECRET
    )
    assert consented.token_endpoint == f"{MICROSOFT}/common/oauth2/v2.0/token"
    assert by_itself.token_endpoint == f"{MICROSOFT}/{TENANT}/oauth2/v2.0/token"
    assert by_itself.device_endpoint == f"{MICROSOFT}/{TENANT}/oauth2/v2.0/devicecode"
    assert by_itself.authorization_endpoint == f"{MICROSOFT}/{TENANT}/oauth2/v2.0/authorize"
    delegated = "https://outlook.office.com/{}.AccessAsUser.All"
    assert consented.scopes_for("imap") == (delegated.format("IMAP"), "offline_access")
    assert consented.scopes_for("pop3") == (delegated.format("POP"), "offline_access")
    for protocol in ("imap", "pop3"):
        assert by_itself.scopes_for(protocol) == ("https://outlook.office365.com/.default",)


def test_what_google_needs_is_known() -> None:
    known = oauth2(provider="google")
    assert known.token_endpoint == "https://oauth2.googleapis.com/token"
    assert known.device_endpoint is None  # it does not give out the scope of mail by a code
    assert known.authorization_endpoint == "https://accounts.google.com/o/oauth2/v2/auth"
    assert known.scopes_for("imap") == known.scopes_for("pop3") == ("https://mail.google.com/",)
    assert known.consent_parameters["access_type"] == "offline"


def test_all_that_a_provider_sets_can_be_set_otherwise() -> None:
    own = "https://login.example.com"
    other = oauth2(
        provider="google",
        token_url=f"{own}/token",
        device_url=f"{own}/device",
        authorization_url=f"{own}/authorize",
        scopes=["mail"],
    )
    assert other.token_endpoint == f"{own}/token"
    assert other.device_endpoint == f"{own}/device"
    assert other.authorization_endpoint == f"{own}/authorize"
    assert other.scopes_for("imap") == ("mail",)


def test_another_provider_needs_an_address_and_no_more() -> None:
    other = oauth2(token_url="https://login.example.com/token")
    assert other.scopes_for("imap") == ()
    assert other.authorization_endpoint is None


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ('client_id = "a"', "needs provider or token_url"),
        ('provider = "google"', 'grant "refresh_token" needs client_id'),
        (
            f'provider = "google", {BY_ITSELF}',
            'grant "client_credentials" does not go with provider "google"',
        ),
        (
            'provider = "microsoft", grant = "service_account", key_file = "k"',
            'grant "service_account" does not go with provider "microsoft"',
        ),
        (
            f'provider = "microsoft", {BY_ITSELF}',
            'grant "client_credentials" needs tenant',
        ),
        (
            'provider = "microsoft", grant = "client_credentials", client_id = "a", tenant = "t"',
            'grant "client_credentials" needs client_secret or certificate_file',
        ),
        (
            'provider = "google", grant = "service_account"',
            'grant "service_account" needs key_file',
        ),
        (
            'provider = "google", grant = "service_account", key_file = "k", client_id = "a"',
            'client_id does not go with grant "service_account"',
        ),
        (
            'provider = "google", client_id = "a", key_file = "k"',
            'key_file does not go with grant "refresh_token"',
        ),
        (
            f'provider = "microsoft", tenant = "t", {BY_ITSELF}, refresh_token = "hunter2"',
            'refresh_token does not go with grant "client_credentials"',
        ),
        (
            'provider = "google", client_id = "a", tenant = "t"',
            'tenant goes with provider "microsoft" only',
        ),
    ],
)
def test_what_does_not_go_together_is_told(tmp_path: Path, keys: str, line: str) -> None:
    assert problems(tmp_path, keys) == [f'account "anna": oauth2: {line}']


def test_an_unknown_provider_is_refused(tmp_path: Path) -> None:
    told = problems(tmp_path, 'provider = "hunter2", client_id = "a"')
    assert told == ['account "anna": oauth2: provider: must be one of "google" or "microsoft"']


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ('token_url = "http://login.example.com/token"', "needs https://, since secrets go there"),
        ('token_url = "http://127.0.0.1.example.com/"', "needs https://, since secrets go there"),
        ('token_url = "https://hunter2:b@host/"', "must not hold a user or password"),
        ('token_url = "login.example.com"', None),
        ('token_url = "https://"', None),
        ('token_url = "https://host:0/"', None),
        ('token_url = "https://host/ a"', None),
        ('token_url = "https://host/#a"', None),
    ],
)
def test_an_address_must_be_one_that_secrets_may_go_to(
    tmp_path: Path, keys: str, line: str | None
) -> None:
    form = 'needs a URL such as "https://login.example.com/token"'
    told = problems(tmp_path, f'client_id = "a", {keys}')
    assert told == [f'account "anna": oauth2: token_url: {line or form}']


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_this_machine_needs_no_tls(host: str) -> None:
    address = f"http://{host}:8080/token"
    assert oauth2(token_url=address).token_endpoint == address


@pytest.mark.parametrize("name", ["", "a/b", "../x", "{0}", "a b", "-x"])
def test_a_tenant_is_a_name_and_no_path(tmp_path: Path, name: str) -> None:
    keys = f'provider = "microsoft", client_id = "a", tenant = "{name}"'
    (line,) = problems(tmp_path, keys)
    assert line.startswith('account "anna": oauth2: tenant: ')
    assert not name or name not in line


def test_no_error_shows_a_secret(tmp_path: Path) -> None:
    for keys in (
        'client_secret = "hunter2\\n"',
        'refresh_token = "hunter2", refresh_token_file = "x"',
        'client_secret = "hunter2", certificate_file = "x"',
        'hunter3 = "hunter2"',
        'client_secret = ["hunter2"]',
    ):
        told = problems(tmp_path, f'provider = "google", client_id = "a", {keys}')
        assert told
        assert SECRET not in "".join(told)


def test_a_secret_and_a_certificate_are_two_ways_of_the_same(tmp_path: Path) -> None:
    keys = 'provider = "google", client_id = "a", client_secret = "b", certificate_file = "x"'
    words = "certificate_file, client_secret, client_secret_file, client_secret_command"
    assert problems(tmp_path, keys) == [f'account "anna": oauth2: needs only one of {words}']


def test_no_secret_is_in_the_text_of_a_login() -> None:
    shown = repr(oauth2(provider="google", client_secret=SECRET, refresh_token=SECRET))
    assert SECRET not in shown


def test_a_configuration_file_with_a_secret_should_be_private(tmp_path: Path) -> None:
    login = 'provider = "google", client_id = "a"'
    for secret in ('client_secret = "b"', 'refresh_token = "b"'):
        file = write(tmp_path, f"{login}, {secret}")
        file.chmod(0o644)
        (line,) = warnings(file, load(file))
        assert line.startswith(f"{file}: holds secrets")


@pytest.mark.parametrize("key", ["client_secret_file", "certificate_file", "refresh_token_file"])
def test_so_should_every_file_with_a_secret(tmp_path: Path, key: str) -> None:
    file = write(tmp_path, f'provider = "google", client_id = "a", {key} = "secret"')
    (tmp_path / "secret").touch(0o644)
    (line,) = warnings(file, load(file))
    assert line.startswith(f"{tmp_path / 'secret'}: holds a secret")


def test_refresh_tokens_are_kept_beside_the_database(tmp_path: Path) -> None:
    beside = StoreSettings(url=f"sqlite:///{tmp_path}/agent.db").tokens_folder
    assert beside == tmp_path / "agent.db.tokens"
    assert StoreSettings(tokens=tmp_path / "tokens").tokens_folder == tmp_path / "tokens"
