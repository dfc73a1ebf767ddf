from __future__ import annotations

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

from agent.cli.healthcheck import healthcheck
from agent.cli.main import answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


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
