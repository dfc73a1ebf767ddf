from __future__ import annotations

import pytest

from agent.cli.hints import next_step
from agent.model import Failure, FailureKind
from tests.support.accounts import account

STEPS = [
    ("tls", "certificate not accepted: Hostname mismatch, ...", 993, "implicit", "names"),
    ("tls", "certificate not accepted: certificate has expired", 993, "implicit", "renewed"),
    ("tls", "certificate not accepted: self-signed certificate", 993, "implicit", "--ca-file"),
    ("tls", "the server does not speak TLS on this port", 2143, "implicit", "try imap://"),
    ("tls", "the server does not offer STARTTLS", 2993, "starttls", "try imaps://"),
    ("tls", "the server does not speak TLS on this port", 143, "implicit", "does not go with"),
    ("timeout", "no answer in time", 443, "implicit", "port 443 is usually a web server"),
    ("protocol", "HTTP/1.1 400 Bad Request", 80, "none", "port 80 is usually a web server"),
    ("protocol", "+OK ready", 995, "implicit", "port 995 is usually POP3; IMAP is on 993"),
    ("timeout", "no answer in time", 993, "starttls", "does not go with tls starttls"),
    ("timeout", "no answer in time", 993, "implicit", "--timeout"),
    ("connect", "Connection refused", 2000, "implicit", "firewall"),
    ("auth", "wrong", 443, "implicit", "IMAP switched on"),
]


@pytest.mark.parametrize(("kind", "detail", "port", "tls", "step"), STEPS)
def test_a_failure_comes_with_the_step_that_helps(
    kind: str, detail: str, port: int, tls: str, step: str
) -> None:
    assert step in next_step(account(port, tls=tls), Failure(FailureKind(kind), detail))


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_every_kind_of_failure_has_a_next_step(kind: FailureKind, protocol: str) -> None:
    step = next_step(account(2000, protocol), Failure(kind, "{braces} of a server"))
    assert step
    assert "{" not in step
