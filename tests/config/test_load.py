from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from agent.config.accounts import ImapAccount, Pop3Account
from agent.config.endpoint import Endpoint
from agent.config.levels import FreeSpace, Level, Share
from agent.config.load import load
from agent.config.secrets import Secret
from agent.config.settings import Settings
from agent.model import Severity

# The smallest complete file, to the letter of the design.
SMALLEST = """
[agent]
poll_interval = "1s"            # default "15m"; POP3 accounts default to "30m"

[store]
url = "sqlite:///agent.db"      # default

[web]
listen = "127.0.0.1:9143"       # default

[alerts]
group_wait = "0s"               # default "10s": alerts that start together are told together

[[accounts]]
name = "anna"
protocol = "imap"               # or "pop3"
server = "mail.example.com"     # host or host:port
tls = "implicit"                # default; "starttls", or "none" for a plaintext login
username = "anna@example.com"
password_file = "/run/secrets/anna"   # or password, password_command

[[receivers]]
name = "ops"
type = "apprise"
url = "json://127.0.0.1:8080/hook"    # or url_file, url_command, or a table target

[[routes]]
receivers = ["ops"]
"""

ACCOUNTS = """
[[accounts]]
name = "anna"
protocol = "imap"
server = "mail.example.com"
username = "anna"
password = "wonderland"

[[accounts]]
name = "bert"
protocol = "pop3"
tls = "starttls"
server = "mail.example.com"
username = "bert"
password_command = ["bin/show", "bert"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_the_smallest_complete_file_works_as_it_stands(file: Path) -> None:
    file.write_text(SMALLEST)
    settings = load(file)
    (account,) = settings.accounts
    assert isinstance(account, ImapAccount)
    assert account.server == Endpoint("mail.example.com", 993)
    assert account.secret() == Secret(file=Path("/run/secrets/anna"))
    assert account.folders == "all"
    assert settings.interval(account) == timedelta(seconds=1)
    assert settings.alerts.group_wait == timedelta()
    assert [target.reveal() for target in settings.receivers[0].targets()] == [
        "json://127.0.0.1:8080/hook"
    ]
    assert settings.routes[0].receivers == ("ops",)
    assert settings.routes[0].match.tags == ()


def test_what_is_not_said_has_its_default(file: Path) -> None:
    file.write_text(ACCOUNTS)
    settings = load(file)
    anna, bert = settings.accounts
    assert settings.interval(anna) == timedelta(minutes=15)
    assert settings.interval(bert) == timedelta(minutes=30)
    assert isinstance(bert, Pop3Account)
    assert bert.server == Endpoint("mail.example.com", 110)
    assert bert.secret().command == (str(file.parent / "bin/show"), "bert")
    assert settings.agent.timeout == timedelta(seconds=30)
    assert settings.agent.max_connections == 2
    assert settings.store.url == "sqlite:///agent.db"
    assert settings.web.listen == Endpoint("127.0.0.1", 9143)
    assert settings.alerts.levels == (
        Level(at=Share(0.8), severity=Severity.WARNING),
        Level(at=Share(0.95), severity=Severity.CRITICAL),
    )
    assert settings.alerts.hysteresis == 0.05
    assert settings.alerts.stale_after == 3
    assert settings.alerts.repeat == tuple(timedelta(days=days) for days in (1, 3, 7))
    assert settings.alerts.group_wait == timedelta(seconds=10)


@pytest.mark.parametrize(
    ("protocol", "tls", "port"),
    [
        ("imap", "implicit", 993),
        ("imap", "starttls", 143),
        ("imap", "none", 143),
        ("pop3", "implicit", 995),
        ("pop3", "starttls", 110),
        ("pop3", "none", 110),
    ],
)
def test_a_server_without_a_port_has_the_usual_one(protocol: str, tls: str, port: int) -> None:
    table = {"name": "a", "protocol": protocol, "tls": tls, "username": "a", "password": "a"}
    settings = Settings.model_validate({"accounts": [table | {"server": "host"}]})
    assert settings.accounts[0].server == Endpoint("host", port)


def test_the_environment_outranks_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILBOX_AGENT_AGENT__POLL_INTERVAL", "5m")
    monkeypatch.setenv("MAILBOX_AGENT_AGENT__MAX_CONNECTIONS", "7")
    monkeypatch.setenv("MAILBOX_AGENT_WEB__LISTEN", "[::]:80")
    monkeypatch.setenv("MAILBOX_AGENT_ALERTS__HYSTERESIS", "1%")
    monkeypatch.setenv("MAILBOX_AGENT_ALERTS__STALE_AFTER", "")
    monkeypatch.setenv("mailbox_agent_store__url", "sqlite:///other.db")
    file.write_text('[agent]\npoll_interval = "1h"\ntimeout = "10s"\n' + ACCOUNTS)
    settings = load(file)
    assert settings.agent.poll_interval == timedelta(minutes=5)
    assert settings.agent.max_connections == 7
    assert settings.agent.timeout == timedelta(seconds=10)
    assert settings.web.listen == Endpoint("::", 80)
    assert settings.alerts.hysteresis == 0.01
    assert settings.alerts.stale_after == 3
    assert settings.store.url == "sqlite:///other.db"


def test_relative_paths_start_from_the_folder_of_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(
        SMALLEST.replace('"/run/secrets/anna"', '"secrets/anna"\nca_file = "../ca.pem"')
    )
    monkeypatch.chdir(file.parent.parent)
    (account,) = load(file.relative_to(Path.cwd())).accounts
    assert account.password_file == file.parent / "secrets/anna"
    assert account.ca_file == file.parent / "../ca.pem"
    keys = {"name": "a", "protocol": "imap", "server": "host", "username": "a"}
    outside = ImapAccount.model_validate(keys | {"password_file": "x"})
    assert outside.password_file == Path("x")


def test_free_space_and_repeats_and_tags_are_read(file: Path) -> None:
    file.write_text(
        '[alerts]\nrepeat = []\nlevels = [{ at = "100 MB free", severity = "critical" }]\n'
        + ACCOUNTS
        + 'limit = "5 GiB"\nmessage_limit = 9\nzero_limit = "full"\ninterval = "1m"\ntags = ["a"]'
    )
    settings = load(file)
    bert = settings.accounts[1]
    assert settings.alerts.levels == (Level(at=FreeSpace(10**8), severity=Severity.CRITICAL),)
    assert settings.alerts.repeat == ()
    assert (bert.limit, bert.message_limit, bert.zero_limit) == (5 * 2**30, 9, "full")
    assert (settings.interval(bert), bert.tags) == (timedelta(minutes=1), ("a",))


def test_a_target_table_is_split_into_its_targets_and_encoded_for_apprise(file: Path) -> None:
    (file.parent / "smtp").write_text("p%41:/@ü\n")
    file.write_text(
        ACCOUNTS
        + '[[receivers]]\nname = "mail"\ntype = "apprise"\n[receivers.target]\nschema = "mailtos"\n'
        'host = "example.com"\nuser = "a@b"\npassword_file = "smtp"\ntargets = ["x@y", "z@y"]\n'
        'params = { smtp_host = "smtp.example.com" }\n'
    )
    first, second = load(file).receivers[0].targets()
    parts = {
        "schema": "mailtos",
        "host": "example.com",
        "user": "a%40b",
        "password": "p%2541%3A%2F%40%C3%BC",
        "smtp_host": "smtp.example.com",
    }
    assert first.reveal() == parts | {"targets": ["x@y"]}
    assert second.reveal() == parts | {"targets": ["z@y"]}


def test_settings_are_frozen_and_show_no_secret(file: Path) -> None:
    file.write_text(
        ACCOUNTS
        + '[[receivers]]\nname = "a"\ntype = "apprise"\nurl = "json://u:wonderland@host"\n'
        + '[[receivers]]\nname = "b"\ntype = "apprise"\n'
        + 'target = { schema = "json", params = { token = "wonderland" } }'
    )
    settings = load(file)
    assert "wonderland" not in repr(settings)
    assert "wonderland" not in str(settings)
    with pytest.raises(ValidationError):
        settings.accounts[0].name = "b"  # type: ignore[misc]  # what is tested


def test_not_even_a_bare_model_shows_what_it_refuses() -> None:
    keys = {"name": "a", "protocol": "imap", "server": "host", "pasword": "wonderland"}
    with pytest.raises(ValidationError) as account:
        ImapAccount.model_validate(keys)
    with pytest.raises(ValidationError) as settings:
        Settings.model_validate({"accounts": [keys], "stroe": "wonderland"})
    assert "wonderland" not in f"{account.value}{settings.value}"


def test_a_byte_order_mark_is_no_harm(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + SMALLEST.encode())
    assert load(file).accounts


def test_ten_thousand_accounts_are_loaded(file: Path) -> None:
    table = ACCOUNTS.split("[[accounts]]")[1]
    text = "".join("[[accounts]]" + table.replace('"anna"', f'"anna{n}"') for n in range(10_000))
    file.write_text(text)
    assert len(load(file).accounts) == 10_000


def test_the_configuration_loads_nothing_heavy() -> None:
    program = "import sys, agent.config.load; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"apprise", "sqlalchemy", "alembic", "requests", "apscheduler", "starlette", "jinja2"}
    assert not heavy.intersection(modules)
