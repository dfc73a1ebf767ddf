"""The private Dovecot does what the other tests take for granted."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import ssl
from typing import TYPE_CHECKING

import pytest

from tests.support.dovecot import Dovecot, User

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


@pytest.mark.parametrize("address", ["poor", "bare"])
def test_a_plain_address_announces_little_before_and_after_the_login(
    dovecot: Dovecot, address: str
) -> None:
    user = dovecot.add(storage=MEBIBYTE)
    with imaplib.IMAP4(getattr(dovecot, address), dovecot.ports.imap) as client:
        before = set(client.capabilities)
        client.login(user.name, user.password)
        after = set(bytes(client.capability()[1][-1]).decode().split())
    unknown = {"LIST-STATUS", "LIST-EXTENDED", "STATUS=SIZE", "SPECIAL-USE", "IMAP4REV2"}
    assert not unknown & {name.upper() for name in before | after}
    told = {"ID", "NAMESPACE", "QUOTA"} if address == "poor" else set()
    assert before & {"ID", "NAMESPACE", "QUOTA"} == told
    assert after & {"ID", "NAMESPACE", "QUOTA"} == told


@pytest.mark.parametrize("address", ["poor", "bare"])
def test_a_plain_address_shows_a_good_certificate(
    dovecot: Dovecot, trust: ssl.SSLContext, address: str
) -> None:
    with imaplib.IMAP4_SSL(
        getattr(dovecot, address), dovecot.ports.imaps, ssl_context=trust
    ) as client:
        assert "QUOTA" in client.capabilities or address == "bare"


def test_a_tests_own_client_may_change_a_mailbox_unrecorded() -> None:
    with Dovecot(recorded=True) as server:
        user = server.add()
        server.store(user)
        client = server.imap(user)
        client.select()
        client.store("1", "+FLAGS", r"(\Deleted)")
        client.expunge()
        client.logout()
        maildrop = server.pop3(user)
        assert maildrop.stat() == (0, 0)
        maildrop.rset()
        maildrop.quit()
        assert list((server.folder / "wire").iterdir()) == []
