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
ALERTMANAGER = """
[[receivers]]
name = "cluster"
type = "alertmanager"
urls = {}
"""
URLS_2 = 'receiver "cluster": urls 2'
PEER = 'needs a URL such as "http://alertmanager.example.com:9093"'
DURATION = 'needs a duration such as "30s", "15m", "1h30m" or "7d"'
SERVER = 'needs a server such as "mail.example.com", "mail.example.com:993" or "[2001:db8::1]:993"'
CONTROL = "must not contain control characters (CR, LF, NUL or the like)"
SIZE = 'needs a size such as "500 MB" or "5 GiB", or a number of bytes'
TWINS = "password, password_file, password_command"
ADDRESS = 'needs an address such as "anna@example.com"'
MOMENT = "needs a date and time such as 2026-07-01T08:00:00, or with a zone 2026-07-01T08:00:00Z"
HOURS = 'needs hours such as "22:00-07:00" or "Mon-Fri 22:00-07:00", or a list of them'
ZONE = 'needs a time zone such as "Europe/Berlin"'
MAIL = 'needs a mail service such as "mailtos"'
RULES = (
    'must be one of "usage", "forecast", "unread", "uncollected", "poll", "login", "stale", '
    '"limit", "certificate", "server" or "agent"'
)
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
        ({"owner": "1"}, f'account "anna": owner: {ADDRESS}, or a list of addresses'),
        ({"owner": '"hunter2"'}, f'account "anna": owner: {ADDRESS}'),
        ({"owner": '["a@example.com", "hunter2@a,b"]'}, f'account "anna": owner: {ADDRESS}'),
        ({"owner_second": '"a@b\\n"'}, f'account "anna": owner_second: {CONTROL}'),
        (
            {"alerts": "{ levls = [] }"},
            'account "anna": alerts: unknown key "levls"; did you mean "levels"?',
        ),
        (
            {"alerts": '{ levels = [{ at = "hunter2", severity = "info" }] }'},
            f'account "anna": alerts: levels 1: at: {HALVES}',
        ),
        (
            {"alerts": '{ forecast = "hunter2" }'},
            f'account "anna": alerts: forecast: {DURATION}; or "off"',
        ),
        (
            {"alerts": '{ uncollected = "3d" }'},
            'account "anna": alerts: key "uncollected" does not go with protocol "imap"',
        ),
        (
            {"protocol": '"pop3"', "alerts": "{ unread = 5 }"},
            'account "anna": alerts: key "unread" does not go with protocol "pop3"',
        ),
        (
            {"protocol": '"pop3"', "alerts": '{ uncollected = "3d" }'},
            'account "anna": alerts: uncollected needs track_messages = true',
        ),
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
        ({"password_file": ""}, f'account "anna": needs one of oauth2, {TWINS}'),
        ({"password": '"hunter2"'}, f'account "anna": needs only one of oauth2, {TWINS}'),
        ({"password_command": '["hunter2"]'}, f'account "anna": needs only one of oauth2, {TWINS}'),
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
        (
            '[agent]\ntimezone = "Europe/Belrin"',
            f'[agent]: timezone: {ZONE}; did you mean "Europe/Berlin"?',
        ),
        ('[agent]\ntimezone = ""', f"[agent]: timezone: {ZONE}"),
        ('[agent]\ntimezone = "../hunter2"', f"[agent]: timezone: {ZONE}"),
        ('[agent]\ntimezone = "posix"', f"[agent]: timezone: {ZONE}"),
        ('[agent]\ntimezone = "\\u0000"', f"[agent]: timezone: {ZONE}"),
        ('[agent]\nlanguage = "fr"', '[agent]: language: must be one of "en", "de" or "es"'),
        ("[agent]\ntemplates = 5", "[agent]: templates: needs a path in quotes"),
        ("[alerts]\nforecast = 7", f'[alerts]: forecast: {DURATION}; or "off"'),
        (
            '[alerts]\nforecast = "2000d"',
            '[alerts]: forecast: must be between "1s" and "365d"; or "off"',
        ),
        ("[alerts]\nunread = true", '[alerts]: unread: needs a whole number; or "off"'),
        ("[alerts]\nunread = -1", '[alerts]: unread: must be at least 0; or "off"'),
        ("[alerts]\npoll_failures = 0", "[alerts]: poll_failures: must be at least 1"),
        ("[alerts]\nquiet_hours = 22", f"[alerts]: quiet_hours: {HOURS}"),
        ('[alerts]\nquiet_hours = "22:00-24:01"', f"[alerts]: quiet_hours: {HOURS}"),
        ('[alerts]\nquiet_hours = ["22:00-07:00", 5]', f"[alerts]: quiet_hours: {HOURS}"),
        (
            '[alerts]\nquiet_hours = ["Sat-Sun 00:00-24:00", "Sun-Fri 12:00-11:00", "11:00-12:00"]',
            "[alerts]: quiet_hours: leaves no time in the week at which anything could be told",
        ),
        ("silences = 5", "silences: needs a list: write [[silences]]"),
        ("[[silences]]\nuntil = 2026-01-02T00:00:00", "silence 1: match: is missing"),
        ("[[silences]]\nmatch = {}", "silence 1: until: is missing"),
        ("[[silences]]\nmatch = {}\nuntil = 2026-01-02", f"silence 1: until: {MOMENT}"),
        ('[[silences]]\nmatch = {}\nuntil = "hunter2:"', f"silence 1: until: {MOMENT}"),
        ("[[silences]]\nmatch = {}\nuntil = 9999-12-31T23:59:59", f"silence 1: until: {MOMENT}"),
        (
            "[[silences]]\nmatch = {}\nfrom = 2026-01-02T00:00:00\nuntil = 2026-01-01T00:00:00",
            "silence 1: until: must be after `from`",
        ),
        (
            "[[silences]]\nmatch = {}\nunitl = 2026-01-01T00:00:00",
            'silence 1: unknown key "unitl"; did you mean "until"?',
        ),
        (
            "[[silences]]\nmatch = { acount = 5 }\nuntil = 2026-01-01T00:00:00",
            'silence 1: match: unknown key "acount"; did you mean "account"?',
        ),
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
        (
            RECEIVER.replace("apprise", "hunter2"),
            'receiver "ops": type: must be one of "apprise", "owner" or "alertmanager"',
        ),
        (
            RECEIVER.replace("type", "tpye"),
            'receiver "ops": type is missing; write one of "apprise", "owner" or "alertmanager"',
        ),
        (
            RECEIVER + "contact = 5",
            'receiver "ops": key "contact" does not go with type "apprise"',
        ),
        (RECEIVER.replace("apprise", "owner"), f'receiver "ops": url: {MAIL}'),
        (
            '[[receivers]]\nname = "ops"\ntype = "owner"\ntarget = { schema = "json" }',
            f'receiver "ops": target: {MAIL}',
        ),
        (
            (
                '[[receivers]]\nname = "ops"\ntype = "owner"\n'
                'target = { schema = "mailtos", targets = ["hunter2@example.com"] }'
            ),
            'receiver "ops": target: must not have targets: the owner of each mailbox is told',
        ),
        (RECEIVER + "quiet_hours = 5", f'receiver "ops": quiet_hours: {HOURS}'),
        (
            RECEIVER + 'min_severity = "bad"',
            'receiver "ops": min_severity: must be one of "info", "warning" or "critical"',
        ),
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
        (
            ALERTMANAGER.format('["http://127.0.0.1:9093"]') + 'password = "hunter2"',
            'receiver "cluster": needs username and password together',
        ),
        (
            ALERTMANAGER.format('["http://127.0.0.1:9093"]') + 'username = "agent"',
            'receiver "cluster": needs username and password together',
        ),
        (
            ALERTMANAGER.format('["http://127.0.0.1:9093"]')
            + 'username = "agent"\npassword = "hunter2"\nbearer_token = "hunter2"',
            'receiver "cluster": needs only one of password and bearer_token',
        ),
        (
            ALERTMANAGER.format('["http://127.0.0.1:9093"]')
            + 'bearer_token = "a"\nbearer_token_file = "b"',
            (
                'receiver "cluster": needs only one of bearer_token, bearer_token_file, '
                "bearer_token_command"
            ),
        ),
        (ALERTMANAGER.format("[]"), 'receiver "cluster": urls: must not be empty'),
        *(
            (ALERTMANAGER.format(f'["http://127.0.0.1:9093", "{url}"]'), f"{URLS_2}: {problem}")
            for url, problem in [
                ("hunter2", PEER),
                ("ftp://hunter2", PEER),
                ("http://", PEER),
                ("http://hunter2:99999", PEER),
                ("http://[hunter2", PEER),
                ("http://hunter 2", PEER),
                ("http://:9093", f"{PEER}, without the path of the API"),
                ("http://am:9093/api/v2/alerts", f"{PEER}, without the path of the API"),
                ("http://am:9093/?hunter2", f"{PEER}, without the path of the API"),
                (
                    "http://a:hunter2@am:9093",
                    "must not hold a user or password; these have keys of their own",
                ),
            ]
        ),
        (
            '[alerts]\nheartbeat_url = "hunter2"',
            "[alerts]: heartbeat_url: needs a URL that begins with https:// or http://",
        ),
        (
            '[alerts]\nheartbeat_url = "https://a"\nheartbeat_url_file = "b"',
            (
                "[alerts]: needs only one of heartbeat_url, heartbeat_url_file, "
                "heartbeat_url_command"
            ),
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
            f'route 1: match: rule: {RULES}; did you mean "usage"?',
        ),
        (
            RECEIVER + '[[routes]]\nreceivers = ["ops"]\nmatch = { rule = ["usage", 5] }',
            "route 1: match: rule: needs text in quotes, or a list of such texts",
        ),
        (
            RECEIVER + '[[routes]]\nreceivers = ["ops"]\nmatch = { account = [] }',
            "route 1: match: account: needs text in quotes, or a list of such texts",
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
        f'{unknown} "MAILBOX_AGENT_ALERTS"; did you mean "MAILBOX_AGENT_ALERTS__UNREAD"?',
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
    "agent": ["poll_interval", "timeout", "max_connections", "timezone", "language", "templates"],
    "store": ["url"],
    "web": ["listen"],
    "alerts": [
        "levels",
        "hysteresis",
        "stale_after",
        "repeat",
        "group_wait",
        "heartbeat_url",
        "heartbeat_url_file",
        "heartbeat_url_command",
        "forecast",
        "unread",
        "uncollected",
        "poll_failures",
        "certificate",
        "quiet_hours",
    ],
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
        "owner",
        "owner_second",
        "alerts",
    ],
    "[receivers]": [
        *("type", "url", "url_file", "url_command", "target", "ulr", "quiet_hours"),
        *("urls", "username", "password", "bearer_token", "bearer_token_command", "ca_file"),
    ],
    "[routes]": ["match", "macth"],
    "[silences]": ["match", "from", "until", "comment", "untl"],
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
_SECTIONS = st.sampled_from(
    ["agent", "web", "alerts", "accounts", "receivers", "routes", "silences", "_x"]
)
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
        "owner",
        "url",
        "alerts",
        "quiet_hours",
        "rule",
        "account",
        "until",
        "timezone",
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
