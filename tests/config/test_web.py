"""The web configuration file: what it may say, and the exact lines where it says something else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from agent.config.errors import ConfigError
from agent.config.web import load_web

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
PAIR = "cert_file: server.crt, key_file: server.key"
SECTIONS = "tls_server_config, http_server_config, basic_auth_users, rate_limit"
VERIFIED = (
    'client_auth_type: certificates are verified here, or not asked for; write "RequireAndVerify'
    'ClientCert" or "NoClientCert"'
)
NEEDS_VERIFYING = 'needs client_auth_type "RequireAndVerifyClientCert"'
KINDS = '"NoClientCert", "VerifyClientCertIfGiven" or "RequireAndVerifyClientCert"'
ONLY_NEW = (
    "has no suite of TLS 1.2, and those of TLS 1.3 are always on; write "
    'min_version: "TLS13" instead'
)
ONE_CURVE = "takes one curve only; name it, or leave the key out for the usual ones"
BCRYPT = 'needs a bcrypt hash, as "htpasswd -nB" makes it'
NAME = "needs a name of printable text in quotes, without a colon"
DURATION = 'needs a duration such as "1s" or "500ms"'


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def lines(text: str | bytes) -> list[str]:
    file = Path("web.yml")
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load_web(file)
    return [line.removeprefix("web.yml: ") for line in caught.value.lines]


def of_tls(text: str) -> list[str]:
    """The problems of a certificate, a key, and these keys of YAML's flow style."""
    found = lines(f"tls_server_config: {{{PAIR}, {text}}}")
    assert all(line.startswith("tls_server_config: ") for line in found)
    return [line.removeprefix("tls_server_config: ") for line in found]


def test_every_key_of_the_toolkit_is_understood(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "web.yml").write_text(f"""
tls_server_config:
  cert_file: tls/server.crt
  key_file: /keys/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: clients.crt
  client_allowed_sans:
    - prometheus.example
    - 192.0.2.7
  min_version: TLS12
  max_version: TLS13
  cipher_suites:
    - TLS_AES_128_GCM_SHA256
    - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP256]
http_server_config:
  http2: false
  headers:
    X-Frame-Options: sameorigin
    Strict-Transport-Security: max-age=31536000; includeSubDomains
basic_auth_users:
  alice: {HASH}
rate_limit:
  interval: 1m0.5s
  burst: 20
""")
    file = load_web(Path("etc/web.yml"))
    server = file.tls_server_config
    assert server
    assert (server.cert_file, server.key_file) == (
        folder / "tls/server.crt",
        Path("/keys/server.key"),
    )
    assert server.client_ca_file == folder / "clients.crt"
    assert server.client_allowed_sans == ("prometheus.example", "192.0.2.7")
    assert file.http_server_config.headers.given() == {
        "X-Frame-Options": "sameorigin",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    }
    assert file.basic_auth_users["alice"].get_secret_value() == HASH
    assert file.rate_limit.interval == timedelta(seconds=60.5)
    assert HASH not in repr(file)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", f"needs at least one of {SECTIONS}"),
        ("wonderland", f"needs at least one of {SECTIONS}"),
        ("1: wonderland", f"needs at least one of {SECTIONS}"),
        (
            "tls_server_confg: {}",
            'unknown key "tls_server_confg"; did you mean "tls_server_config"?',
        ),
        ("tls_server_config:\n", "tls_server_config: needs a table"),
        ("rate_limit:\n", "rate_limit: needs a table"),
        ("tls_server_config: wonderland", "tls_server_config: needs a table"),
        ("rate_limit: [wonderland", "line 1, column 24: not valid YAML"),
        ("rate_limit: !!python/name:os.system", "line 1, column 13: not valid YAML"),
        ("rate_limit: {}\nrate_limit: {}", "line 2, column 1: this key is there twice"),
        (b"\xff", "not valid YAML"),
        ("a: 2020-99-99", "not valid YAML"),
        ("a: " + "[" * 9999, "not valid YAML"),
    ],
)
def test_a_file_that_is_no_web_configuration(text: str | bytes, expected: str) -> None:
    assert lines(text) == [expected]


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ConfigError) as caught:
        load_web(Path("none.yml"))
    assert caught.value.lines == ("none.yml: no such file or directory",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cert: wonderland", "needs only one of cert, cert_file"),
        ("key: wonderland", "needs only one of key, key_file"),
        ("client_auth_type: RequestClientCert", VERIFIED),
        ("client_auth_type: RequireAnyClientCert", VERIFIED),
        ("client_auth_type: wonderland", f"client_auth_type: must be one of {KINDS}"),
        (
            "client_auth_type: RequireAndVerifyClientCert",
            'client_ca_file: is needed by client_auth_type "RequireAndVerifyClientCert"',
        ),
        ("client_ca_file: x", f"client_ca_file: {NEEDS_VERIFYING}"),
        ("client_ca: wonderland", f"client_ca_file: {NEEDS_VERIFYING}"),
        (
            "client_auth_type: VerifyClientCertIfGiven, client_ca: x, client_ca_file: x",
            "client_ca_file: is not needed beside client_ca",
        ),
        ("client_allowed_sans: [wonderland]", f"client_allowed_sans: {NEEDS_VERIFYING}"),
        (
            "client_auth_type: VerifyClientCertIfGiven, client_ca: x, client_allowed_sans: [x]",
            f"client_allowed_sans: {NEEDS_VERIFYING}",
        ),
        ("min_version: TLS10", 'min_version: must be one of "TLS12" or "TLS13"'),
        ("max_version: TLS11", 'max_version: must be one of "TLS12" or "TLS13"'),
        (
            "min_version: TLS13, max_version: TLS12",
            "max_version: must not be older than min_version",
        ),
        (
            "cipher_suites: [wonderland]",
            'cipher_suites: needs suites such as "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"',
        ),
        ("cipher_suites: [TLS_AES_128_GCM_SHA256]", f"cipher_suites: {ONLY_NEW}"),
        ("curve_preferences: [X25519, CurveP256]", f"curve_preferences: {ONE_CURVE}"),
        (
            "prefer_server_cipher_suites: wonderland",
            "prefer_server_cipher_suites: needs true or false",
        ),
    ],
)
def test_what_cannot_be_honoured_of_tls_is_refused_in_one_line(text: str, expected: str) -> None:
    assert of_tls(text) == [expected]


