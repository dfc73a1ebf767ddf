"""TLS and client certificates by the web configuration file, with real handshakes."""

from __future__ import annotations

import ssl
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from agent.config.errors import ConfigError
from agent.web.keeper import read
from tests.support.website import Website, tls, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.certificates import Certificate, Certificates

REQUIRED = "RequireAndVerifyClientCert"
IF_GIVEN = "VerifyClientCertIfGiven"
# What OpenSSL calls the suites that the web configuration file names as Go does.
GO = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
OPENSSL = "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"


def handshake(site: Website, client: ssl.SSLContext) -> ssl.SSLSocket:
    connection = site.connection(client)
    connection.connect()
    assert isinstance(connection.sock, ssl.SSLSocket)
    return connection.sock


def fails(site: Website, client: ssl.SSLContext) -> bool:
    """Whether there is no answer; in TLS 1.3 a client learns only then that it was refused."""
    try:
        site.get("/-/healthy", tls=client)
    except (ssl.SSLError, ConnectionError):
        return True
    return False


def test_a_client_that_trusts_the_authority_is_answered_over_tls(
    tmp_path: Path, certificates: Certificates
) -> None:
    with Website(tmp_path, tls(certificates.good)) as site:
        assert site.get(tls=trusting(certificates)).body == b"page\n"
        with handshake(site, trusting(certificates)) as connection:
            assert connection.version() == "TLSv1.3"


def test_certificate_key_and_authority_may_stand_in_the_file_itself(
    tmp_path: Path, certificates: Certificates, client: Certificate
) -> None:
    inline = {
        "cert": certificates.good.chain.read_text(),
        "key": certificates.good.key.read_text(),
        "client_ca": certificates.ca.read_text(),
        "client_auth_type": REQUIRED,
    }
    with Website(tmp_path, {"tls_server_config": inline}) as site:
        assert site.get(tls=trusting(certificates, client)).status == 200
        assert site.get(tls=trusting(certificates)).status == 403


@pytest.mark.parametrize(
    ("given", "offered", "spoken"),
    [
        ({}, ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
        ({"max_version": "TLS12"}, ssl.TLSVersion.TLSv1_3, "TLSv1.2"),
        ({"min_version": "TLS13"}, ssl.TLSVersion.TLSv1_2, None),
        ({}, ssl.TLSVersion.TLSv1_1, None),
    ],
)
def test_versions_are_those_of_the_file_and_never_older_than_1_2(
    tmp_path: Path,
    certificates: Certificates,
    given: dict[str, str],
    offered: ssl.TLSVersion,
    spoken: str | None,
) -> None:
    client = trusting(certificates)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        client.minimum_version = ssl.TLSVersion.TLSv1
        client.maximum_version = offered
    client.set_ciphers("ALL:@SECLEVEL=0")
    with Website(tmp_path, tls(certificates.good, **given)) as site:
        if spoken is None:
            assert fails(site, client)
        else:
            with handshake(site, client) as connection:
                assert connection.version() == spoken


@pytest.mark.parametrize(("servers", "expected"), [(True, OPENSSL[0]), (False, OPENSSL[1])])
def test_suites_are_those_of_the_file_in_the_order_of_who_may_choose(
    tmp_path: Path,
    certificates: Certificates,
    servers: bool,  # noqa: FBT001  a value of the file
    expected: str,
) -> None:
    client = trusting(certificates)
    client.set_ciphers(":".join(reversed(OPENSSL)))
    more: dict[str, Any] = {"max_version": "TLS12", "prefer_server_cipher_suites": servers}
    with Website(tmp_path, tls(certificates.good, cipher_suites=list(GO), **more)) as site:
        with handshake(site, client) as connection:
            chosen = connection.cipher()
        client.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
        assert fails(site, client)
    assert chosen
    assert chosen[0] == expected


def test_a_curve_is_that_of_the_file(tmp_path: Path, certificates: Certificates) -> None:
    client = trusting(certificates)
    with Website(tmp_path, tls(certificates.good, curve_preferences=["CurveP384"])) as site:
        client.set_ecdh_curve("secp384r1")
        assert not fails(site, client)
        client.set_ecdh_curve("prime256v1")
        assert fails(site, client)


def test_where_a_certificate_is_required_only_probes_are_answered_without(
    tmp_path: Path, certificates: Certificates, client: Certificate
) -> None:
    more = {"client_auth_type": REQUIRED, "client_ca_file": str(certificates.ca)}
    with Website(tmp_path, tls(certificates.good, **more)) as site:
        assert site.get(tls=trusting(certificates, client)).body == b"page\n"
        nobody = trusting(certificates)
        refused = site.get(tls=nobody)
        assert (refused.status, refused.body) == (403, b"a client certificate is required\n")
        assert site.get("/-/healthy", tls=nobody).status == 200
        assert site.get("/-/healthy/", tls=nobody).status == 403


@pytest.mark.parametrize("kind", [REQUIRED, IF_GIVEN])
def test_a_certificate_that_is_not_good_ends_the_handshake(
    tmp_path: Path, certificates: Certificates, stranger: Certificate, kind: str
) -> None:
    more = {"client_auth_type": kind, "client_ca_file": str(certificates.ca)}
    with Website(tmp_path, tls(certificates.good, **more)) as site:
        for shown in (stranger, certificates.good, certificates.expired):  # the latter for servers
            assert fails(site, trusting(certificates, shown))


def test_where_it_is_verified_if_given_none_is_needed(
    tmp_path: Path, certificates: Certificates, client: Certificate
) -> None:
    more = {"client_auth_type": IF_GIVEN, "client_ca_file": str(certificates.ca)}
    with Website(tmp_path, tls(certificates.good, **more)) as site:
        assert site.get(tls=trusting(certificates)).status == 200
        assert site.get(tls=trusting(certificates, client)).status == 200


def test_any_certificate_in_the_file_of_authorities_is_trusted_as_in_the_toolkit(
    tmp_path: Path, certificates: Certificates, client: Certificate, stranger: Certificate
) -> None:
    more = {"client_auth_type": REQUIRED, "client_ca_file": str(client.chain)}
    with Website(tmp_path, tls(certificates.good, **more)) as site:
        assert site.get(tls=trusting(certificates, client)).status == 200
        assert fails(site, trusting(certificates, stranger))


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("prometheus.example", 200),
        ("2001:db8::1", 200),
        ("ops@example.com", 200),
        ("spiffe://prometheus", 200),
        ("client", 403),  # the common name
        ("grafana.example", 403),
    ],
)
def test_one_of_the_allowed_names_must_be_in_the_certificate(
    tmp_path: Path, certificates: Certificates, client: Certificate, name: str, status: int
) -> None:
    more = {"client_auth_type": REQUIRED, "client_ca_file": str(certificates.ca)}
    shown = tls(certificates.good, client_allowed_sans=["another.example", name], **more)
    with Website(tmp_path, shown) as site:
        assert site.get(tls=trusting(certificates, client)).status == status
        assert site.get(tls=trusting(certificates)).status == 403


