"""An OAuth2 provider that really listens: it gives out tokens, and tells mail servers of them.

Token endpoint (RFC 6749, 7523), device authorization (RFC 8628), a consent page (RFC 7636) and
introspection (RFC 7662). It may rotate refresh tokens, fail and stall as it is told.
"""

from __future__ import annotations

import itertools
import json
import secrets
import socket
import ssl
import struct
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from cryptography.x509 import Certificate

    from tests.support import certificates

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
DRIP_SECONDS = 0.02
MOST_DRIPS = 500

Trouble = Literal["hang", "drip", "reset"]
HANG: Trouble = "hang"  # reads the request and says nothing until the end
DRIP: Trouble = "drip"  # one byte of the answer now and then, for ten seconds
RESET: Trouble = "reset"  # reads the request and breaks the connection

# Whose each access token is that any provider of this process has given out, until it is revoked.
_LIVE: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: JSON, or a body as it stands."""

    status: int
    content: dict[str, Any] | str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its path, its form, its query, and its headers."""

    path: str
    form: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]


def refusal(code: str, words: str = "", status: int = 400, **headers: str) -> Reply:
    """An error as RFC 6749, section 5.2 has it."""
    said = {"error_description": words} if words else {}
    return Reply(status, {"error": code, **said}, headers)


class Provider:
    """Serve on a free port of 127.0.0.1 while the `with` block runs, under TLS by a certificate.

    `mailbox` is whose tokens it gives out to clients and to those who consent. `script` has
    answers of the token endpoint that come before its own. `asked` has all requests.
    """

    def __init__(
        self,
        mailbox: str = "anna",
        *script: Reply | Trouble,
        certificate: certificates.Certificate | None = None,
        lifetime: int | None = 3600,
        rotates: bool = False,
    ) -> None:
        self.mailbox, self.lifetime, self.rotates = mailbox, lifetime, rotates
        self.client_secrets: set[str] = set()  # that are right; none: all are
        self.certificate: Certificate | None = None  # that clients prove themselves with
        self.service_account: PublicKeyTypes | None = None  # that may act for any mailbox
        self.consented_by: str | None = "anna@example.com"
        self.script: Queue[Reply | Trouble] = Queue()
        for answer in script:
            self.script.put(answer)
        self.asked: list[Asked] = []
        self.arrived: Queue[Asked] = Queue()
        self.release = Event()
        self.flowing = Event()  # cleared: no answer leaves until it is set again
        self.flowing.set()
        self._refresh_tokens: dict[str, str] = {}  # and whose each of them is
        self._codes: dict[str, tuple[str, str | None]] = {}  # and what the challenge of each is
        self._numbers = itertools.count(1)
        self._lock = Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.provider = self
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.chain, certificate.key)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "https" if certificate else "http"
        self.address = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

    def consent(self) -> str:
        """A refresh token, as after a consent that took place elsewhere."""
        token = f"canary-refresh-{secrets.token_hex(8)}"
        self._refresh_tokens[token] = self.mailbox
        return token

    def revoke(self, *, consents: bool = False) -> None:
        """Let the access tokens of its mailbox be worth nothing, and with them the consents."""
        for token in [each for each, whose in _LIVE.items() if whose == self.mailbox]:
            del _LIVE[token]
        if consents:
            self._refresh_tokens.clear()

    def requests(self, grant: str | None = None) -> list[Mapping[str, str]]:
        """The forms that the token endpoint got, of one grant or of all."""
        forms = [each.form for each in self.asked if each.path == "/token"]
        return [form for form in forms if grant in {None, form.get("grant_type")}]

    def answer(self, asked: Asked) -> Reply | Trouble:
        """What is said to a request; introspection is not part of what is noted."""
        if asked.path == "/introspect":
            whose = _LIVE.get(asked.form.get("token", ""))
            return Reply(200, {"active": whose is not None, "username": whose or ""})
        with self._lock:
            self.asked.append(asked)
            scripted = asked.path == "/token" and not self.script.empty()
            reply = self.script.get() if scripted else self._own(asked)
        self.arrived.put(asked)
        self.flowing.wait()
        return reply

    def _own(self, asked: Asked) -> Reply:
        match asked.path:
            case "/token":
                return self._token(asked.form)
            case "/device":
                return self._device()
            case "/authorize":
                return self._authorize(asked.query)
            case _:
                return Reply(404, "no such page")

    def _token(self, form: Mapping[str, str]) -> Reply:
        if not self._is_proven(form):
            return refusal("invalid_client", "the secret is wrong or has expired", 401)
        grants: dict[str, Callable[[Mapping[str, str]], Reply]] = {
            "client_credentials": lambda _: self._given(self.mailbox),
            "refresh_token": self._refreshed,
            "authorization_code": self._consented,
            DEVICE_CODE: self._consented,
            JWT_BEARER: self._asserted,
        }
        known = grants.get(form["grant_type"])
        return known(form) if known else refusal("unsupported_grant_type")

    def _is_proven(self, form: Mapping[str, str]) -> bool:
        if self.client_secrets:
            return form.get("client_secret") in self.client_secrets
        if self.certificate:
            signed = form["client_assertion"]
            header = jwt.get_unverified_header(signed)
            claims = self._verified(signed, self.certificate.public_key(), "PS256")
            thumbprint = _unpadded(self.certificate.fingerprint(SHA256()))
            return header["x5t#S256"] == thumbprint and claims["sub"] == form["client_id"]
        return True

    def _verified(self, assertion: str, key: PublicKeyTypes, algorithm: str) -> Mapping[str, str]:
        """The claims of a statement that is signed by this key, and for this endpoint."""
        claims: Mapping[str, str] = jwt.decode(
            assertion,
            key,  # type: ignore[arg-type]  # RSA, as its algorithm says
            algorithms=[algorithm],
            audience=f"{self.address}/token",
            options={"require": ["exp", "iat", "iss", "sub"]},
        )
        return claims

    def _given(self, mailbox: str, **more: str) -> Reply:
        token = f"canary-access-{secrets.token_hex(8)}"
        _LIVE[token] = mailbox
        lifetime = {"expires_in": self.lifetime} if self.lifetime is not None else {}
        return Reply(200, {"access_token": token, "token_type": "Bearer", **lifetime, **more})

    def _refreshed(self, form: Mapping[str, str]) -> Reply:
        token = form["refresh_token"]
        if token not in self._refresh_tokens:
            return refusal("invalid_grant", "the token has expired or was revoked")
        if not self.rotates:
            return self._given(self._refresh_tokens[token])
        mailbox = self._refresh_tokens.pop(token)
        replacement = f"canary-refresh-{secrets.token_hex(8)}"
        self._refresh_tokens[replacement] = mailbox
        return self._given(mailbox, refresh_token=replacement)

    def _asserted(self, form: Mapping[str, str]) -> Reply:
        """A token for the mailbox that a service account acts for."""
        assert self.service_account, "the test has none"
        try:
            claims = self._verified(form["assertion"], self.service_account, "RS256")
        except jwt.InvalidTokenError as error:
            return refusal("invalid_grant", str(error))
        return self._given(claims["sub"])

    def _device(self) -> Reply:
        code = f"device-{next(self._numbers)}"
        self._codes[code] = (self.mailbox, None)
        told = {"device_code": code, "user_code": "ABCD-EFGH", "expires_in": 900, "interval": 0}
        return Reply(200, {**told, "verification_uri": f"{self.address}/activate"})

    def _authorize(self, query: Mapping[str, str]) -> Reply:
        """Consent at once, and send the browser back."""
        code = f"code-{next(self._numbers)}"
        self._codes[code] = (self.mailbox, query.get("code_challenge"))
        back = urlencode({"code": code, "state": query["state"]})
        return Reply(302, "", {"Location": f"{query['redirect_uri']}?{back}"})

    def _consented(self, form: Mapping[str, str]) -> Reply:
        code, verifier = form.get("code") or form["device_code"], form.get("code_verifier")
        mailbox, challenge = self._codes.pop(code, (None, None))
        if mailbox is None or challenge != (_challenge(verifier) if verifier else None):
            return refusal("invalid_grant", "the code is wrong")
        token = self.consent()
        named = {"id_token": id_token(self.consented_by)} if self.consented_by else {}
        return self._given(mailbox, refresh_token=token, **named)


