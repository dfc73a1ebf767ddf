"""Every way to write a wrong file, and the exact lines that say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.errors import ConfigError
from agent.config.load import load
from agent.text import printable

ACCOUNT = """
[[accounts]]
name = "anna"
protocol = "imap"
server = "mail.example.com"
username = "anna@example.com"
password_file = "anna"
"""
RECEIVER = """
[[receivers]]
name = "ops"
type = "apprise"
url = "json://127.0.0.1:8080/hook"
"""
DURATION = 'needs a duration such as "30s", "15m", "1h30m" or "7d"'
SERVER = 'needs a server such as "mail.example.com", "mail.example.com:993" or "[2001:db8::1]:993"'
CONTROL = "must not contain control characters (CR, LF, NUL or the like)"
SIZE = 'needs a size such as "500 MB" or "5 GiB", or a number of bytes'
TWINS = "password, password_file, password_command"
HALVES = 'needs a share such as "80%", or free space such as "100 MB free"'


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def lines(text: str | bytes) -> list[str]:
    file = Path("config.toml")
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert caught.value.__cause__ is None
    assert str(caught.value) == "\n".join(caught.value.lines)
    return [line.removeprefix("config.toml: ") for line in caught.value.lines]


def account(**keys: str) -> str:
    """The account with keys as TOML has them; an empty one is left out."""
    good = {
        "name": '"anna"',
        "protocol": '"imap"',
        "server": '"mail.example.com"',
        "username": '"anna"',
        "password_file": '"anna"',
    }
    table = (good | keys).items()
    return "\n".join(["[[accounts]]", *(f"{key} = {value}" for key, value in table if value), ""])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "has no account; write at least one [[accounts]] table"),
        ("accounts = []", "has no account; write at least one [[accounts]] table"),
        ("[agent\n", "line 1, column 7: expected ']' at the end of a table declaration"),
        ("a = 1\na = 2\n", "line 2, column 6: cannot overwrite a value"),
        ('a = "', "end of document: unterminated string"),
        ("password = hunter2", "line 1, column 12: invalid value"),
        (b'name = "\xff"', "not UTF-8 text"),
        ("a = " + "9" * 5000, "not usable: a number is too long, or tables are nested too deeply"),
        ("a = " + "[" * 9999, "not usable: a number is too long, or tables are nested too deeply"),
    ],
)
def test_a_file_that_is_no_configuration(text: str | bytes, expected: str) -> None:
    assert lines(text) == [expected]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, problem in [
        (tmp_path / "none.toml", "no such file or directory"),
        (tmp_path, "is a directory"),
        (tmp_path / "none" / "config.toml", "no such file or directory"),
    ]:
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert caught.value.lines == (f"{path}: {problem}",)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            {"password_file": "", "pasword_file": '"hunter2"'},
            'account "anna": unknown key "pasword_file"; did you mean "password_file"?',
        ),
        (
            {"username": "", "usrname": '"hunter2"'},
            'account "anna": unknown key "usrname"; did you mean "username"?',
        ),
        ({"frob": "1"}, 'account "anna": unknown key "frob"'),
        ({'"a\\u001bb\\u202ec"': "1"}, 'account "anna": unknown key "a\ufffdb\ufffdc"'),
        ({"owner": "1"}, 'account "anna": unknown key "owner"'),
        ({"server": ""}, 'account "anna": server: is missing'),
        ({"protocol": ""}, 'account "anna": protocol is missing; write "imap" or "pop3"'),
        ({"protocol": '"hunter2"'}, 'account "anna": protocol: must be "imap" or "pop3"'),
        (
            {"protocol": '"pop3"', "folders": '"all"'},
            'account "anna": key "folders" does not go with protocol "pop3"',
        ),
        ({"name": ""}, "account 1: name: is missing"),
        ({"name": '""'}, "account 1: name: must not be empty"),
        ({"name": '"hunter2\\n"'}, f"account 1: name: {CONTROL}"),
        ({"name": '"hunter2\\u0000"'}, f"account 1: name: {CONTROL}"),
        (
            {"name": '"hunter2\\u202e"'},
            "account 1: name: must be printable text without spaces at its ends",
        ),
        (
            {"name": '" hunter2"'},
            "account 1: name: must be printable text without spaces at its ends",
        ),
        ({"name": f'"{"x" * 501}"'}, "account 1: name: is too long"),
        ({"name": "5"}, "account 1: name: needs text in quotes"),
        ({"username": '"hunter2\\r\\nQUIT"'}, f'account "anna": username: {CONTROL}'),
        ({"username": '"hunter2\\u0000"'}, f'account "anna": username: {CONTROL}'),
        ({"password_file": ""}, f'account "anna": needs one of {TWINS}'),
        ({"password": '"hunter2"'}, f'account "anna": needs only one of {TWINS}'),
        ({"password_command": '["hunter2"]'}, f'account "anna": needs only one of {TWINS}'),
        (
            {"password_file": "", "password": '"hunter2\\n"'},
            'account "anna": password: must be one line without NUL',
        ),
        ({"password_file": "", "password": '""'}, 'account "anna": password: is empty'),
        ({"password_file": "", "password": "5"}, 'account "anna": password: needs text in quotes'),
        ({"password_file": "5"}, 'account "anna": password_file: needs a path in quotes'),
        (
            {"password_file": "", "password_command": '"pass hunter2"'},
            'account "anna": password_command: needs a list',
        ),
        (
            {"password_file": "", "password_command": "[]"},
            'account "anna": password_command: must not be empty',
        ),
        (
            {"password_file": "", "password_command": '["pass", 5]'},
            'account "anna": password_command 2: needs text in quotes',
        ),
        ({"server": '"hunter2 x"'}, f'account "anna": server: {SERVER}'),
        ({"server": "5"}, f'account "anna": server: {SERVER}'),
        ({"server": '"host:70000"'}, 'account "anna": server: needs a port of at most 65535'),
        (
            {"tls": '"hunter2"'},
            'account "anna": tls: must be one of "implicit", "starttls" or "none"',
        ),
        ({"limit": '"hunter2 GiB"'}, f'account "anna": limit: {SIZE}'),
        ({"limit": "0"}, f'account "anna": limit: {SIZE}'),
        ({"limit": "1.5"}, f'account "anna": limit: {SIZE}'),
        ({"message_limit": '"5 GiB"'}, 'account "anna": message_limit: needs a whole number'),
        ({"message_limit": "0"}, 'account "anna": message_limit: must be at least 1'),
        ({"message_limit": "true"}, 'account "anna": message_limit: needs a whole number'),
        (
            {"zero_limit": '"hunter2"'},
            'account "anna": zero_limit: must be one of "unlimited" or "full"',
        ),
        ({"interval": "5"}, f'account "anna": interval: {DURATION}'),
        ({"interval": '"0s"'}, 'account "anna": interval: must be between "1s" and "30d"'),
        ({"tags": '"vip"'}, 'account "anna": tags: needs a list'),
        (
            {"tags": '["vip", "a,b"]'},
            'account "anna": tags 2: must not contain a comma, which separates tags',
        ),
        (
            {"folders": '"everything"'},
            (
                'account "anna": folders: needs "all", "inbox", or a list of folder patterns '
                'such as ["INBOX", "Work*"]'
            ),
        ),
        ({"folders": '["a\\nb"]'}, f'account "anna": folders: {CONTROL}'),
    ],
)
def test_a_wrong_account(keys: dict[str, str], expected: str) -> None:
    assert lines(account(**keys)) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("agnet = 1", 'unknown key "agnet"; did you mean "agent"?'),
        ("_env_file = 1", 'unknown key "_env_file"'),
        ("agent = 5", "agent: needs a table"),
        ("[routes]", "routes: needs a list: write [[routes]]"),
        ("receivers = 5", "receivers: needs a list: write [[receivers]]"),
        ("routes = [5]", "route 1: needs a table"),
        (
            "[agent]\npol_interval = 1",
            '[agent]: unknown key "pol_interval"; did you mean "poll_interval"?',
        ),
        ("[agent]\npoll_interval = 15", f"[agent]: poll_interval: {DURATION}"),
        ('[agent]\ntimeout = "1h"', '[agent]: timeout: must be between "1s" and "10m"'),
        ("[agent]\nmax_connections = 0", "[agent]: max_connections: must be at least 1"),
        ("[agent]\nmax_connections = 101", "[agent]: max_connections: must be at most 100"),
        ('[store]\nurl = "sqlite:///"', '[store]: url: needs a URL such as "sqlite:///agent.db"'),
        ('[store]\nurl = "hunter2"', '[store]: url: needs a URL such as "sqlite:///agent.db"'),
        (
            "[web]\nlisten = 9143",
            '[web]: listen: needs an address such as "127.0.0.1:9143" or "[::1]:9143"',
        ),
        ('[alerts]\nforecast = "7d"', '[alerts]: unknown key "forecast"'),
        ("[alerts]\nhysteresis = 5", '[alerts]: hysteresis: needs a share such as "80%"'),
        ('[alerts]\nhysteresis = "51%"', '[alerts]: hysteresis: must be at most "50%"'),
        ('[alerts]\nrepeat = ["1d", "x"]', f"[alerts]: repeat 2: {DURATION}"),
        ('[alerts]\ngroup_wait = "2h"', '[alerts]: group_wait: must be between "0s" and "1h"'),
        (
            '[alerts]\nlevels = [{ at = 80, severity = "warning" }]',
            f"[alerts]: levels 1: at: {HALVES}",
        ),
        (
            '[alerts]\nlevels = [{ at = "80%", severity = "bad" }]',
            '[alerts]: levels 1: severity: must be one of "info", "warning" or "critical"',
        ),
        ('[alerts]\nlevels = [{ at = "80%" }]', "[alerts]: levels 1: severity: is missing"),
        (
            (
                '[alerts]\nlevels = [{ at = "80%", severity = "critical" }, '
                '{ at = "95%", severity = "warning" }]'
            ),
            "[alerts]: levels: needs one level a severity, the worse one at the fuller mailbox",
        ),
        (
            (
                '[alerts]\nlevels = [{ at = "1 MB free", severity = "warning" }, '
                '{ at = "9 MB free", severity = "critical" }]'
            ),
            "[alerts]: levels: needs one level a severity, the worse one at the fuller mailbox",
        ),
        (RECEIVER.replace("apprise", "hunter2"), 'receiver "ops": type: must be "apprise"'),
        (
            RECEIVER + 'url_file = "x"',
            'receiver "ops": needs only one of target, url, url_file, url_command',
        ),
        (
            '[[receivers]]\nname = "ops"\ntype = "apprise"',
            'receiver "ops": needs one of target, url, url_file, url_command',
        ),
        (
            RECEIVER.replace("url =", "ulr ="),
            'receiver "ops": unknown key "ulr"; did you mean "url"?',
        ),
        (RECEIVER + RECEIVER, 'receiver "ops": name is used 2 times'),
        (
            '[[receivers]]\nname = "ops"\ntype = "apprise"\ntarget = { schema = "hunter 2" }',
            'receiver "ops": target: schema: needs the name of a service such as "mailtos"',
        ),
        (
            '[[receivers]]\nname = "ops"\ntype = "apprise"\ntarget = { shema = "json" }',
            'receiver "ops": target: unknown key "shema"; did you mean "schema"?',
        ),
        (
            (
                '[[receivers]]\nname = "ops"\ntype = "apprise"\n'
                'target = { schema = "json", params = { host = "hunter2" } }'
            ),
            'receiver "ops": target: params: must not repeat what the target\'s own keys say',
        ),
        (
            (
                '[[receivers]]\nname = "ops"\ntype = "apprise"\n'
                'target = { schema = "json", params = { a = ["hunter2"] } }'
            ),
            'receiver "ops": target: params: needs texts, numbers or booleans as its values',
        ),
        (
            (
                '[[receivers]]\nname = "ops"\ntype = "apprise"\n'
                'target = { schema = "json", password = "a", password_file = "b" }'
            ),
            f'receiver "ops": target: needs only one of {TWINS}',
        ),
        (
            RECEIVER + '[[routes]]\nreceivers = ["opps"]',
            'route 1: unknown receiver "opps"; did you mean "ops"?',
        ),
        ("[[routes]]\nreceivers = []", "route 1: receivers: must not be empty"),
        (
            RECEIVER + '[[routes]]\nreceivers = ["ops"]\nmatch = { severety = "critical" }',
            'route 1: match: unknown key "severety"; did you mean "severity"?',
        ),
        (
            RECEIVER + '[[routes]]\nreceivers = ["ops"]\nmatch = { rule = "usge" }',
            'route 1: match: rule: must be one of "usage" or "login"',
        ),
        (ACCOUNT, 'account "anna": name is used 2 times'),
    ],
)
def test_a_wrong_rest_of_the_file(text: str, expected: str) -> None:
    assert lines(text + "\n" + ACCOUNT) == [expected]


def test_all_problems_are_told_at_once() -> None:
    text = account(pasword_file='"x"', tls='"x"', name='"a\\u0000"') + account() + account()
    assert lines(text + '[agent]\ntimeout = 5\n[[routes]]\nreceivers = ["ops"]') == [
        f"[agent]: timeout: {DURATION}",
        f"account 1: name: {CONTROL}",
        'account 1: tls: must be one of "implicit", "starttls" or "none"',
        'account 1: unknown key "pasword_file"; did you mean "password_file"?',
        'account "anna": name is used 2 times',
        'route 1: unknown receiver "ops"',
    ]


def test_problems_of_the_environment_name_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "MAILBOX_AGENT_AGENT__TIMEOUT": "hunter2",
        "MAILBOX_AGENT_AGENT__POL_INTERVAL": "hunter2",
        "MAILBOX_AGENT_ACCOUNTS": "[hunter2",
        "MAILBOX_AGENT_ALERTS": "hunter2",
        "MAILBOX_AGENT_ALERTS__LEVELS": "hunter2",
        "MAILBOX_AGENT_CONFIG": "fine",
        "MAILBOX_AGENT_PASSWORD": "fine",
        "MAILBOX_AGENT_PORT_9143_TCP_ADDR": "set by Kubernetes",
        "MAILBOX_AGENT_SERVICE_HOST": "set by Kubernetes",
        "MAILBOX_AGENT_WEB_SERVICE_PORT_HTTP": "set by Kubernetes",
    }.items():
        monkeypatch.setenv(name, value)
    unknown = "environment: unknown variable"
    assert lines(ACCOUNT) == [
        f'{unknown} "MAILBOX_AGENT_ACCOUNTS"',
        (
            f'{unknown} "MAILBOX_AGENT_AGENT__POL_INTERVAL"; '
            'did you mean "MAILBOX_AGENT_AGENT__POLL_INTERVAL"?'
        ),
        f'{unknown} "MAILBOX_AGENT_ALERTS"',
        f'{unknown} "MAILBOX_AGENT_ALERTS__LEVELS"',
        f"environment: MAILBOX_AGENT_AGENT__TIMEOUT: [agent]: timeout: {DURATION}",
    ]


CANARY = "caterpillar"
_VALUES = st.sampled_from(
    [
        f'"{CANARY}"',
        f'"{CANARY} GiB"',
        f'["{CANARY}"]',
        f'{{ a = "{CANARY}" }}',
        f'"{CANARY}\\n"',
        f'"{CANARY}:{CANARY}"',
        f"'''{CANARY}",
        CANARY,
        f'"{CANARY}://{CANARY}@x"',
        f'"\\{CANARY}"',
    ]
)
_KEYS = {
    "agent": ["poll_interval", "timeout", "max_connections"],
    "store": ["url"],
    "web": ["listen"],
    "alerts": ["levels", "hysteresis", "stale_after", "repeat", "group_wait"],
    "[accounts]": [
        "protocol",
        "tls",
        "server",
        "username",
        "password",
        "password_file",
        "password_command",
        "limit",
        "message_limit",
        "zero_limit",
        "ca_file",
        "interval",
        "tags",
        "folders",
        "pasword",
    ],
    "[receivers]": ["type", "url", "url_file", "url_command", "target", "ulr"],
    "[routes]": ["match", "macth"],
}
_PLACES = st.sampled_from([(table, key) for table, keys in _KEYS.items() for key in keys])


@given(
    st.lists(st.tuples(_PLACES, _VALUES), min_size=1, max_size=6, unique_by=lambda each: each[0])
)
def test_no_error_ever_shows_a_value(values: list[tuple[tuple[str, str], str]]) -> None:
    text = "".join(
        f"[{table}]\n{key} = {value}\n" for (table, key), value in values if table[0] == "["
    )
    sections = {table for (table, _), _ in values if table[0] != "["}
    for section in sections:
        text += f"[{section}]\n"
        text += "".join(f"{key} = {value}\n" for (table, key), value in values if table == section)
    file = Path("config.toml")
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value)


_SCALARS = st.one_of(st.booleans(), st.integers(-9, 2**64), st.text("a%9 m:/\n", max_size=4))
_SECTIONS = st.sampled_from(["agent", "web", "alerts", "accounts", "receivers", "routes", "_x"])
_WORDS = st.sampled_from(
    [
        "name",
        "protocol",
        "imap",
        "server",
        "at",
        "levels",
        "target",
        "schema",
        "params",
        "match",
        "receivers",
        "password",
        "type",
        "apprise",
        "tags",
        "timeout",
        "listen",
        "folders",
    ]
)
_ANY = st.recursive(
    _SCALARS | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=12,
)


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


@given(st.dictionaries(_SECTIONS, _ANY, max_size=4))
def test_any_document_is_told_in_lines(document: dict[str, object]) -> None:
    """No shape of a file, however odd, ends in anything but lines that can be printed."""
    for line in lines("\n".join(f"{key} = {toml(value)}" for key, value in document.items())):
        assert line == printable(line, 1000)
