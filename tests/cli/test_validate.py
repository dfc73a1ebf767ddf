from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACCOUNT = """
[[accounts]]
name = "anna"
protocol = "imap"
server = "mail.example.com"
username = "anna"
password_file = "anna"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "anna").write_text("wonderland")
    (tmp_path / "anna").chmod(0o600)
    return tmp_path / "config.toml"


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", "from agent.cli.main import main; main()", *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def validate(file: Path, text: str) -> tuple[int, str, list[str]]:
    file.write_text(text)
    result = run("validate", "--config", "config.toml", folder=file.parent)
    lines = result.stderr.replace(f"{file.parent}/", "").splitlines()
    return result.returncode, result.stdout, lines


def test_a_valid_file_is_one_line(file: Path) -> None:
    receiver = '[[receivers]]\nname = "ops"\ntype = "apprise"\nurl = "json://127.0.0.1:9/hook"\n'
    assert validate(file, ACCOUNT + receiver + '[[routes]]\nreceivers = ["ops"]') == (
        0,
        "config.toml: 1 account, 1 receiver, 1 route: valid\n",
        [],
    )


def test_each_problem_is_one_line(file: Path) -> None:
    text = ACCOUNT + 'ca_file = "ca.pem"' + ACCOUNT.replace('"anna"', '"bert"', 1)
    text = text.replace('password_file = "anna"', 'password_file = "none"')
    text += """
[[accounts]]
name = "carl"
protocol = "pop3"
server = "mail.example.com"
username = "carl"
password_command = ["no-such-program", "wonderland"]
[[receivers]]
name = "unknown"
type = "apprise"
url = "nosuch://wonderland"
[[receivers]]
name = "nobody"
type = "apprise"
url = "tgram://123456789:abcdefg_hijklmnop"
[[receivers]]
name = "command"
type = "apprise"
url_command = ["/no/such/program", "wonderland"]
[[receivers]]
name = "mail"
type = "apprise"
target = { schema = "mailtos", host = "h", password_file = "none", targets = ["a@b", "c@d"] }
"""
    status, output, lines = validate(file, text)
    assert (status, output) == (3, "")
    assert lines == [
        (
            "warning: config.toml: holds secrets and can be read by others; "
            "chmod 600 it, or use secret files"
        ),
        'config.toml: account "anna": password_file none: no such file or directory',
        'config.toml: account "anna": ca_file ca.pem: cannot be read',
        'config.toml: account "bert": password_file none: no such file or directory',
        'config.toml: account "carl": password_command: no program no-such-program',
        'config.toml: receiver "unknown": is no URL of a service that Apprise knows',
        'config.toml: receiver "nobody": names nobody to tell',
        'config.toml: receiver "command": url_command: no program program',
        'config.toml: receiver "mail": password_file none: no such file or directory',
    ]


def test_a_secret_command_is_not_run(file: Path) -> None:
    text = ACCOUNT.replace('password_file = "anna"', 'password_command = ["/bin/touch", "proof"]')
    status, _, lines = validate(file, text)
    assert (status, lines) == (0, [])
    assert not (file.parent / "proof").exists()


def test_a_wrong_file_is_told_in_its_own_words(file: Path) -> None:
    assert validate(file, ACCOUNT.replace("tls", "").replace("username", "usrname")) == (
        3,
        "",
        [
            (
                'mailbox-agent: config.toml: account "anna": unknown key "usrname"; '
                'did you mean "username"?'
            )
        ],
    )


def test_the_schema_and_the_example_are_printed(tmp_path: Path) -> None:
    printed = run("schema", folder=tmp_path)
    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout == (ROOT / "config.schema.json").read_text()
    assert (
        run("schema", "--example", folder=tmp_path).stdout
        == (ROOT / "config.example.toml").read_text()
    )


def test_a_file_that_holds_no_certificates_is_a_problem(file: Path) -> None:
    (file.parent / "ca.pem").write_text("wonderland")
    assert validate(file, ACCOUNT + 'ca_file = "ca.pem"') == (
        3,
        "",
        ['config.toml: account "anna": ca_file ca.pem: holds no certificates in PEM form'],
    )


def test_a_receiver_for_owners_must_be_able_to_send_mail(file: Path) -> None:
    owners = '[[receivers]]\nname = "owners"\ntype = "owner"\nurl_file = "url"\n'
    url = file.parent / "url"
    for text, problem in [
        ("mailtos://agent:wonderland@smtp.example.com", None),
        ("json://example.com", "url: is no URL of a mail service (mailtos://)"),
        (
            "mailto://agent:wonderland@smtp.example.com",
            "would send its password in clear",
        ),
    ]:
        url.write_text(text)
        url.chmod(0o600)
        status, _, lines = validate(file, ACCOUNT + owners)
        assert (status, len(lines)) == ((3, 1) if problem else (0, 0))
        assert (problem or "") in "".join(lines)
        assert "wonderland" not in "".join(lines)


def test_what_alertmanagers_and_the_heartbeat_need_is_looked_for(file: Path) -> None:
    text = ACCOUNT + '[alerts]\nheartbeat_url_file = "beat"\n'
    text += '[[receivers]]\nname = "cluster"\ntype = "alertmanager"\nurls = ["https://am:9093"]\n'
    text += 'bearer_token_file = "token"\nca_file = "ca.pem"\n'
    where = 'config.toml: receiver "cluster"'
    assert validate(file, text)[2] == [
        f"{where}: bearer_token_file token: no such file or directory",
        f"{where}: ca_file ca.pem: cannot be read",
        "config.toml: [alerts]: heartbeat_url_file beat: no such file or directory",
    ]


def test_the_web_configuration_file_is_checked_with_all_that_it_names(file: Path) -> None:
    text = f'[web]\nconfig_file = "web.yml"\n{ACCOUNT}'
    web = file.parent / "web.yml"

    def problems(document: str) -> list[str]:
        web.write_text(document)
        status, output, lines = validate(file, text)
        assert (status, bool(output)) == ((3, False) if lines else (0, True))
        return [line.removeprefix("config.toml: [web]: config_file web.yml: ") for line in lines]

    assert problems("rate_limit: {interval: 1s}") == []
    assert problems("tls_server_config: {cert_file: none, key_file: none}") == [
        "tls_server_config: cert_file none: no such file or directory"
    ]
    assert problems("basic_auth_users: {alice: wonderland}\nrate_limt: {}") == [
        'basic_auth_users: user "alice": needs a bcrypt hash, as "htpasswd -nB" makes it',
        'unknown key "rate_limt"; did you mean "rate_limit"?',
    ]
