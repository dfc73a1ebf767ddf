"""Alerts as Alertmanager's API wants them, and how they get there."""

from __future__ import annotations

import ssl
import subprocess
import sys
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from agent.config.alertmanager import AlertmanagerReceiver
from agent.config.routes import RULES
from agent.config.settings import Settings
from agent.model import AlertKey, Finding, Reason, Severity
from agent.notify.alertmanager import (
    ALERT_NAMES,
    AlertmanagerSink,
    announcing,
    explained,
    labels,
    payload,
)
from agent.notify.message import Style
from agent.notify.verdict import Rejected, Retry, Sent
from tests.support.accounts import account
from tests.support.certificates import Certificates
from tests.support.configured import mailbox
from tests.support.notices import MIB, NOON, notice
from tests.support.webhook import RESET, Answer, Trouble, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "c4naryS3cret"


def receiver(*urls: str, **keys: Any) -> AlertmanagerReceiver:
    return AlertmanagerReceiver(name="cluster", type="alertmanager", urls=urls, **keys)


def test_labels_say_who_and_how_bad_and_hold_no_figure() -> None:
    alert = notice(root="User quota", severity=Severity.CRITICAL).transition.alert
    mail = account(993, server="mail.example.com:993", tags=("customers", "vip"))
    assert labels(alert, mail) == {
        "alertname": "MailboxAlmostFull",
        "rule": "usage",
        "severity": "critical",
        "account": "anna",
        "server": "mail.example.com:993",
        "quota_root": "User quota",
        "resource": "storage",
        "tags": "customers,vip",
    }


def test_labels_of_a_server_and_of_the_agent_name_no_mailbox() -> None:
    alert = notice("", rule="server", root="mail.example.com:993", resource="").transition.alert
    assert labels(alert, None) == {
        "alertname": "MailServerUnreachable",
        "rule": "server",
        "severity": "warning",
        "server": "mail.example.com:993",
    }
    alert = notice("", rule="agent", resource="").transition.alert
    assert labels(alert, None) == {
        "alertname": "MailboxAgentOffline",
        "rule": "agent",
        "severity": "warning",
    }


def test_every_rule_that_routes_know_has_a_name() -> None:
    assert ALERT_NAMES.keys() == set(RULES)
    assert labels(notice(rule="new").transition.alert, None)["alertname"] == "MailboxNew"


def test_only_alerts_that_an_alertmanager_is_told_of_are_announced() -> None:
    settings = Settings(
        accounts=(mailbox("anna", 993),), receivers=(receiver("http://127.0.0.1:9093"),)
    )
    known_as = announcing(settings)
    alert = notice().transition.alert
    assert known_as(replace(alert, told=("ops",))) is None
    assert (known_as(replace(alert, told=("ops", "cluster"))) or {})["server"] == "127.0.0.1:993"


def test_figures_are_annotations() -> None:
    said = explained(notice(used=17 * MIB, limit=20 * MIB).transition, Style())
    assert said["summary"] == "Mailbox anna is 85 % full"
    assert said["reference"] in said["description"]
    figures = ("used", "limit", "percent", "as_of")
    assert [said[name] for name in figures] == [
        "17.0 MiB", "20.0 MiB", "85", "2026-03-01T12:00Z",
    ]  # fmt: skip
    said = explained(notice(resource="message", used=9, limit=10).transition, Style())
    assert [said[name] for name in figures[:3]] == ["9", "10", "90"]


def test_figures_that_are_not_known_are_absent() -> None:
    key = AlertKey("anna", "login")
    transition = notice(rule="login", resource="").transition
    finding = Finding(key, Severity.WARNING, detail="no such user")
    said = explained(replace(transition, finding=finding), Style())
    assert said.keys() == {"summary", "description", "as_of", "reference"}


def test_an_episode_has_one_reference_and_is_no_reminder() -> None:
    first = notice(Reason.FIRST).transition
    alert = replace(first.alert, step=7, severity=Severity.CRITICAL)
    later = replace(first, reason=Reason.REMINDER, alert=alert)
    assert explained(first, Style())["reference"] == explained(later, Style())["reference"]
    assert "eminder" not in explained(later, Style())["summary"]
    other = replace(first.alert, since=NOON.replace(hour=13))
    assert (
        explained(first, Style())["reference"]
        != explained(replace(first, alert=other), Style())["reference"]
    )