def test_plain_http_gets_no_answer_from_tls(tmp_path: Path, certificates: Certificates) -> None:
    with Website(tmp_path, tls(certificates.good)) as site, pytest.raises(ConnectionError):
        site.get()


def test_what_cannot_be_used_is_told_by_name_and_reason(
    tmp_path: Path, certificates: Certificates
) -> None:
    good, other = certificates.good, certificates.other
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_text(
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
        "DEK-Info: AES-128-CBC,00000000000000000000000000000000\n\n"
        f"{'A' * 64}\n-----END RSA PRIVATE KEY-----\n"
    )
    (tmp_path / "long").write_bytes(b"x" * 300_000)
    none = tmp_path / "none"
    for given, problem in [
        ({"key_file": str(other.key)}, f"key_file {other.key}: is not the key of cert_file "),
        ({"key_file": str(good.chain)}, f"key_file {good.chain}: holds no private key in PEM form"),
        ({"key_file": str(encrypted)}, f"key_file {encrypted}: is encrypted; a key without a "),
        ({"cert_file": str(good.key)}, f"cert_file {good.key}: holds no certificate in PEM form"),
        ({"cert_file": str(none)}, f"cert_file {none}: no such file or directory"),
        ({"cert_file": str(tmp_path)}, f"cert_file {tmp_path}: is a directory"),
        ({"cert_file": "/dev/null"}, "cert_file /dev/null: is not a plain file"),
        ({"key_file": str(tmp_path / "long")}, f"key_file {tmp_path}/long: is larger than 256 KiB"),
        (
            {"client_auth_type": REQUIRED, "client_ca_file": str(good.key)},
            f"client_ca_file {good.key}: holds no certificates in PEM form",
        ),
        (
            {"client_auth_type": REQUIRED, "client_ca": "wonderland"},
            "client_ca: holds no certificates in PEM form",
        ),
    ]:
        site = Website(tmp_path, {})
        site.write(tls(good, **given))
        with pytest.raises(ConfigError) as caught:
            read(site.file)
        [line] = caught.value.lines
        assert line.startswith(f"{site.file}: tls_server_config: {problem}")
        assert "wonderland" not in line
