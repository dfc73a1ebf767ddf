"""Who gets in, and who does not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from agent.model import FailureKind
from tests.servers.kinds import WAYS_IN, WITH_POP3, Subject
from tests.support.cyrus import Cyrus
from tests.support.daemon import started


def test_a_wrong_password_is_refused_and_not_shown(server: Subject) -> None:
    """Takes 5 s on Courier, which holds back a refusal for so long: both protocols at once."""
    user = server.peer.add()
    protocols = ["imap", "pop3"] if server.kind in WITH_POP3 else ["imap"]
    with ThreadPoolExecutor() as pool:
        failures = [
            pool.submit(server.fail, user, each, password="looking glass") for each in protocols
        ]
    for failure in (each.result() for each in failures):
        assert failure.kind is FailureKind.AUTH
        assert "looking" not in failure.detail


@pytest.mark.parametrize(
    ("server", "protocol"), WAYS_IN, indirect=["server"], ids=[f"{k}-{p}" for k, p in WAYS_IN]
)
@pytest.mark.parametrize("password", ['quo"ted \\ a b {3}*()%', "pässwörd"])
def test_a_password_of_any_characters_works(server: Subject, protocol: str, password: str) -> None:
    user = server.peer.add(password=password)
    assert server.read(user, protocol).messages == 0


def test_polls_of_a_maildrop_that_come_too_early_are_throttled() -> None:
    (kind,) = (kind for kind in WITH_POP3 if kind.name == "cyrus")
    with started(lambda: Cyrus(popminpoll=1)) as cyrus:
        server, user = Subject(kind, cyrus), cyrus.add()
        assert server.read(user, "pop3").messages == 0
        failure = server.fail(user, "pop3")
    assert failure.kind is FailureKind.THROTTLED
    assert "LOGIN-DELAY" in failure.detail
