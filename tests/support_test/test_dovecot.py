"""The private Dovecot does what the other tests take for granted."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import dovecot_server
from tests.support.dovecot import Dovecot, User, message
from tests.support.dovecot_server import ServerMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

MEBIBYTE = 1024 * 1024


@pytest.fixture
def trust(dovecot: Dovecot) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=dovecot.certificates.ca)


@pytest.fixture(params=["imap", "starttls", "imaps"])
def session(
    request: pytest.FixtureRequest, dovecot: Dovecot, trust: ssl.SSLContext
) -> Iterator[imaplib.IMAP4]:
    if request.param == "imaps":
        client: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            dovecot.host, dovecot.ports.imaps, ssl_context=trust
        )
    else:
        client = imaplib.IMAP4(dovecot.host, dovecot.ports.imap)
    with client:
        if request.param == "starttls":
            client.starttls(trust)
        yield client


def quotas(dovecot: Dovecot, user: User) -> list[bytes]:
    with dovecot.imap(user) as client:
        return [line for line in client.getquotaroot("INBOX")[1][1] if line]


def test_a_user_logs_in_over_every_kind_of_imap(dovecot: Dovecot, session: imaplib.IMAP4) -> None:
    user = dovecot.add()
    assert session.login(user.name, user.password)[0] == "OK"


def test_a_user_logs_in_over_every_kind_of_pop3(dovecot: Dovecot, trust: ssl.SSLContext) -> None:
    user = dovecot.add()
    dovecot.store(user, messages=3, size=2000)
    plain = poplib.POP3(dovecot.host, dovecot.ports.pop3)
    upgraded = poplib.POP3(dovecot.host, dovecot.ports.pop3)
    upgraded.stls(trust)
    for client in (
        plain,
        upgraded,
        poplib.POP3_SSL(dovecot.host, dovecot.ports.pop3s, context=trust),
    ):
        client.user(user.name)
        client.pass_(user.password)
        assert client.stat() == (3, 6000)
        client.quit()


def test_each_kind_of_quota_answers_as_itself(dovecot: Dovecot) -> None:
    def answer(user: User) -> list[bytes]:
        dovecot.store(user, messages=2, size=2048)
        return quotas(dovecot, user)

    assert answer(dovecot.add(storage=MEBIBYTE)) == [b'"User quota" (STORAGE 4 1024)']
    assert answer(dovecot.add(messages=5)) == [b'"User quota" (MESSAGE 2 5)']
    assert answer(dovecot.add(storage=MEBIBYTE, messages=5, archive=2 * MEBIBYTE)) == [
        b'"User quota" (STORAGE 4 1024 MESSAGE 2 5)',
        b"Archive (STORAGE 4 2048)",
    ]
    assert answer(dovecot.add()) == []


def test_only_a_user_without_the_plugin_sees_no_quota_capability(dovecot: Dovecot) -> None:
    def capabilities(user: User) -> list[bytes]:
        with dovecot.imap(user) as client:
            return bytes(client.capability()[1][0]).split()

    assert b"QUOTA" in capabilities(dovecot.add())
    assert b"QUOTA" not in capabilities(dovecot.add(quota=False))


def test_mail_is_delivered_until_the_mailbox_is_full_and_again_after_a_clean_up(
    dovecot: Dovecot,
) -> None:
    user = dovecot.add("anna@example.com", storage=MEBIBYTE)
    dovecot.deliver(user, MEBIBYTE // 2)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        dovecot.deliver(user, MEBIBYTE)
    assert refused.value.smtp_code == 552
    dovecot.expunge(user)
    assert quotas(dovecot, user) == [b'"User quota" (STORAGE 0 1024)']
    dovecot.deliver(user, MEBIBYTE)


def test_stored_mail_may_exceed_the_quota(dovecot: Dovecot) -> None:
    user = dovecot.add(storage=MEBIBYTE)
    dovecot.store(user, "Archive/2019", messages=3, size=MEBIBYTE)
    assert quotas(dovecot, user) == [b'"User quota" (STORAGE 3072 1024)']


def test_a_message_has_exactly_the_size_asked_for() -> None:
    assert [len(message(size)) for size in range(50, 300)] == list(range(50, 300))


def test_many_users_are_there_at_once(dovecot: Dovecot) -> None:
    users = dovecot.provision(300, messages=2, size=1024)
    for user in (users[0], users[150], users[-1]):
        assert quotas(dovecot, user) == [b'"User quota" (STORAGE 2 10240)']


def test_a_wrong_password_is_refused(dovecot: Dovecot) -> None:
    for user in (User(dovecot.add().name, "wrong"), User("nobody@nowhere.example", "wrong")):
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            dovecot.imap(user)


@pytest.mark.parametrize(
    ("address", "reason"), [("expired", "has expired"), ("other", "not valid for '127.0.0.3'")]
)
def test_a_bad_certificate_is_shown_on_its_own_address(
    dovecot: Dovecot, trust: ssl.SSLContext, address: str, reason: str
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        imaplib.IMAP4_SSL(getattr(dovecot, address), dovecot.ports.imaps, ssl_context=trust)


def test_the_strict_address_disables_plaintext_logins(dovecot: Dovecot) -> None:
    with imaplib.IMAP4(dovecot.strict, dovecot.ports.imap) as client:
        assert "LOGINDISABLED" in client.capabilities


def living(group: int) -> list[str]:
    """List the states of a process group's members that have not ended."""
    stats = [
        path.read_text().rpartition(")")[2].split() for path in Path("/proc").glob("[0-9]*/stat")
    ]
    return [state for state, _, its_group, *_ in stats if int(its_group) == group and state != "Z"]


def test_a_server_leaves_neither_process_nor_folder_nor_port_behind() -> None:
    with Dovecot() as server:
        session = server.imap(server.add())
        group = server.process_id
        assert living(group)
    session.shutdown()
    assert not living(group)
    assert not server.folder.exists()
    with pytest.raises(ConnectionRefusedError):
        imaplib.IMAP4(server.host, server.ports.imap)


def test_a_missing_server_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dovecot_server, "_PATH", "/nowhere")
    with pytest.raises(ServerMissingError, match="apt-get install dovecot-imapd"):
        Dovecot()