def id_token(address: str) -> str:
    """An ID token (OpenID Connect Core, section 2) that nobody signed."""
    parts = ({"alg": "none"}, {"email": address, "sub": "1"})
    encoded = (_unpadded(json.dumps(part).encode()) for part in parts)
    return ".".join((*encoded, ""))


def _challenge(verifier: str) -> str:
    return _unpadded(sha256(verifier.encode()).digest())


def _unpadded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    provider: Provider

    def handle_error(self, *_: object) -> None:
        """Clients that give up are what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def do_GET(self) -> None:
        self._serve("")

    def _serve(self, form: str) -> None:
        address = urlsplit(self.path)
        query, sent = dict(parse_qsl(address.query)), dict(self.headers)
        asked = Asked(address.path, dict(parse_qsl(form)), query, sent)
        self.close_connection = True
        match self.server.provider.answer(asked):
            case Reply(status, content, headers):
                self._answer(status, content, headers)
            case "hang":
                self.server.provider.release.wait()
            case "drip":
                self._drip()
            case "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _answer(
        self, status: int, content: dict[str, Any] | str, headers: Mapping[str, str]
    ) -> None:
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(MOST_DRIPS):
            if self.server.provider.release.wait(DRIP_SECONDS):
                return
            self.wfile.write(b"x")
