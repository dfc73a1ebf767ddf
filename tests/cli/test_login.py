"""The first consent: by a code, by a browser here, and by a browser elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.command import Command
from tests.support.provider import DEVICE_CODE, Provider, Reply, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.dovecot import Dovecot

CONFIG = """
[store]
url = "sqlite:///{folder}/agent.db"

[[accounts]]
name = "anna"
protocol = "imap"
server = "{server}"
tls = "none"
username = "{user}"
{login}
"""
LOGIN = """
[accounts.oauth2]
client_id = "agent"
client_secret = "canary-of-the-client"
scopes = ["mail"]
token_url = "{address}/token"
device_url = "{address}/device"
authorization_url = "{address}/authorize"
"""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider("anna") as served:
        yield served


def configure(
    folder: Path, provider: Provider, login: str = LOGIN, server: str = "127.0.0.1:1"
) -> None:
    file = folder / "config.toml"
    told = login.format(address=provider.address)
    user = "anna@example.com" if server == "127.0.0.1:1" else provider.mailbox
    file.write_text(CONFIG.format(folder=folder, server=server, user=user, login=told))
    file.chmod(0o600)


def kept(folder: Path) -> dict[str, Any]:
    (file,) = (folder / "agent.db.tokens").glob("*.json")
    assert file.stat().st_mode & 0o777 == 0o600
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def test_a_code_that_is_entered_elsewhere_lets_the_agent_in(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    """It says where and by which code, waits, says who consented, and the mailbox can be read."""
    with Provider(dovecot.add().name, refusal("authorization_pending")) as provider:
        configure(tmp_path, provider, server=f"127.0.0.1:{dovecot.ports.imap}")
        before = Command(tmp_path)("check", "anna")
        assert before.returncode == 3
        assert "mailbox-agent login anna" in before.stdout
        done = Command(tmp_path)("login", "anna")
        assert done.returncode == 0, done.stderr
        assert f"{provider.address}/activate" in done.stdout
        assert "ABCD-EFGH" in done.stdout
        assert "anna@example.com consented" in done.stdout
        assert len(provider.requests(DEVICE_CODE)) == 2
        token = kept(tmp_path)["refresh_token"]
        assert token not in done.stdout + done.stderr
        after = Command(tmp_path)("check", "--json", "anna")
        assert after.returncode == 0, after.stderr
        assert provider.requests()[-1]["refresh_token"] == token
        assert "canary" not in done.stdout + done.stderr + after.stdout + after.stderr


def test_somebody_else_who_consents_is_told_of(provider: Provider, tmp_path: Path) -> None:
    provider.consented_by = "boss@example.com"
    configure(tmp_path, provider)
    done = Command(tmp_path)("login", "anna")
    assert done.returncode == 0
    assert "boss@example.com consented, and the mailbox is anna@example.com's" in done.stderr


def test_a_provider_may_not_say_who_consented(provider: Provider, tmp_path: Path) -> None:
    provider.consented_by = None
    configure(tmp_path, provider)
    done = Command(tmp_path)("login", "anna")
    assert (done.returncode, done.stderr) == (0, "")
    assert "does not name consented" in done.stdout
    assert kept(tmp_path)["by"] is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refusal("access_denied", "the user said no"), "the user said no"),
        (refusal("expired_token"), "expired_token"),
        (refusal("invalid_client", "expired", 401), "invalid_client"),
        (Reply(200, {"access_token": "a", "token_type": "Bearer"}), "offline_access"),
    ],
)
def test_no_consent_is_one_line_and_nothing_is_kept(
    tmp_path: Path, answer: Reply, words: str
) -> None:
    with Provider("anna", answer) as provider:
        configure(tmp_path, provider)
        done = Command(tmp_path)("login", "anna")
    assert done.returncode == 3
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list((tmp_path / "agent.db.tokens").glob("*.json"))


def consenting(folder: Path, *arguments: str, stdin: Any = subprocess.DEVNULL) -> Any:
    """A login that has asked for a browser, and the address for it."""
    running = Command(folder).start(
        "login", "--browser", *arguments, "anna", stdout=subprocess.PIPE, stdin=stdin
    )
    assert running.stdout
    for line in running.stdout:
        if found := re.fullmatch(r"  (https?://\S+)\n", line):
            return running, found[1]
    raise AssertionError(running.communicate())


def test_a_browser_comes_back_with_the_answer(provider: Provider, tmp_path: Path) -> None:
    configure(tmp_path, provider)
    running, address = consenting(tmp_path)
    query = parse_qs(urlsplit(address).query)
    assert query["client_id"] == ["agent"]
    assert query["scope"] == ["mail"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["login_hint"] == ["anna@example.com"]
    (back,) = query["redirect_uri"]
    with urllib.request.urlopen(f"{back}?state=guessed&code=forged") as page:
        assert page.status == 200  # and it counts for nothing
    with urllib.request.urlopen(address) as page:  # the provider redirects to `back`
        assert "can be closed" in page.read().decode()
    output, errors = running.communicate(timeout=30)
    assert (running.returncode, errors) == (0, "")
    assert "anna@example.com consented" in output
    (form,) = provider.requests("authorization_code")
    assert form["redirect_uri"] == back
    assert kept(tmp_path)["refresh_token"]


def test_from_a_browser_elsewhere_the_address_is_pasted(provider: Provider, tmp_path: Path) -> None:
    configure(tmp_path, provider)
    running, address = consenting(tmp_path, stdin=subprocess.PIPE)

    class Elsewhere(urllib.request.HTTPRedirectHandler):
        """A browser that cannot open the address where it is sent."""

        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    with pytest.raises(HTTPError) as caught:
        urllib.request.build_opener(Elsewhere).open(address)
    with caught.value as redirect:
        ended_at = redirect.headers["Location"]
    output, errors = running.communicate(f"what?\n{ended_at}\n", timeout=30)
    assert (running.returncode, errors) == (0, "")
    assert "consented" in output


def test_who_says_no_in_the_browser_ends_it(provider: Provider, tmp_path: Path) -> None:
    configure(tmp_path, provider)
    running, address = consenting(tmp_path)
    query = {key: value for key, (value,) in parse_qs(urlsplit(address).query).items()}
    answer = f"?state={query['state']}&error=access_denied&error_description=no"
    urllib.request.urlopen(query["redirect_uri"] + answer).close()
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 3
    assert "access_denied" in errors


@pytest.mark.parametrize(
    ("login", "words"),
    [
        ('password = "wonderland"', "logs in by a password"),
        (
            LOGIN.replace("scopes", 'grant = "client_credentials"\nscopes'),
            "needs no consent of anybody",
        ),
        (LOGIN + 'refresh_token = "canary"\n', "has a refresh token in the configuration"),
        (LOGIN.replace("device_url", "ca_file = 'ca.pem'\ndevice_url"), "ca_file"),
    ],
)
def test_where_a_consent_would_be_of_no_use_nobody_is_asked(
    provider: Provider, tmp_path: Path, login: str, words: str
) -> None:
    configure(tmp_path, provider, login)
    done = Command(tmp_path)("login", "anna")
    assert done.returncode == 3
    assert words in done.stderr
    assert "canary" not in done.stderr
    assert done.stdout == ""
    assert not provider.asked


def test_an_unknown_account_is_told(provider: Provider, tmp_path: Path) -> None:
    configure(tmp_path, provider)
    done = Command(tmp_path)("login", "ana")
    assert (done.returncode, 'did you mean "anna"?' in done.stderr) == (3, True)


def test_nobody_is_asked_for_a_token_that_cannot_be_kept(
    provider: Provider, tmp_path: Path
) -> None:
    configure(tmp_path, provider)
    (tmp_path / "agent.db.tokens").write_text("no folder")
    done = Command(tmp_path)("login", "anna")
    assert done.returncode == 4
    assert "agent.db.tokens" in done.stderr
    assert not provider.asked
