"""Logins by access token at a real Dovecot, which asks a real provider whose the token is."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from agent.model import Failure, FailureKind, Reading
from agent.probe.read import Prober
from tests.support.daemon import started
from tests.support.dovecot import Dovecot
from tests.support.provider import JWT_BEARER, Provider
from tests.support.proxy import Proxy
from tests.support.tokens import by_token, poll

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.config.accounts import Account
    from agent.model import Poll

WAYS = [(protocol, tls) for protocol in ("imap", "pop3") for tls in ("implicit", "starttls")]
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def exchange() -> Iterator[Dovecot]:
    """A server that offers no other way in by token than Exchange does."""
    with started(lambda: Dovecot(mechanisms="plain xoauth2")) as server:
        yield server


@pytest.fixture(params=["OAUTHBEARER", "XOAUTH2"])
def server(request: pytest.FixtureRequest) -> Dovecot:
    name = "dovecot" if request.param == "OAUTHBEARER" else "exchange"
    found: Dovecot = request.getfixturevalue(name)
    return found


@pytest.fixture
def provider(dovecot: Dovecot) -> Iterator[Provider]:
    with Provider(dovecot.add().name) as served:
        yield served


def mailbox(
    dovecot: Dovecot, provider: Provider, protocol: str = "imap", tls: str = "implicit", **keys: Any
) -> Account:
    port = getattr(dovecot.ports, f"{protocol}s" if tls == "implicit" else protocol)
    login = {"refresh_token": provider.consent()} | keys.pop("oauth2", {})
    trusted = {"ca_file": str(dovecot.certificates.ca)}
    return by_token(provider, port, protocol, tls, oauth2=login, **trusted | keys)


def read(done: Poll) -> Reading:
    assert isinstance(done.outcome, Reading), done.outcome
    return done.outcome


@pytest.mark.parametrize(("protocol", "tls"), WAYS)
def test_a_mailbox_is_read_by_an_access_token(
    server: Dovecot, tmp_path: Path, protocol: str, tls: str
) -> None:
    user = server.add(storage=MEBIBYTE)
    server.store(user, messages=2)
    with Provider(user.name) as provider:
        done = poll(mailbox(server, provider, protocol, tls), tmp_path)
    assert read(done).messages == 2


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_a_token_of_somebody_else_is_a_rejected_login(
    server: Dovecot, tmp_path: Path, protocol: str
) -> None:
    """With what the server says of it, which it says in a challenge before it refuses."""
    with Provider(server.add().name) as provider:
        done = poll(mailbox(server, provider, protocol, username=server.add().name), tmp_path)
        assert len(provider.requests()) == 1
    assert isinstance(done.outcome, Failure)
    assert done.outcome.kind is FailureKind.AUTH
    assert not done.outcome.by_token_endpoint
    assert '"status":"' in done.outcome.detail


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_a_token_that_was_revoked_is_replaced_within_the_poll(
    dovecot: Dovecot, provider: Provider, tmp_path: Path, protocol: str
) -> None:
    prober = Prober(20, tokens=tmp_path)
    asked = mailbox(dovecot, provider, protocol)
    read(prober.poll(asked))
    read(prober.poll(asked))
    assert len(provider.requests()) == 1
    provider.revoke()
    read(prober.poll(asked))
    assert len(provider.requests()) == 2


def test_a_login_that_is_rejected_with_a_new_token_too_is_rejected(
    dovecot: Dovecot, provider: Provider, tmp_path: Path
) -> None:
    prober = Prober(20, tokens=tmp_path)
    asked = mailbox(dovecot, provider)
    read(prober.poll(asked))
    provider.mailbox = "somebody else"
    provider.revoke()
    login = {"refresh_token": provider.consent()}
    with Proxy(dovecot.ports.imap) as wire:
        server = f"127.0.0.1:{wire.port}"
        other = mailbox(dovecot, provider, tls="none", server=server, oauth2=login)
        for polls in range(1, 3):
            outcome = prober.poll(other.model_copy(update={"username": "anna"})).outcome
            assert isinstance(outcome, Failure)
            assert outcome.kind is FailureKind.AUTH
            logins = [line for line in wire.commands if b"AUTHENTICATE" in line]
            assert len(logins) == (1 if polls == 1 else 3)  # a held one is renewed, and only once


def test_an_endpoint_that_is_down_makes_no_rejected_login_of_a_token_that_ended(
    dovecot: Dovecot, provider: Provider, tmp_path: Path
) -> None:
    prober = Prober(20, tokens=tmp_path)
    asked = mailbox(dovecot, provider)
    read(prober.poll(asked))
    provider.revoke()
    provider.__exit__()
    outcome = prober.poll(asked).outcome
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.by_token_endpoint) == (FailureKind.CONNECT, True)


def test_a_client_proves_itself_by_its_certificate(
    dovecot: Dovecot, provider: Provider, tmp_path: Path
) -> None:
    key, certificate = key_pair(tmp_path)
    file = tmp_path / "client.pem"
    file.write_bytes(certificate + key)
    provider.certificate = load_pem_x509_certificate(certificate)
    by_itself = {"grant": "client_credentials", "refresh_token": None}
    asked = mailbox(dovecot, provider, oauth2={**by_itself, "certificate_file": str(file)})
    read(poll(asked, tmp_path))
    (form,) = provider.requests("client_credentials")
    assert "client_secret" not in form


def test_a_service_account_acts_for_each_mailbox(
    dovecot: Dovecot, provider: Provider, tmp_path: Path
) -> None:
    key, _ = key_pair(tmp_path)
    provider.service_account = load_pem_private_key(key, None).public_key()
    file = tmp_path / "key.json"
    names = {"client_email": "agent@project.example", "private_key_id": "1"}
    file.write_text(json.dumps({**names, "private_key": key.decode()}))
    acting = {"grant": "service_account", "refresh_token": None, "client_id": None}
    prober = Prober(20, tokens=tmp_path)
    for name in (dovecot.add().name, dovecot.add().name):
        login = {**acting, "key_file": str(file), "scopes": ["https://mail.google.com/"]}
        read(prober.poll(mailbox(dovecot, provider, name=name, username=name, oauth2=login)))
    assert len(provider.requests(JWT_BEARER)) == 2


def key_pair(folder: Path) -> tuple[bytes, bytes]:
    """A private key and a certificate with it, both PEM."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=agent",
         "-keyout", "key.pem", "-out", "certificate.pem", "-days", "9000"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return (folder / "key.pem").read_bytes(), (folder / "certificate.pem").read_bytes()
