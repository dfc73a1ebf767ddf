"""Token endpoints that refuse, fail, stall or lie: each becomes a failure of its kind, in time."""

from __future__ import annotations

import socket
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from agent.model import Failure, FailureKind
from agent.probe.failures import ProbeError
from agent.probe.oauth.endpoint import Endpoint
from agent.text import LONGEST_DETAIL
from tests.support.faults import SECOND
from tests.support.provider import DRIP, HANG, RESET, Provider, Reply, Trouble, refusal
from tests.support.scripted import Line, Scripted
from tests.support.tokens import by_token, poll

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.accounts import Account
    from tests.support.dovecot import Dovecot

AUTH, CONFIG, DENIED = FailureKind.AUTH, FailureKind.CONFIG, FailureKind.DENIED
PROTOCOL, TIMEOUT, UNAVAILABLE = (
    FailureKind.PROTOCOL,
    FailureKind.TIMEOUT,
    FailureKind.UNAVAILABLE,
)
SECRET = "canary-of-the-client"
TOKEN = {"access_token": "a", "token_type": "Bearer", "expires_in": 60}
SIGNED_LATE = "AADSTS700024: Client assertion is not within its valid time range."
NOT_LET_IN = 1  # a port at which nobody listens

ANSWERS: dict[str, tuple[Reply | Trouble, FailureKind, str]] = {
    "a revoked consent": (refusal("invalid_grant", "AADSTS50173: revoked"), AUTH, "AADSTS50173"),
    "a wrong client": (refusal("invalid_client", "expired", 401), AUTH, "invalid_client: expired"),
    "a refusal with status 200": (refusal("invalid_grant", "", 200), AUTH, "(invalid_grant)"),
    "a second factor": (refusal("interaction_required"), AUTH, "must consent anew"),
    "a client that may not": (refusal("unauthorized_client"), DENIED, "unauthorized_client"),
    "a scope that may not be": (refusal("invalid_scope"), DENIED, "scope"),
    "an unknown error": (refusal("invalid_request", "what?"), CONFIG, "invalid_request: what?"),
    "a clock that is wrong": (refusal("invalid_client", SIGNED_LATE, 401), CONFIG, "clock"),
    "an overload": (refusal("temporarily_unavailable", "", 503), UNAVAILABLE, "HTTP 503"),
    "an error of the server": (Reply(500, "<html>"), UNAVAILABLE, "HTTP 500"),
    "too many requests": (Reply(429, "", {"Retry-After": "7"}), UNAVAILABLE, "too many requests"),
    "a server that is not ready": (refusal("server_error"), UNAVAILABLE, "server_error"),
    "another site": (Reply(404, "<html>"), PROTOCOL, "HTTP 404"),
    "no token": (Reply(200, {"token_type": "Bearer"}), PROTOCOL, "not the answer"),
    "a list": (Reply(200, "[1]"), PROTOCOL, "not the answer"),
    "nothing": (Reply(200, ""), PROTOCOL, "not the answer"),
    "a lifetime that is none": (Reply(200, {**TOKEN, "expires_in": "x"}), PROTOCOL, "not the"),
    "a token of another kind": (Reply(200, {**TOKEN, "token_type": "mac"}), PROTOCOL, "bearer"),
    "a token of two lines": (Reply(200, {**TOKEN, "access_token": "a\r\nb"}), PROTOCOL, "one line"),
    "a token that is a number": (Reply(200, {**TOKEN, "access_token": 5}), PROTOCOL, "one line"),
    "a token without end": (Reply(200, {"access_token": "a" * 13_000}), PROTOCOL, "too long"),
    "an answer without end": (Reply(200, " " * 70_000), PROTOCOL, "more than"),
    "a connection that breaks": (RESET, UNAVAILABLE, "connection broke"),
    "a redirect": (Reply(302, "", {"Location": "http://127.0.0.1:1/"}), CONFIG, "redirects"),
    "silence": (HANG, TIMEOUT, "no answer in time"),
    "a drip": (DRIP, TIMEOUT, "no answer in time"),
}  # fmt: skip


def client(provider: Provider, **keys: Any) -> Account:
    login = {"grant": "client_credentials", "client_secret": SECRET, **keys}
    return by_token(provider, NOT_LET_IN, oauth2=login)


