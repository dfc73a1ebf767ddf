from __future__ import annotations

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from agent.cli.healthcheck import healthcheck
from agent.cli.main import answer
from tests.support.certificates import Certificates
from tests.support.website import ALICE, Website, tls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def agent(status: int, body: bytes) -> Iterator[str]:
    """What answers like an agent, but only where its health is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/-/healthy" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_healthy_agent_is_0_and_silent(capfd: pytest.CaptureFixture[str]) -> None:
    with agent(200, b"store: ok\n") as url:
        assert healthcheck(url=url) == 0
    assert capfd.readouterr() == ("", "")


def test_a_sick_agent_is_1_and_its_failing_checks_are_told(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with agent(503, b"schedule: ok\nstore: disk \x1b[2J full\n") as url:
        assert answer(["healthcheck", "--url", url]) == 1
    assert capfd.readouterr() == ("", "store: disk \ufffd[2J full\n")


def test_no_agent_at_all_is_1_and_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with agent(200, b"") as url:
        pass
    assert healthcheck(url=url) == 1
    assert capfd.readouterr().err == f"the agent does not answer at {url}: Connection refused\n"


def configured(site: Website) -> Path:
    """The configuration of an agent that listens where this one does."""
    file = site.folder / "config.toml"
    file.write_text(f"""
[web]
listen = "127.0.0.1:{site.server.port}"
config_file = "web.yml"
[[accounts]]
name = "anna"
protocol = "imap"
server = "mail.example.com"
username = "anna"
password_file = "anna"
""")
    return file


def test_under_tls_it_needs_neither_password_nor_client_certificate(tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    folder.mkdir()
    certificates = Certificates.make(folder)
    more = {
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": str(certificates.ca),
    }
    locked = tls(certificates.good, **more) | {"basic_auth_users": {"alice": ALICE}}
    with Website(tmp_path, locked) as site:
        assert healthcheck(config=configured(site)) == 0
        assert healthcheck(url=f"https://localhost:{site.server.port}") == 0
        assert healthcheck(url=f"http://localhost:{site.server.port}") == 1


def test_a_web_configuration_that_is_wrong_by_now_does_not_make_the_agent_sick(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Website(tmp_path, {"basic_auth_users": {"alice": ALICE}}) as site:
        site.file.write_text("wonderland")
        capfd.readouterr()
        assert healthcheck(config=configured(site)) == 0
        assert "the agent" not in capfd.readouterr().err
    assert healthcheck(config=configured(site)) == 1
    assert "does not answer" in capfd.readouterr().err


@pytest.mark.parametrize("url", ["localhost", "ftp://localhost", "https://", "http://x:port"])
def test_a_url_of_another_form_is_1_and_one_line(
    capfd: pytest.CaptureFixture[str], url: str
) -> None:
    assert answer(["healthcheck", "--url", url]) == 1
    assert capfd.readouterr().err == (
        "mailbox-agent: --url needs a form such as http://127.0.0.1:9143\n"
    )