def test_a_missing_certificate_or_key_is_told_but_not_beside_its_misspelling() -> None:
    assert lines("tls_server_config: {}") == [
        "tls_server_config: needs one of cert, cert_file",
        "tls_server_config: needs one of key, key_file",
    ]
    assert lines("tls_server_config: {cert_flie: wonderland, key_file: x}") == [
        'tls_server_config: unknown key "cert_flie"; did you mean "cert_file"?'
    ]


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        ("{}", "needs users, each with a bcrypt hash; without the key anyone may read"),
        ("[alice]", "needs users, each with a bcrypt hash; without the key anyone may read"),
        ("{alice: wonderland}", f'user "alice": {BCRYPT}'),
        ("{alice: [wonderland]}", f'user "alice": {BCRYPT}'),
        (f"{{alice: '{HASH[:-1]}'}}", f'user "alice": {BCRYPT}'),
        (
            f"{{alice: '{HASH.replace('10', '15')}'}}",
            'user "alice": needs a bcrypt hash of cost 4 to 14',
        ),
        (
            f"{{alice: '{HASH.replace('10', '03')}'}}",
            'user "alice": needs a bcrypt hash of cost 4 to 14',
        ),
        (f"{{alice: '{HASH}', 1: '{HASH}'}}", f"user 2: {NAME}"),
        (f"{{'a:b': '{HASH}'}}", f'user "a:b": {NAME}'),
        (f"{{'': '{HASH}'}}", f"user 1: {NAME}"),
        (f"{{'{HASH}': alice}}", f"user 1: {BCRYPT}"),
    ],
)
def test_a_user_without_a_name_or_a_hash_is_refused(users: str, expected: str) -> None:
    assert lines(f"basic_auth_users: {users}") == [f"basic_auth_users: {expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http_server_config: {http2: wonderland}", "http2: needs true or false"),
        (
            "http_server_config: {headers: {X-Frame-Options: wonderland}}",
            'headers: X-Frame-Options: must be one of "", "deny" or "sameorigin"',
        ),
        (
            'http_server_config: {headers: {X-XSS-Protection: "wonder\\r\\nland"}}',
            "headers: X-XSS-Protection: must be printable ASCII without spaces at its ends",
        ),
        (
            "http_server_config: {headers: {Set-Cookie: wonderland}}",
            'headers: unknown key "Set-Cookie"',
        ),
        ("rate_limit: {interval: 5}", f"interval: {DURATION}"),
        ("rate_limit: {interval: 1d}", f"interval: {DURATION}"),
        ("rate_limit: {interval: 1s, burst: 0}", "burst: must be at least 1"),
        ("rate_limit: {burst: wonderland}", "burst: needs a whole number"),
    ],
)
def test_other_sections_are_as_strict(text: str, expected: str) -> None:
    assert lines(text) == [f"{text.partition(':')[0]}: {expected}"]