def test_no_alert_ends_before_it_began() -> None:
    transition = notice(reason=Reason.RESOLVED).transition
    sent = payload(transition, {"alertname": "A"}, NOON.replace(hour=11), Style())
    assert sent["startsAt"] == sent["endsAt"] == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(200), Sent()),
        (Answer(202), Sent()),
        (Answer(302, {"Location": "http://127.0.0.1:1/"}), Retry("HTTP 302 Found")),
        (Answer(304), Retry("HTTP 304 Not Modified")),
        (Answer(400), Rejected("HTTP 400 Bad Request")),
        (Answer(401), Retry("HTTP 401 Unauthorized")),
        (Answer(404), Retry("HTTP 404 Not Found")),
        (Answer(413), Rejected("HTTP 413 Request Entity Too Large")),
        (Answer(429, {"Retry-After": "7"}), Retry("HTTP 429 Too Many Requests", 7.0)),
        (Answer(503), Retry("HTTP 503 Service Unavailable")),
        (RESET, Retry("the connection failed or broke")),
    ],
)
def test_the_verdict_follows_the_answer(answer: Answer | Trouble, verdict: object) -> None:
    with Webhook(answer) as hook:
        sink = AlertmanagerSink(receiver(hook.address), hook.address)
        assert sink.post([{"labels": {"alertname": "A"}}], 20) == verdict


def test_nobody_there_is_a_failure_without_the_address() -> None:
    sink = AlertmanagerSink(receiver("http://127.0.0.1:1"), "http://127.0.0.1:1")
    assert sink.post([], 20) == Retry("the connection failed or broke")


@pytest.mark.parametrize(
    ("keys", "header"),
    [
        ({"username": "agent", "password": "pässword"}, "agent:pässword"),
        ({"bearer_token": CANARY}, None),
        ({}, ""),
    ],
)
def test_credentials_are_sent_as_configured_and_no_others(
    keys: dict[str, str], header: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Webhook() as hook:
        sink = AlertmanagerSink(receiver(hook.address, **keys), hook.address)
        assert sink.post([], 20) == Sent()
        found = hook.headers.get(timeout=20).get("Authorization")
    match header:
        case None:
            assert found == f"Bearer {CANARY}"
        case "":
            assert found is None
        case login:
            assert found == "Basic " + b64encode(login.encode()).decode()


def test_a_secret_that_cannot_be_read_is_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with Webhook() as hook:
        sink = AlertmanagerSink(receiver(hook.address, bearer_token_file=file), hook.address)
        wrong = Retry(f"bearer_token_file {file}: no such file or directory")
        assert sink.post([], 20) == wrong
        file.write_text(f"{CANARY}\n")
        assert sink.post([], 20) == Sent()
        assert hook.headers.get(timeout=20)["Authorization"] == f"Bearer {CANARY}"


class _Refusal(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        text = b'"invalid label set\x1b[31m"\nand more'
        self.send_response(400)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@contextmanager
def refusing(context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve on a free port, with TLS where a context is given; yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusal) as server:
        server.daemon_threads, server.block_on_close = True, False  # clients keep connections
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        serving.start()
        yield f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


REFUSED = Rejected('HTTP 400 Bad Request: "invalid label set\ufffd[31m"')


def test_a_refusals_text_is_told_in_one_harmless_line() -> None:
    with refusing() as url:
        sink = AlertmanagerSink(receiver(url), url)
        assert [sink.post([], 20), sink.post([], 20)] == [REFUSED, REFUSED]


def test_certificates_are_verified_by_the_given_authority_only(tmp_path: Path) -> None:
    certificates = Certificates.make(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.good.chain, certificates.good.key)
    with refusing(context) as url:
        trusting = AlertmanagerSink(receiver(url, ca_file=certificates.ca), url)
        assert trusting.post([], 20) == REFUSED
        assert AlertmanagerSink(receiver(url), url).post([], 20) == Retry(
            "the TLS handshake failed"
        )


def test_nothing_heavy_is_imported_before_the_first_post() -> None:
    heavy = "{'apprise', 'requests', 'jinja2', 'alembic'}"
    code = f"import sys, agent.mirror, agent.heartbeat; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
