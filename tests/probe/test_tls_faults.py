"""Without a verified TLS connection there is no login, and nothing said before it is believed."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pytest

from agent.model import FailureKind, QuotaState
from tests.support.certificates import Certificate
from tests.support.faults import (
    IMAP,
    READY,
    SESSION,
    Fault,
    assert_no_login,
    begun,
    broken,
    meet,
    part,
    say,
    starttls,
    stls,
    under_tls,
)
from tests.support.scripted import Line, Scripted, imap

if TYPE_CHECKING:
    from tests.support.dovecot import Dovecot
    from tests.support.scripted import Talk

Way = Callable[["Talk", FailureKind], Fault]  # how a connection gets to the handshake
Bad = Literal["expired", "other"]
LOGS_IN = imap(SESSION, IMAP)  # a server that hears of a login that should not be
pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")


def old_tls(line: Line) -> None:
    """Speak TLS 1.1 and nothing newer."""
    assert line.certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(line.certificate.chain, line.certificate.key)
    with context.wrap_socket(line.socket, server_side=True) as secure:
        secure.sendall(READY)


def drip(line: Line) -> None:
    """Begin a long TLS record that never gets complete."""
    line.say(b"\x16\x03\x03\x40\x00")
    line.drip(b"\0", 0.05)


def greeted(talk: Talk) -> Talk:
    """Wait for the client's side of the handshake first."""

    def after_hello(line: Line) -> None:
        line.socket.recv(1 << 16)
        talk(line)

    return after_hello


WAYS: dict[str, Way] = {
    "IMAP": lambda talk, kind: Fault(talk, kind, "imap", "implicit"),
    "POP3": lambda talk, kind: Fault(talk, kind, "pop3", "implicit"),
    "STARTTLS": lambda talk, kind: Fault(starttls(begun(talk)), kind, "imap", "starttls"),
    "STLS": lambda talk, kind: Fault(stls(begun(talk)), kind, "pop3", "starttls"),
}
HANDSHAKES = {
    "silence": (Line.stall, FailureKind.TIMEOUT),
    "a drip": (greeted(drip), FailureKind.TIMEOUT),
    "an end": (greeted(part(b"")), FailureKind.PROTOCOL),
    "a reset": (greeted(broken(b"")), FailureKind.PROTOCOL),
    "plain text": (greeted(say(READY)), FailureKind.TLS),
    "TLS 1.1 only": (old_tls, FailureKind.TLS),
}
CERTIFICATES: dict[Bad, str] = {  # and the words for it
    "expired": "certificate has expired",
    "other": "not valid for '127.0.0.1'",
}


@pytest.mark.parametrize("handshake", HANDSHAKES.values(), ids=HANDSHAKES.keys())
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_after_a_handshake_that_goes_wrong_nobody_logs_in(
    way: Way, handshake: tuple[Talk, FailureKind], dovecot: Dovecot
) -> None:
    assert_no_login(meet(way(*handshake), dovecot.certificates))


@pytest.mark.parametrize(("certificate", "words"), CERTIFICATES.items())
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_certificate_that_does_not_fit_gets_no_password(
    way: Way, certificate: Bad, words: str, dovecot: Dovecot
) -> None:
    fault = replace(way(under_tls(LOGS_IN), FailureKind.TLS), certificate=certificate)
    met = meet(fault, dovecot.certificates)
    assert_no_login(met)
    assert words in met.failure.detail


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_certificate_of_an_unknown_authority_gets_no_password(way: Way, dovecot: Dovecot) -> None:
    fault = way(under_tls(LOGS_IN), FailureKind.TLS)
    met = meet(fault, dovecot.certificates, ca_file=None)
    assert_no_login(met)
    assert "unable to get local issuer" in met.failure.detail


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_self_signed_certificate_gets_no_password(way: Way, dovecot: Dovecot) -> None:
    root = dovecot.certificates.ca
    own = replace(dovecot.certificates, good=Certificate(root, root.with_suffix(".key")))
    met = meet(way(under_tls(LOGS_IN), FailureKind.TLS), own, ca_file=None)
    assert_no_login(met)
    assert "self-signed certificate" in met.failure.detail


def test_the_server_with_old_tls_would_talk_to_an_old_client(dovecot: Dovecot) -> None:
    old = ssl.create_default_context(cafile=str(dovecot.certificates.ca))
    old.minimum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with (
        Scripted(old_tls, dovecot.certificates.good) as server,
        socket.create_connection(("127.0.0.1", server.port), 8) as plain,
        old.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        assert secure.version() == "TLSv1.1"
        assert secure.recv(100) == READY


@pytest.mark.parametrize("word", [b"OK", b"NO", b"BYE"])
def test_a_referral_at_login_is_not_followed(word: bytes, dovecot: Dovecot) -> None:
    said = b"[REFERRAL imap://127.0.0.1:1/] there\r\n"
    tagged = b"* BYE " + said if word == b"BYE" else b"<tag> " + word + b" " + said
    expected = QuotaState.LIMITED if word == b"OK" else FailureKind.DENIED
    script = imap(SESSION | {b"LOGIN": tagged}, IMAP)
    meet(Fault(under_tls(script), expected, tls="implicit"), dovecot.certificates)
