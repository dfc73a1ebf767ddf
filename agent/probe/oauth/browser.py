"""Consent in a browser, which is sent back to this machine with the answer (RFC 8252, 7.3).

The code in the answer is of use only to whoever asked for it (PKCE, RFC 7636).
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from agent.model import FailureKind
from agent.probe.failures import ProbeError
from agent.probe.oauth.answers import RefusedError
from agent.probe.oauth.consent import ONE_REQUEST, Invitation, scopes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from agent.probe.oauth.answers import Granted
    from agent.probe.oauth.grants import Client

    Answers = SimpleQueue[Mapping[str, str]]

PATIENCE = 600.0  # seconds for somebody to consent
_VERIFIER = 64  # characters; RFC 7636, section 4.1 wants 43 to 128
_THANKS = b"This window can be closed: mailbox-agent goes on in the terminal.\n"


def by_browser(
    client: Client,
    invite: Callable[[Invitation], None],
    pasted: Callable[[], str | None],
    port: int = 0,
) -> Granted:
    """The tokens, once a browser has come back from the address that `invite` is given.

    It comes to this machine, at `port` or any free one; from a browser elsewhere somebody brings
    the address where it ended, which `pasted` waits for. Raises ProbeError where nobody comes.
    """
    from oauthlib.common import add_params_to_uri
    from oauthlib.oauth2 import WebApplicationClient

    place = client.oauth2.authorization_endpoint
    if place is None:
        raise ProbeError(FailureKind.CONFIG, "no authorization_url is known for this provider")
    client_id = client.oauth2.client_id or ""
    proving = WebApplicationClient(client_id)
    verifier = proving.create_code_verifier(_VERIFIER)
    state = secrets.token_urlsafe(24)
    answers: Answers = SimpleQueue()
    with _listening(port, answers) as redirect_uri:
        question = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": scopes(client),
            "state": state,
            "code_challenge": proving.create_code_challenge(verifier, "S256"),
            "code_challenge_method": "S256",
            "login_hint": client.account.username,
            **client.oauth2.consent_parameters,
        }
        invite(Invitation(add_params_to_uri(place, list(question.items())), PATIENCE))
        Thread(target=_listen_to, args=(pasted, answers), name="pasted", daemon=True).start()
        code = _code(client, answers, state)
        proof = {"code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        return client.ask("authorization_code", ONE_REQUEST, **proof)


def _code(client: Client, answers: Answers, state: str) -> str:
    """The code of the first answer that belongs to our question."""
    end = monotonic() + PATIENCE
    while True:
        try:
            answer = answers.get(timeout=max(end - monotonic(), 0.0))
        except Empty:
            words = "nobody has consented in time"
            raise client.endpoint.failed(FailureKind.TIMEOUT, words) from None
        if not secrets.compare_digest(answer.get("state", "").encode(), state.encode()):
            continue
        if "code" in answer:
            return answer["code"]
        said = answer.get("error_description", "")
        raise RefusedError(client.endpoint, answer.get("error", "access_denied")[:80], said)


def _listen_to(pasted: Callable[[], str | None], answers: Answers) -> None:
    while (address := pasted()) is not None:
        answers.put(_query(address.strip()))


@contextmanager
def _listening(port: int, answers: Answers) -> Iterator[str]:
    """The address of this machine at which the browser's answers are taken."""
    try:
        server = _Server(("127.0.0.1", port), _Handler)
    except OSError as error:
        words = f"port {port}: {(error.strerror or 'cannot be listened on').lower()}"
        raise ProbeError(FailureKind.CONFIG, words) from None
    server.answers = answers
    Thread(target=server.serve_forever, args=(0.05,), name="browser", daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    answers: Answers


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10.0

    def log_message(self, *_: object) -> None:
        """Keep what browsers send to ourselves: it holds codes."""

    def do_GET(self) -> None:
        self.server.answers.put(_query(self.path))
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(_THANKS)))
        self.end_headers()
        self.wfile.write(_THANKS)


def _query(address: str) -> Mapping[str, str]:
    try:
        return dict(parse_qsl(urlsplit(address).query))
    except ValueError:
        return {}
