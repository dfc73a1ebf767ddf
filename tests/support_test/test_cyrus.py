"""What only the private Cyrus has: what other tests take for granted of it."""

from __future__ import annotations

import poplib
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from agent.model import Reading
from agent.probe.read import poll
from tests.support import cyrus as support
from tests.support.accounts import account
from tests.support.cyrus import Cyrus

if TYPE_CHECKING:
    from pathlib import Path


def test_special_use_is_told_in_small_letters(cyrus: Cyrus) -> None:
    with cyrus.imap(cyrus.add()) as client:
        assert rb'(\HasNoChildren \trash) "/" Trash' in client.list()[1]


def test_mailboxes_made_within_a_second_do_not_share_their_mail(cyrus: Cyrus) -> None:
    with ExitStack() as stack:
        sessions = [stack.enter_context(cyrus.administrator()) for _ in range(6)]
        made = [each.create(f"user/twin{n}") for n, each in enumerate(sessions)]
    identities = {bytes(words[0]) for _, words in made}
    assert all(words.startswith(b"[MAILBOXID") for words in identities)
    assert len(identities) == 6


@pytest.mark.parametrize(("protocol", "port"), [("imap", "imaps"), ("pop3", "pop3s")])
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_every_kind_of_tls_is_there(cyrus: Cyrus, protocol: str, port: str, tls: str) -> None:
    user = cyrus.add()
    number = getattr(cyrus.ports, port if tls == "implicit" else protocol)
    login = {"username": user.name, "ca_file": str(cyrus.certificates.ca)}
    outcome = poll(account(number, protocol, tls, **login), 20).outcome
    assert isinstance(outcome, Reading), outcome


def test_pop3_logs_in_with_a_digest_too(cyrus: Cyrus) -> None:
    user = cyrus.add()
    cyrus.store(user, messages=2, size=1000)
    client = poplib.POP3(cyrus.host, cyrus.ports.pop3)
    client.apop(user.name, user.password)
    assert client.stat() == (2, 2000)
    client.quit()


def test_root_may_keep_the_checkout_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cyrus: Cyrus
) -> None:
    assert cyrus.process_ids
    closed = tmp_path / "closed"
    shutil.copytree(support.HOME, closed / "cyrus", symlinks=True)
    closed.chmod(0o700)
    monkeypatch.setattr(support, "HOME", closed / "cyrus")
    with Cyrus() as server:
        server.store(server.add())
