"""Polls of a real Dovecot, over every protocol and every kind of TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.config.accounts import Account, ImapAccount
from agent.model import Failure, FailureKind, Quota, QuotaState, Reading, Role
from agent.probe.allow import IMAP_COMMANDS, POP3_COMMANDS
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from tests.support.dovecot import Dovecot, User

MEBIBYTE = 1024 * 1024
WAYS = [
    (protocol, tls) for protocol in ("imap", "pop3") for tls in ("implicit", "starttls", "none")
]


def mailbox(
    dovecot: Dovecot, user: User, protocol: str = "imap", tls: str = "implicit", **keys: Any
) -> Account:
    ports = dovecot.ports
    secure, plain = {"imap": (ports.imaps, ports.imap), "pop3": (ports.pop3s, ports.pop3)}[protocol]
    login = {"username": user.name, "password": user.password}
    trusted = {"ca_file": str(dovecot.certificates.ca)}
    return account(secure if tls == "implicit" else plain, protocol, tls, **login | trusted | keys)


def read(asked: Account) -> Reading:
    outcome = poll(asked, 20).outcome
    assert isinstance(outcome, Reading), outcome
    return outcome


@pytest.mark.parametrize(("protocol", "tls"), WAYS)
def test_a_mailbox_is_counted_and_measured(dovecot: Dovecot, protocol: str, tls: str) -> None:
    user = dovecot.add(storage=MEBIBYTE)
    dovecot.deliver(user, 20_000)
    dovecot.deliver(user, 3_000)
    reading = read(mailbox(dovecot, user, protocol, tls))
    assert reading.messages == 2
    assert reading.size_bytes is not None
    assert 23_000 < reading.size_bytes < 24_000


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_the_certificates_end_is_known_under_tls(dovecot: Dovecot, protocol: str) -> None:
    user = dovecot.add()
    assert poll(mailbox(dovecot, user, protocol), 20).certificate_expires is not None
    assert poll(mailbox(dovecot, user, protocol, "none"), 20).certificate_expires is None


def test_quotas_of_storage_and_messages_are_read(dovecot: Dovecot) -> None:
    user = dovecot.add(storage=MEBIBYTE, messages=100)
    dovecot.deliver(user, 10_000)
    reading = read(mailbox(dovecot, user))
    assert reading.quota_state is QuotaState.LIMITED
    assert {(quota.resource, quota.limit) for quota in reading.quotas} == {
        ("storage", MEBIBYTE),
        ("message", 100),
    }
    assert reading.usage_ratio == pytest.approx(10_500 / MEBIBYTE, rel=0.1)


def test_the_tightest_of_several_roots_counts(dovecot: Dovecot) -> None:
    user = dovecot.add(storage=100 * MEBIBYTE, archive=64 * 1024)
    dovecot.deliver(user, 32_000)
    tightest = read(mailbox(dovecot, user)).tightest
    assert tightest is not None
    assert (tightest.root, tightest.limit) == ("Archive", 64 * 1024)


def test_a_mailbox_without_limit_is_unlimited(dovecot: Dovecot) -> None:
    reading = read(mailbox(dovecot, dovecot.add()))
    assert (reading.quota_state, reading.usage_ratio) == (QuotaState.UNLIMITED, None)


def test_a_server_without_quota_is_unsupported(dovecot: Dovecot) -> None:
    reading = read(mailbox(dovecot, dovecot.add(quota=False)))
    assert (reading.quota_state, reading.quotas) == (QuotaState.UNSUPPORTED, ())


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_a_configured_limit_stands_in_where_the_server_has_none(
    dovecot: Dovecot, protocol: str
) -> None:
    user = dovecot.add(quota=False)
    dovecot.deliver(user, 9_000)
    reading = read(mailbox(dovecot, user, protocol, limit="10 KiB", message_limit=4))
    assert reading.quota_state is QuotaState.LIMITED
    assert reading.size_bytes is not None
    assert reading.quotas == (
        Quota("", "storage", reading.size_bytes, 10_240, "config"),
        Quota("", "message", 1, 4, "config"),
    )


def test_a_looser_configured_limit_adds_nothing_to_the_servers(dovecot: Dovecot) -> None:
    user = dovecot.add(storage=MEBIBYTE)
    reading = read(mailbox(dovecot, user, limit="2 MiB"))
    assert [quota.source for quota in reading.quotas] == ["server"]


def test_a_stricter_configured_limit_stands_beside_the_servers(dovecot: Dovecot) -> None:
    user = dovecot.add(storage=MEBIBYTE)
    reading = read(mailbox(dovecot, user, limit="0.5 MiB"))
    assert [quota.source for quota in reading.quotas] == ["server", "config"]


def test_a_mailbox_beyond_its_limit_is_read_as_full(dovecot: Dovecot) -> None:
    user = dovecot.add(storage=64 * 1024)
    for folder in ("INBOX", "Trash"):
        dovecot.store(user, messages=3, size=16_000, folder=folder)
    reading = read(mailbox(dovecot, user))
    assert reading.usage_ratio is not None
    assert reading.usage_ratio > 1


def test_folders_have_their_roles_and_what_can_be_freed(dovecot: Dovecot) -> None:
    user = dovecot.add(storage=MEBIBYTE)
    dovecot.store(user, messages=2, size=5_000, folder="Trash")
    dovecot.store(user, messages=1, size=7_000, folder="Junk")
    dovecot.store(user, messages=1, size=1_000)
    reading = read(mailbox(dovecot, user))
    assert reading.folders[0].role is Role.INBOX
    assert {Role.TRASH, Role.JUNK, Role.SENT, Role.DRAFTS} <= {
        each.role for each in reading.folders
    }
    assert reading.messages == 4
    assert reading.unread == 1  # of those in trash and junk nobody needs to be told
    assert reading.reclaimable is not None
    assert dict(reading.reclaimable)[Role.TRASH] >= 10_000
    assert dict(reading.reclaimable)[Role.JUNK] >= 7_000


@pytest.mark.parametrize(
    ("folders", "names"), [("inbox", ["INBOX"]), (["INBOX", "Tr*"], ["INBOX", "Trash"])]
)
def test_only_the_folders_that_were_asked_for_count(
    dovecot: Dovecot, folders: object, names: list[str]
) -> None:
    user = dovecot.add(storage=MEBIBYTE)
    dovecot.store(user, messages=2, size=5_000, folder="Drafts")
    reading = read(mailbox(dovecot, user, folders=folders))
    assert [each.name for each in reading.folders] == names
    assert reading.messages == 0


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
@pytest.mark.parametrize("password", ["wrong", 'quo"ted \\ one', "ünï", "a b{3}"])
def test_a_wrong_password_is_refused_and_not_shown(
    dovecot: Dovecot, protocol: str, password: str
) -> None:
    outcome = poll(mailbox(dovecot, dovecot.add(), protocol, password=password), 20).outcome
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.AUTH
    assert password not in outcome.detail


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
@pytest.mark.parametrize("password", ['quo"ted \\ one', "pässwörd", "a b {3}", "*()%"])
def test_a_password_of_any_characters_works(dovecot: Dovecot, protocol: str, password: str) -> None:
    user = dovecot.add(password=password)
    assert read(mailbox(dovecot, user, protocol)).messages == 0


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_a_server_that_wants_tls_gets_no_password_without_it(
    dovecot: Dovecot, protocol: str
) -> None:
    ports = dovecot.ports
    server = f"{dovecot.strict}:{ports.imap if protocol == 'imap' else ports.pop3}"
    outcome = poll(mailbox(dovecot, dovecot.add(), protocol, "none", server=server), 20).outcome
    assert isinstance(outcome, Failure)
    assert outcome.kind in {FailureKind.DENIED, FailureKind.AUTH, FailureKind.TLS}


def test_a_poll_asks_for_everything_in_one_round_trip_after_login(dovecot: Dovecot) -> None:
    user = dovecot.add(storage=MEBIBYTE)
    with Proxy(dovecot.ports.imap) as wire:
        asked = mailbox(dovecot, user, "imap", "none", server=f"127.0.0.1:{wire.port}")
        read(asked)
    words = [[line.split()[1] for line in flight] for flight in wire.flights]
    assert words == [
        [b"LOGIN"],
        [b"ID", b"NAMESPACE", b"LIST", b"GETQUOTAROOT"],
        [b"LOGOUT"],
    ]


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_only_reading_commands_reach_the_wire(dovecot: Dovecot, protocol: str) -> None:
    user = dovecot.add(storage=MEBIBYTE)
    upstream = dovecot.ports.imap if protocol == "imap" else dovecot.ports.pop3
    with Proxy(upstream) as wire:
        asked = mailbox(dovecot, user, protocol, "none", server=f"127.0.0.1:{wire.port}")
        read(asked)
    place, allowed = (1, IMAP_COMMANDS) if isinstance(asked, ImapAccount) else (0, POP3_COMMANDS)
    assert wire.commands
    assert {line.split()[place] for line in wire.commands} <= allowed


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_polls_change_no_flag_of_any_message(dovecot: Dovecot, protocol: str) -> None:
    user = dovecot.add(storage=MEBIBYTE)
    dovecot.deliver(user, 1_000)
    for _ in range(5):
        read(mailbox(dovecot, user, protocol))
    client = dovecot.imap(user)
    assert client.select(readonly=True)[1] == [b"1"]
    recent = client.recent()[1]
    assert client.search(None, "UNSEEN")[1] == [b"1"]
    client.logout()
    # Opening a maildrop over POP3 ends \\Recent by Dovecot's own doing, at the login already.
    assert recent == [b"1" if protocol == "imap" else b"0"]
