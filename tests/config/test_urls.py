from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.accounts import ImapAccount
from agent.config.endpoint import Endpoint
from agent.config.errors import ConfigError
from agent.config.secrets import Secret
from agent.config.urls import account_from_url
from agent.text import printable

SECRET = Secret(value="looking-glass")
USER = "URL: names no user, as in imaps://anna%40example.com@mail.example.com"
SCHEME = "URL: begins with none of imaps://, imap://, pop3s://, pop3://"
SERVER = (
    'URL: needs a server such as "mail.example.com", "mail.example.com:993" or "[2001:db8::1]:993"'
)
FORM = "URL: needs a form such as imaps://anna%40example.com@mail.example.com"
CONTROL = "must not contain control characters (CR, LF, NUL or the like)"
PASSWORD = (
    "URL: a password in a URL shows in the process list; "
    "use --password-file or MAILBOX_AGENT_PASSWORD"
)


@pytest.mark.parametrize(
    ("url", "name", "protocol", "tls", "username"),
    [
        (
            "imaps://anna%40example.com@Mail.Example.com",
            "imaps://anna%40example.com@mail.example.com:993",
            "imap",
            "implicit",
            "anna@example.com",
        ),
        ("imap://anna@host", "imap://anna@host:143", "imap", "starttls", "anna"),
        ("imap://anna@host?tls=none", "imap://anna@host:143", "imap", "none", "anna"),
        ("imap://a@[::1]:1143/", "imap://a@[::1]:1143", "imap", "starttls", "a"),
        ("pop3s://a%3Ab%2Fc@host:1995", "pop3s://a%3Ab%2Fc@host:1995", "pop3", "implicit", "a:b/c"),
        ("pop3://a@host", "pop3://a@host:110", "pop3", "starttls", "a"),
        ("imaps://a@b@host", "imaps://a%40b@host:993", "imap", "implicit", "a@b"),
    ],
)
def test_a_url_is_an_account_named_by_itself(
    url: str, name: str, protocol: str, tls: str, username: str
) -> None:
    account = account_from_url(url, SECRET)
    found = (account.name, account.protocol, account.tls, account.username)
    assert found == (name, protocol, tls, username)
    assert account.secret() == SECRET


@pytest.mark.parametrize(
    ("query", "key", "value"),
    [
        ("limit=2GiB", "limit", 2 * 2**30),
        ("limit=2+GiB", "limit", 2 * 2**30),
        ("limit=2048", "limit", 2048),
        ("message_limit=100", "message_limit", 100),
        ("zero_limit=full", "zero_limit", "full"),
        ("folders=all", "folders", "all"),
        ("folders=inbox", "folders", "inbox"),
        ("folders=INBOX,Work*", "folders", ("INBOX", "Work*")),
        ("folders=Work", "folders", ("Work",)),
        ("tags=vip,ops", "tags", ("vip", "ops")),
        ("ca_file=/etc/ca.pem", "ca_file", Path("/etc/ca.pem")),
        ("tls=implicit", "tls", "implicit"),
    ],
)
def test_the_query_holds_the_keys_of_the_account(query: str, key: str, value: Any) -> None:
    assert getattr(account_from_url(f"imaps://a@host?{query}", SECRET), key) == value


def test_what_comes_beside_the_url_is_taken_where_the_url_says_nothing() -> None:
    ours = Path("/etc/ours.pem")
    account = account_from_url("imaps://a@host", SECRET, ca_file=ours)
    assert account.ca_file == ours
    account = account_from_url(
        "imaps://a@host?ca_file=/theirs&password_file=/secret", SECRET, ca_file=ours
    )
    assert account.ca_file == Path("/theirs")
    assert account.secret() == Secret(file=Path("/secret"))


@pytest.mark.parametrize(
    ("url", "lines"),
    [
        ("imaps://anna:hunter2@host", [PASSWORD]),
        ("imaps://anna:@host", [PASSWORD]),
        ("imaps://anna@host?password=hunter2", [PASSWORD]),
        ("imaps://anna:hunt?er2@host", [FORM]),
        ("imaps://anna:hunt/er2@host", [FORM]),
        ("imaps://anna:12/hunter2@host", [FORM]),
        ("imaps://anna:12?hunter2@host", [FORM]),
        ("imaps://anna:12#hunter2@host", [FORM]),
        ("imaps://anna@example.com:12?hunter2@host", [FORM]),
        ("imaps://host", [USER]),
        ("imaps://@host", [USER]),
        ("imaps://anna@", [SERVER]),
        ("imaps://anna@host/INBOX", [FORM]),
        ("imaps://anna@host:99999", ["URL: needs a port of at most 65535"]),
        ("imaps://anna@[::1", [FORM]),
        ("http://anna@host", [SCHEME]),
        ("anna", [FORM]),
        ("imaps://an\r\nna@host", [FORM]),
        ("imaps://an\udcffna@host", [FORM]),
        ("imaps://an%0D%0Ana@host", [f"URL: username: {CONTROL}"]),
        ("imaps://a@host?limt=1", ['URL: unknown parameter "limt"; did you mean "limit"?']),
        ("imaps://a@host?server=x", ['URL: unknown parameter "server"']),
        ("pop3://a@host?folders=all", ['URL: unknown parameter "folders"']),
        ("imaps://a@host?limit=1&limit=2", ["URL: limit: is given twice"]),
        ("imaps://a@host?tls=none", ["URL: tls: imaps:// can only be implicit"]),
        ("imap://a@host?tls=implicit", ["URL: tls: imap:// can only be starttls or none"]),
        (
            "imaps://a@host?limit=hunter2&zero_limit=hunter2",
            [
                'URL: limit: needs a size such as "500 MB" or "5 GiB", or a number of bytes',
                'URL: zero_limit: must be one of "unlimited" or "full"',
            ],
        ),
    ],
)
def test_a_wrong_url_says_why_and_repeats_no_value(url: str, lines: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        account_from_url(url, SECRET)
    assert list(caught.value.lines) == lines


def test_a_url_without_any_password_is_refused() -> None:
    ways = "oauth2, password, password_file, password_command"
    with pytest.raises(ConfigError) as caught:
        account_from_url("imaps://a@host", None)
    assert caught.value.lines == (f"URL: needs one of {ways}",)


@given(
    st.text(
        alphabet=st.characters(min_codepoint=32, exclude_categories=["Cc", "Cs"]),
        min_size=1,
        max_size=40,  # 12 characters of the URL each at the most, and a name has up to 500
    )
)
def test_any_user_name_survives_its_url(user: str) -> None:
    account = account_from_url(f"imaps://{quote(user, safe='')}@host", SECRET)
    assert account.username == user
    assert account_from_url(account.name, SECRET) == account
    assert isinstance(account, ImapAccount)
    assert account.server == Endpoint("host", 993)


@given(st.text())
def test_any_text_is_an_account_or_a_config_error(text: str) -> None:
    for url in (text, f"imaps://{text}", f"imaps://a@host?{text}"):
        try:
            account_from_url(url, SECRET)
        except ConfigError as error:
            for line in error.lines:
                assert line.startswith("URL: ")
                assert line == printable(line, len(line))