def failure(mailbox: Account, folder: Path, timeout: float = 10.0) -> Failure:
    """What comes of a poll whose mail server is never asked."""
    started = monotonic()
    outcome = poll(mailbox, folder, timeout).outcome
    assert monotonic() - started < timeout + SECOND
    assert isinstance(outcome, Failure), outcome
    assert outcome.by_token_endpoint
    assert outcome.detail.isprintable()
    assert len(outcome.detail) <= LONGEST_DETAIL
    assert SECRET not in outcome.detail
    return outcome


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_without_a_token_is_a_failure_of_its_kind(case: str, tmp_path: Path) -> None:
    answer, kind, words = ANSWERS[case]
    with Provider("anna", answer) as provider:
        found = failure(client(provider), tmp_path, 0.5 if kind is TIMEOUT else 10.0)
        assert len(provider.requests()) == 1
    assert found.kind is kind, found
    assert found.detail.startswith(f"token endpoint {provider.address.partition('://')[2]}: ")
    assert words in found.detail


@pytest.mark.parametrize("trouble", [HANG, DRIP])
def test_a_request_ends_by_itself_in_time(trouble: Trouble) -> None:
    with Provider("anna", trouble) as provider:
        started = monotonic()
        with pytest.raises(ProbeError) as caught:
            Endpoint(f"{provider.address}/token").post("", 2.0)
        assert monotonic() - started < 2.0 + SECOND
    assert caught.value.kind is TIMEOUT


def test_what_the_endpoint_repeats_of_a_secret_is_not_shown(tmp_path: Path) -> None:
    with Provider("anna") as provider:
        token = provider.consent()
        said = f"no {token} of {SECRET} here"
        provider.script.put(refusal("invalid_grant", said))
        mailbox = client(provider, grant="refresh_token", refresh_token=token)
        found = failure(mailbox, tmp_path)
    assert "no [secret] of [secret] here" in found.detail


def test_an_endpoint_that_nobody_listens_at(tmp_path: Path) -> None:
    with Provider("anna") as provider:
        mailbox = client(provider, token_url=f"http://127.0.0.1:{NOT_LET_IN}/token")
        found = failure(mailbox, tmp_path)
    assert (found.kind, found.detail.rpartition(": ")[2]) == (
        FailureKind.CONNECT,
        "connection refused",
    )


def test_an_endpoint_whose_name_does_not_resolve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with Provider("anna") as provider:
        found = failure(client(provider, token_url="https://login.example.test/token"), tmp_path)
    assert found.kind is FailureKind.DNS
    assert found.detail.startswith("token endpoint login.example.test: ")


def test_a_secret_goes_only_to_a_certificate_that_is_trusted(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    certificates = dovecot.certificates
    for shown, trusted in (
        (certificates.good, None),
        (certificates.expired, certificates.ca),
        (certificates.other, certificates.ca),
    ):
        with Provider("anna", certificate=shown) as provider:
            ca_file = {"ca_file": str(trusted)} if trusted else {}
            found = failure(client(provider, **ca_file), tmp_path)
            assert found.kind is FailureKind.TLS
            assert "certificate not accepted" in found.detail
            assert not provider.asked


def test_an_authority_of_ones_own_can_be_trusted(dovecot: Dovecot, tmp_path: Path) -> None:
    certificates = dovecot.certificates
    with Provider("anna", certificate=certificates.good) as provider:
        mailbox = client(provider, ca_file=str(certificates.ca))
        outcome = poll(mailbox, tmp_path).outcome
        assert isinstance(outcome, Failure)
        assert not outcome.by_token_endpoint  # it is the mail server's turn
        assert len(provider.requests()) == 1


def test_a_file_of_authorities_that_holds_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with Provider("anna") as provider:
        outcome = poll(client(provider, ca_file=str(tmp_path / "ca.pem")), tmp_path).outcome
        assert not provider.asked
    assert isinstance(outcome, Failure)
    assert (outcome.kind, "ca.pem" in outcome.detail) == (CONFIG, True)


def test_a_handshake_that_stalls_ends_in_time(tmp_path: Path) -> None:
    with Scripted(Line.stall) as server, Provider("anna") as provider:
        mailbox = client(provider, token_url=f"https://127.0.0.1:{server.port}/token")
        assert failure(mailbox, tmp_path, 0.5).kind is TIMEOUT


def test_a_proxy_of_the_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Provider("anna") as proxy, Provider("anna") as provider:
        monkeypatch.setenv("http_proxy", proxy.address)
        poll(client(provider), tmp_path)
        assert len(proxy.requests()) == 1
        assert not provider.asked
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{NOT_LET_IN}")
        found = failure(client(provider), tmp_path)
    assert (found.kind, "proxy" in found.detail) == (FailureKind.CONNECT, True)


def test_a_password_file_of_the_user_is_no_business_of_the_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login anna password canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Provider("anna") as provider:
        poll(client(provider), tmp_path)
        (asked,) = provider.asked
    assert "authorization" not in {name.lower() for name in asked.headers}
