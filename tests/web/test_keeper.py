"""The web configuration file and what it names, changed while the server runs."""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support.certificates import Certificate
from tests.support.website import ALICE, BOB, LOOPBACK, PATIENCE, Website, tls, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.certificates import Certificates

REQUIRED = "RequireAndVerifyClientCert"
ONLY_ALICE = {"basic_auth_users": {"alice": ALICE}}
ONLY_BOB = {"basic_auth_users": {"bob": BOB}}


def shown(site: Website) -> bytes | None:
    """The certificate that a new connection gets to see."""
    anyone = ssl.create_default_context()
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE
    with closing(site.connection(anyone)) as connection:
        connection.connect()
        assert isinstance(connection.sock, ssl.SSLSocket)
        return connection.sock.getpeercert(binary_form=True)


def der(certificate: Certificate) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.chain.read_text())


def test_users_are_those_of_the_file_as_it_is_now(tmp_path: Path) -> None:
    with Website(tmp_path, ONLY_ALICE) as site, capture_logs() as logged:
        assert site.get(user="alice:alicealice").status == 200
        site.write(ONLY_BOB)
        assert site.get(user="alice:alicealice").status == 401
        assert site.get(user="bob:bobbob").status == 200
    assert logged == [{"event": "web.config_reloaded", "log_level": "info", "file": str(site.file)}]


