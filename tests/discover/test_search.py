"""Where a mailbox is, asked of a real name server, a real web server and a real mail server."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from agent.config.endpoint import Endpoint
from agent.discover.autoconfig import LARGEST, AutoconfigError, servers
from agent.discover.dns import Dns
from agent.discover.found import Found, Source
from agent.discover.search import Candidate, Search
from tests.support.name_server import NameServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.certificates import Certificates
    from tests.support.dovecot import Dovecot

ANNA = "anna@firm.example"
SERVER = """
<incomingServer type="{type}">
  <hostname>{host}</hostname><port>{port}</port><socketType>{tls}</socketType>
  <username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication>
</incomingServer>
"""


def config(*found: str) -> bytes:
    provider = f'<emailProvider id="firm.example">{"".join(found)}</emailProvider>'
    return f'<clientConfig version="1.1">{provider}</clientConfig>'.encode()


def told(port: int | str, host: str = "localhost", kind: str = "imap", tls: str = "SSL") -> str:
    return SERVER.format(type=kind, host=host, port=port, tls=tls)


@contextmanager
def web(certificates: Certificates, pages: Mapping[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """An HTTPS server with these pages: its address, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = pages.get(self.path)
            if body and body.startswith(b"http"):
                self.send_response(302)
                self.send_header("Location", body.decode())
            else:
                self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.good.chain, certificates.good.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def search(
    dovecot: Dovecot, names: NameServer, *addresses: tuple[Source, str], address: str = ANNA
) -> list[Candidate]:
    dns = Dns(10, ["127.0.0.1"], names.port)
    return Search(dns, 10, addresses, dovecot.certificates.ca).candidates(address)


def answering(candidates: list[Candidate]) -> list[Found]:
    return [each.found for each in candidates if not each.failure]


def test_servers_are_found_by_srv_records_best_first(dovecot: Dovecot) -> None:
    records = {
        ("_imaps._tcp.firm.example", "SRV"): [
            f"20 0 {dovecot.ports.imaps} localhost.",
            f"10 0 {dovecot.ports.imaps} 127-0-0-1.nosuch.invalid.",
        ],
        ("_imap._tcp.firm.example", "SRV"): [f"0 0 {dovecot.ports.imap} localhost."],
        ("_pop3s._tcp.firm.example", "SRV"): [f"0 0 {dovecot.ports.pop3s} localhost."],
        ("_pop3._tcp.firm.example", "SRV"): ["0 0 0 ."],  # no such service (RFC 2782)
    }
    with NameServer(records) as names:
        found = answering(search(dovecot, names))
    assert found == [
        Found("imap", Endpoint("localhost", dovecot.ports.imaps), "implicit", Source.SRV),
        Found("imap", Endpoint("localhost", dovecot.ports.imap), "starttls", Source.SRV),
        Found("pop3", Endpoint("localhost", dovecot.ports.pop3s), "implicit", Source.SRV),
    ]


def test_what_answers_tells_how_one_can_log_in(dovecot: Dovecot) -> None:
    records = {("_pop3s._tcp.firm.example", "SRV"): [f"0 0 {dovecot.ports.pop3s} localhost."]}
    with NameServer(records) as names:
        first, *_ = search(dovecot, names)
    assert "USER" in first.trail.offered
    assert first.trail.handshake is not None


def test_the_domains_own_word_over_https_comes_before_dns(dovecot: Dovecot) -> None:
    port = dovecot.ports.imaps
    records = {("_imaps._tcp.firm.example", "SRV"): [f"0 0 {port} 127.0.0.1."]}
    page = config(told(port), told(dovecot.ports.imap, tls="plain"), told(25, kind="smtp"))
    with (
        NameServer(records) as names,
        web(dovecot.certificates, {"/firm.example": page}) as (
            url,
            asked,
        ),
    ):
        found = answering(search(dovecot, names, (Source.AUTOCONFIG, f"{url}/{{domain}}")))
    own = Found("imap", Endpoint("localhost", port), "implicit", Source.AUTOCONFIG, "anna")
    assert found[0] == own
    assert asked == ["/firm.example"]  # nobody learns whose mailbox it is


def test_nothing_is_believed_that_came_without_https(dovecot: Dovecot) -> None:
    pages = {"/firm.example": b"http://127.0.0.1:9/elsewhere"}
    with NameServer({}) as names, web(dovecot.certificates, pages) as (url, _):
        candidates = search(dovecot, names, (Source.AUTOCONFIG, f"{url}/{{domain}}"))
    assert {each.found.source for each in candidates} == {Source.GUESS}


def test_a_customers_domain_is_its_providers_by_the_mx_record(dovecot: Dovecot) -> None:
    records = {("firm.example", "MX"): ["10 backup.example.", "5 aspmx.l.google.com."]}
    with NameServer(records) as names:
        candidates = search(dovecot, names)
    named = [each.found for each in candidates if each.found.source is Source.MX]
    assert [str(each.server) for each in named] == ["imap.gmail.com:993", "pop.gmail.com:995"]


def test_a_known_providers_address_needs_nobodys_answer(dovecot: Dovecot) -> None:
    with NameServer({}) as names:
        candidates = search(dovecot, names, address="anna@GMX.net")
    assert str(candidates[0].found.server) == "imap.gmx.net:993"


def test_a_look_never_sends_a_login(dovecot: Dovecot) -> None:
    """The whole suite's recorder judges what is sent; here: that nothing is but small talk."""
    records = {("_imap._tcp.firm.example", "SRV"): [f"0 0 {dovecot.ports.imap} localhost."]}
    with NameServer(records) as names:
        first, *_ = search(dovecot, names)
    assert [stage for stage, _ in first.trail.steps][-1] == "logout"
    assert "login" not in [stage for stage, _ in first.trail.steps]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"not xml",
        b'<!DOCTYPE a [<!ENTITY b "c">]><clientConfig>&b;</clientConfig>',
        b"\xff\xfe\x00",
    ],
)
def test_a_document_that_is_none_is_refused(document: bytes) -> None:
    with pytest.raises(AutoconfigError):
        servers(document, ANNA, Source.AUTOCONFIG)


@pytest.mark.parametrize(
    "element",
    [
        told("", host=""),
        told(99999),
        told("none"),
        told(993, host="a b"),
        told(993, kind="exchange"),
        told(993, tls="plain"),
        told(993, tls=""),
    ],
)
def test_a_server_that_cannot_be_used_is_left_out(element: str) -> None:
    assert servers(config(element), ANNA, Source.AUTOCONFIG) == []


def test_a_document_without_end_is_given_up(dovecot: Dovecot) -> None:
    pages = {"/firm.example": config(told(993)) + b" " * LARGEST}
    with NameServer({}) as names, web(dovecot.certificates, pages) as (url, _):
        candidates = search(dovecot, names, (Source.AUTOCONFIG, f"{url}/{{domain}}"))
    assert {each.found.source for each in candidates} == {Source.GUESS}
