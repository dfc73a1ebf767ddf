"""Access tokens are kept, shared, and renewed ahead of time, by one request at a time."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from agent.model import FailureKind
from agent.probe.deadline import Deadline
from agent.probe.failures import ProbeError
from agent.probe.oauth.tokens import AHEAD, FIRST_PAUSE, Held, Token, Tokens
from agent.probe.oauth.vault import Vault
from tests.support.provider import Provider, Reply, refusal
from tests.support.tokens import by_token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.config.accounts import Account

MANY = 128  # poll threads of an agent
BY_ITSELF = {"grant": "client_credentials", "client_secret": "wonderland"}
HOUR = 3600.0
DOWN = refusal("temporarily_unavailable", "", 503)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(tmp_path: Path, clock: Clock) -> Tokens:
    return Tokens(Vault(tmp_path / "tokens"), clock)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider("anna") as served:
        yield served


def held(tokens: Tokens, mailbox: Account, seconds: float = 20.0) -> Held:
    assert mailbox.oauth2
    return tokens.get(mailbox, mailbox.oauth2, Deadline(seconds))


def renewed(tokens: Tokens, mailbox: Account, rejected: Token) -> Token:
    assert mailbox.oauth2
    return tokens.renew(mailbox, mailbox.oauth2, rejected, Deadline(20.0))


def failure(tokens: Tokens, mailbox: Account, seconds: float = 20.0) -> ProbeError:
    with pytest.raises(ProbeError) as caught:
        held(tokens, mailbox, seconds)
    return caught.value


def client(provider: Provider, name: str = "anna", **keys: Any) -> Account:
    return by_token(provider, 143, name=name, username=name, oauth2={**BY_ITSELF, **keys})


def consented(provider: Provider, **keys: Any) -> Account:
    return by_token(provider, 143, oauth2={"refresh_token": provider.consent(), **keys})


def test_a_hundred_polls_at_once_make_one_request(provider: Provider, tokens: Tokens) -> None:
    together = threading.Barrier(MANY)

    def ask(number: int) -> str:
        mailbox = client(provider, f"user{number}")
        together.wait()
        return held(tokens, mailbox).token.value

    with ThreadPoolExecutor(MANY) as pool:
        found = set(pool.map(ask, range(MANY)))
    assert len(found) == 1
    assert len(provider.requests("client_credentials")) == 1


def test_the_accounts_of_one_client_share_its_token(provider: Provider, tokens: Tokens) -> None:
    first, second = (held(tokens, client(provider, name)) for name in ("anna", "bert"))
    assert first.token is second.token
    assert (first.is_new, second.is_new) == (True, False)
    others = (
        client(provider, client_id="another"),
        client(provider, client_secret="another"),
        client(provider, scopes=["another"]),
    )
    found = {held(tokens, other).token.value for other in others}
    assert len(found | {first.token.value}) == 4


def test_who_consented_shares_it_with_nobody(provider: Provider, tokens: Tokens) -> None:
    login = {"refresh_token": provider.consent()}
    two = (by_token(provider, 143, name=name, oauth2=login) for name in ("anna", "bert"))
    found = {held(tokens, mailbox).token.value for mailbox in two}
    assert len(found) == 2


def test_a_token_is_used_until_shortly_before_its_end(
    provider: Provider, tokens: Tokens, clock: Clock
) -> None:
    mailbox = client(provider)
    first = held(tokens, mailbox)
    clock.now += HOUR - AHEAD - 1
    assert held(tokens, mailbox) == Held(first.token, is_new=False)
    assert len(provider.requests()) == 1


def test_the_next_token_is_fetched_while_the_old_one_is_used(
    provider: Provider, tokens: Tokens, clock: Clock
) -> None:
    mailbox = client(provider)
    first = held(tokens, mailbox).token
    clock.now += HOUR - AHEAD
    assert held(tokens, mailbox).token is first
    tokens.settle(20)
    after = held(tokens, mailbox)
    assert after.token.value != first.value
    assert not after.is_new  # nobody had to wait for it
    assert len(provider.requests()) == 2


def test_an_endpoint_that_is_down_takes_no_token_away(
    provider: Provider, tokens: Tokens, clock: Clock
) -> None:
    mailbox = client(provider)
    first = held(tokens, mailbox).token
    provider.script.put(DOWN)
    clock.now += HOUR - 1
    assert held(tokens, mailbox).token is first
    tokens.settle(20)
    assert held(tokens, mailbox).token is first
    clock.now += 1
    assert failure(tokens, mailbox).kind is FailureKind.UNAVAILABLE


def test_a_token_that_lasts_a_minute_is_not_renewed_all_the_time(
    tokens: Tokens, clock: Clock
) -> None:
    with Provider("anna", lifetime=60) as provider:
        mailbox = client(provider)
        first = held(tokens, mailbox).token
        clock.now += 40
        assert held(tokens, mailbox).token is first
        assert len(provider.requests()) == 1


def test_a_token_of_unknown_lifetime_is_kept_for_an_hour(tokens: Tokens, clock: Clock) -> None:
    with Provider("anna", lifetime=None) as provider:
        mailbox = client(provider)
        first = held(tokens, mailbox).token
        clock.now += HOUR / 2
        assert held(tokens, mailbox).token is first


def test_a_poll_gives_up_in_time_and_the_others_still_get_the_token(
    provider: Provider, tokens: Tokens
) -> None:
    provider.flowing.clear()
    mailbox = client(provider)
    assert failure(tokens, mailbox, 0.1).kind is FailureKind.TIMEOUT
    provider.flowing.set()
    tokens.settle(20)
    assert not held(tokens, mailbox).is_new
    assert len(provider.requests()) == 1


def test_an_endpoint_that_fails_is_left_alone_for_longer_and_longer(
    provider: Provider, tokens: Tokens, clock: Clock
) -> None:
    mailbox, pause = client(provider), FIRST_PAUSE
    for times in range(1, 10):
        provider.script.put(DOWN)
        failure(tokens, mailbox)
        clock.now += pause - 0.1
        assert failure(tokens, mailbox).kind is FailureKind.UNAVAILABLE
        assert len(provider.requests()) == times
        clock.now += 0.1
        pause = min(2 * pause, 300.0)
    assert held(tokens, mailbox).is_new


def test_it_is_left_alone_for_as_long_as_it_asks(
    provider: Provider, tokens: Tokens, clock: Clock
) -> None:
    provider.script.put(Reply(429, "", {"Retry-After": "100"}))
    mailbox = client(provider)
    failure(tokens, mailbox)
    clock.now += 99
    failure(tokens, mailbox)
    clock.now += 1
    assert held(tokens, mailbox).is_new
    assert len(provider.requests()) == 2


def test_a_secret_that_is_corrected_is_tried_at_once(
    provider: Provider, tokens: Tokens, tmp_path: Path
) -> None:
    provider.client_secrets = {"right"}
    file = tmp_path / "secret"
    file.write_text("wrong")
    mailbox = client(provider, client_secret=None, client_secret_file=str(file))
    assert failure(tokens, mailbox).kind is FailureKind.AUTH
    file.unlink()
    file.write_text("right")
    assert held(tokens, mailbox).is_new


def test_a_rejected_token_is_replaced_once_for_all(provider: Provider, tokens: Tokens) -> None:
    mailboxes = [client(provider, name) for name in ("anna", "bert")]
    rejected = held(tokens, mailboxes[0]).token
    first, second = (renewed(tokens, mailbox, rejected) for mailbox in mailboxes)
    assert first is second is not rejected
    assert len(provider.requests()) == 2


def test_a_refresh_token_that_is_replaced_is_kept_before_the_new_one_is_used(
    tmp_path: Path, tokens: Tokens, clock: Clock
) -> None:
    with Provider("anna", rotates=True) as provider:
        mailbox = consented(provider)
        used = []
        for _ in range(3):
            held(tokens, mailbox)
            used.append(provider.requests()[-1]["refresh_token"])
            clock.now += HOUR
        (file,) = (tmp_path / "tokens").glob("*.json")
        kept = json.loads(file.read_text())["refresh_token"]
        assert len({*used, kept}) == 4
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        after_a_restart = Tokens(Vault(tmp_path / "tokens"), clock)
        assert held(after_a_restart, mailbox).is_new
        assert provider.requests()[-1]["refresh_token"] == kept


def test_two_agents_on_one_file_never_use_the_same_refresh_token(tmp_path: Path) -> None:
    """The provider takes each one once only, and both must go on."""
    with Provider("anna", rotates=True, lifetime=0) as provider:
        mailbox = consented(provider)

        def use(tokens: Tokens) -> None:
            for _ in range(10):
                rejected = held(tokens, mailbox).token
                renewed(tokens, mailbox, rejected)

        agents = [Tokens(Vault(tmp_path / "tokens")) for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(use, each) for each in agents]:
                done.result()
        used = [form["refresh_token"] for form in provider.requests("refresh_token")]
        assert len(used) == len(set(used)) >= 20


def test_a_configured_token_that_is_changed_goes_before_what_was_kept(
    tmp_path: Path, tokens: Tokens, clock: Clock
) -> None:
    with Provider("anna", rotates=True) as provider:
        file = tmp_path / "secret"
        file.write_text(provider.consent())
        mailbox = by_token(provider, 143, oauth2={"refresh_token_file": str(file)})
        held(tokens, mailbox)
        clock.now += HOUR
        anew = provider.consent()
        file.write_text(anew)
        held(tokens, mailbox)
        assert provider.requests()[-1]["refresh_token"] == anew


def test_a_token_that_cannot_be_kept_is_not_asked_for(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "tokens").write_text("no folder")
    with Provider("anna", rotates=True) as provider:
        found = failure(Tokens(Vault(tmp_path / "tokens"), clock), consented(provider))
        assert not provider.asked
    assert found.kind is FailureKind.CONFIG
    assert str(tmp_path / "tokens") in str(found)


def test_room_for_the_next_token_is_made_before_the_old_one_is_used(
    tmp_path: Path, tokens: Tokens
) -> None:
    file = Vault(tmp_path / "tokens").path("anna")
    file.with_suffix(".new").mkdir(parents=True)  # what cannot be written to
    with Provider("anna", rotates=True) as provider:
        found = failure(tokens, consented(provider))
        assert not provider.asked
    assert found.kind is FailureKind.CONFIG
    assert file.with_suffix(".new").name in str(found)


def test_a_token_that_could_not_be_written_is_used_and_written_when_that_works_again(
    tmp_path: Path, clock: Clock
) -> None:
    """Once the old one is used up, the new one is all that there is."""
    vault = Vault(tmp_path / "tokens")
    tokens = Tokens(vault, clock)
    with Provider("anna", rotates=True) as provider:
        mailbox = consented(provider)
        provider.flowing.clear()
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(held, tokens, mailbox)
            provider.arrived.get(timeout=20)
            vault.path("anna").mkdir()  # nothing can be renamed to this
            provider.flowing.set()
            assert first.result().is_new
        vault.path("anna").rmdir()
        clock.now += HOUR
        assert held(tokens, mailbox).is_new
        used = [form["refresh_token"] for form in provider.requests()]
        assert len(set(used)) == 2
        kept = vault.read("anna")
    assert kept
    assert kept.refresh_token not in used


def test_without_a_consent_the_way_to_it_is_told(provider: Provider, tokens: Tokens) -> None:
    found = failure(tokens, by_token(provider, 143))
    assert found.kind is FailureKind.CONFIG
    assert "mailbox-agent login anna" in str(found)
    assert not provider.asked


def test_a_file_that_is_no_token_file_is_named(
    provider: Provider, tokens: Tokens, tmp_path: Path
) -> None:
    file = Vault(tmp_path / "tokens").path("anna")
    file.parent.mkdir()
    for text in ("", "[]", "{}", '{"refresh_token": 1}', "\0"):
        file.write_text(text)
        found = failure(tokens, by_token(provider, 143))
        assert (found.kind, str(file) in str(found)) == (FailureKind.CONFIG, True)
        file.unlink()


def test_what_must_change_before_a_refused_grant_is_tried_again(
    provider: Provider, tokens: Tokens
) -> None:
    """Neither a rotation nor a poll, but a secret, a consent, or the client."""
    identity = partial(_identity, tokens)
    login = {"refresh_token": provider.consent(), "client_secret": "a"}
    first = by_token(provider, 143, oauth2=login)
    known = identity(first)
    assert known
    provider.rotates = True
    held(tokens, first)
    assert identity(first) == known
    for changed in (
        {"refresh_token": provider.consent()},
        {"client_secret": "b"},
        {"client_id": "c"},
    ):
        assert identity(by_token(provider, 143, oauth2={**login, **changed})) != known
    assert identity(by_token(provider, 143, name="bert")) == ""


def _identity(tokens: Tokens, mailbox: Account) -> str:
    assert mailbox.oauth2
    return tokens.credential(mailbox, mailbox.oauth2)