def test_content_counts_not_time_or_size(tmp_path: Path) -> None:
    with Website(tmp_path, ONLY_ALICE) as site:
        before = site.file.stat()
        text = site.file.read_text()
        site.file.write_text(text.replace('"alice"', '"carol"'))
        os.utime(site.file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert site.file.stat().st_size == before.st_size
        assert site.get(user="carol:alicealice").status == 200
        with capture_logs() as logged:
            site.file.touch()
            assert site.get(user="carol:alicealice").status == 200
        assert logged == []


def test_a_file_that_is_named_no_more_does_not_count(
    tmp_path: Path, certificates: Certificates
) -> None:
    old = tmp_path / "old.pem"
    old.write_bytes(certificates.good.chain.read_bytes())
    with Website(tmp_path, tls(Certificate(old, certificates.good.key))) as site:
        site.write(tls(certificates.other))
        assert shown(site) == der(certificates.other)
        with capture_logs() as logged:
            old.unlink()
            assert shown(site) == der(certificates.other)
        assert logged == []


def test_a_folder_swapped_behind_a_link_is_noticed_as_kubernetes_does_it(
    tmp_path: Path, certificates: Certificates
) -> None:
    for name, certificate in (("1", certificates.good), ("2", certificates.other)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tls.crt").write_bytes(certificate.chain.read_bytes())
        (tmp_path / name / "tls.key").write_bytes(certificate.key.read_bytes())
    (tmp_path / "..data").symlink_to("1")
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    document = {"tls_server_config": {"cert_file": "tls.crt", "key_file": "tls.key"}}
    with Website(tmp_path, document) as site:
        assert shown(site) == der(certificates.good)
        (tmp_path / "new").symlink_to("2")
        (tmp_path / "new").rename(tmp_path / "..data")
        assert shown(site) == der(certificates.other)


def test_new_connections_get_the_new_certificate_and_old_ones_end_with_their_answer(
    tmp_path: Path, certificates: Certificates
) -> None:
    with Website(tmp_path, tls(certificates.good)) as site:
        with closing(site.connection(trusting(certificates))) as connection:
            connection.request("GET", "/")
            first = connection.getresponse()
            assert (first.read(), first.headers["connection"]) == (b"page\n", None)
            site.write(tls(certificates.other))
            connection.request("GET", "/")
            last = connection.getresponse()
            assert (last.read(), last.headers["connection"]) == (b"page\n", "close")
        assert shown(site) == der(certificates.other)


def test_a_certificate_that_comes_before_its_key_is_used_when_that_is_there(
    tmp_path: Path, certificates: Certificates
) -> None:
    good, other = certificates.good, certificates.other
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(good.chain.read_bytes())
    key.write_bytes(good.key.read_bytes())
    document = {"tls_server_config": {"cert_file": "chain.pem", "key_file": "key.pem"}}
    with Website(tmp_path, document) as site, capture_logs() as logged:
        chain.write_bytes(other.chain.read_bytes())
        assert [shown(site), shown(site)] == [der(good)] * 2
        key.write_bytes(other.key.read_bytes())
        assert shown(site) == der(other)
    problem = f"key_file {key}: is not the key of cert_file {chain}"
    assert logged == [
        {
            "event": "web.config_refused",
            "log_level": "error",
            "problem": f"{site.file}: tls_server_config: {problem}",
        },
        {"event": "web.config_reloaded", "log_level": "info", "file": str(site.file)},
    ]


def test_other_authorities_of_clients_count_for_new_connections_and_resumed_sessions(
    tmp_path: Path, certificates: Certificates, client: Certificate, stranger: Certificate
) -> None:
    authorities = tmp_path / "clients.pem"
    authorities.write_bytes(certificates.ca.read_bytes())
    more = {"client_auth_type": REQUIRED, "client_ca_file": "clients.pem"}
    known, unknown = trusting(certificates, client), trusting(certificates, stranger)
    with Website(tmp_path, tls(certificates.good, **more)) as site:
        session = asked(site, known)
        assert asked(site, known, session)
        authorities.write_bytes((stranger.chain.parent / "ca.pem").read_bytes())
        assert asked(site, unknown)
        assert not asked(site, known)
        assert not asked(site, known, session)


def asked(
    site: Website, client: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> ssl.SSLSession | None:
    """The session of a connection that was answered; None where it was not."""
    plain = socket.create_connection((LOOPBACK, site.server.port), timeout=PATIENCE)
    try:
        with client.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answered = connection.recv(15) == b"HTTP/1.1 200 OK"
            return connection.session if answered else None
    except (ssl.SSLError, ConnectionError):
        return None


def test_tls_can_be_switched_on(tmp_path: Path, certificates: Certificates) -> None:
    with Website(tmp_path, {"rate_limit": {}}) as site:
        assert site.get().status == 200
        site.write(tls(certificates.good))
        assert site.get(tls=trusting(certificates)).status == 200
        with pytest.raises(ConnectionError):
            site.get()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "basic_auth_users:\n  alice: wonderland\n",
        "basic_auth_users:\n  alice: '$2b$04$\n",
        "wonderland: {}\n",
        "basic_auth_users: {}\n",
        "\x00\xff",
        None,  # no file
    ],
)
def test_a_file_that_is_wrong_lets_in_whom_the_last_good_one_did_and_is_told_once(
    tmp_path: Path, text: str | None
) -> None:
    with Website(tmp_path, ONLY_ALICE) as site:
        with capture_logs() as logged:
            site.file.unlink() if text is None else site.file.write_text(text)
            for _ in range(3):
                assert site.get().status == 401
                assert site.get(user="alice:alicealice").status == 200
        assert [entry["event"] for entry in logged] == ["web.config_refused"]
        assert logged[0]["problem"].startswith(f"{site.file}: ")
        site.write(ONLY_BOB)
        assert site.get(user="bob:bobbob").status == 200


@pytest.mark.parametrize(
    "lost", ["tls_server_config", "client_auth_type", "client_allowed_sans", "basic_auth_users"]
)
def test_what_would_protect_less_takes_a_restart(
    tmp_path: Path, certificates: Certificates, client: Certificate, lost: str
) -> None:
    names = {"client_allowed_sans": ["ops@example.com"]}
    more = {"client_auth_type": REQUIRED, "client_ca_file": str(certificates.ca)}
    rest: dict[str, dict[str, Any]] = {
        "tls_server_config": ONLY_ALICE,
        "client_auth_type": tls(certificates.good) | ONLY_ALICE,
        "client_allowed_sans": tls(certificates.good, **more) | ONLY_ALICE,
        "basic_auth_users": tls(certificates.good, **more, **names),
    }
    known, unknown = trusting(certificates, client), trusting(certificates)
    whole = tls(certificates.good, **more, **names) | ONLY_ALICE
    with Website(tmp_path, whole) as site, capture_logs() as logged:
        site.write(rest[lost])
        assert site.get(user="alice:alicealice", tls=known).status == 200
        assert site.get(user="alice:alicealice", tls=unknown).status == 403
        assert site.get(tls=known).status == 401
    problem = f"{site.file}: {lost}: protects less than before, which takes a restart"
    assert [entry["problem"] for entry in logged] == [problem]
    with Website(tmp_path, rest[lost]) as site:
        channel = None if lost == "tls_server_config" else known
        assert site.get(user="alice:alicealice", tls=channel).status == 200


def test_nothing_secret_is_logged(tmp_path: Path, certificates: Certificates) -> None:
    with Website(tmp_path, tls(certificates.good) | ONLY_ALICE) as site, capture_logs() as logged:
        site.get(user="alice:hunter2", tls=trusting(certificates))
        for key in ("wonderland", certificates.other.key.read_text()):
            site.write({"tls_server_config": {"cert": "wonderland", "key": key}} | ONLY_BOB)
            site.get(user="alice:hunter2", tls=trusting(certificates))
    assert len(logged) == 2
    told = str(logged)
    for secret in ("hunter2", "wonderland", ALICE, BOB, "PRIVATE"):
        assert secret not in told
