"""The whole agent, started and stopped in this process, against a real Dovecot."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import TYPE_CHECKING, Any

import pytest

from agent.service import Service
from agent.store import Store, StoreLocked
from agent.web import ListenError
from tests.support.configured import mailbox, settings
from tests.support.scripted import Scripted, imap
from tests.support.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.config.settings import Settings
    from tests.support.dovecot import Dovecot, User

KIBIBYTE = 1024
# Apprise's PGP library still imports a module that Python 3.13 removes.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@contextlib.contextmanager
def running(configured: Settings) -> Iterator[Service]:
    service = Service(configured)
    service.start()
    try:
        yield service
    finally:
        service.stop()


def get(service: Service, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def series(service: Service, name: str) -> dict[str, float]:
    """The samples of one metric by their labels, as they stand on the page."""
    _, page = get(service, "/metrics")
    lines = [line.removeprefix(name) for line in page.splitlines() if line.startswith(name + "{")]
    return {labels: float(value) for labels, _, value in (line.rpartition(" ") for line in lines)}


def until(service: Service, name: str, labels: str, value: float) -> None:
    """Wait until a metric says so; the test's own time-out ends what never comes."""
    while series(service, name).get(labels) != value:
        pass


def told(hook: Webhook) -> dict[str, Any]:
    return hook.next()


def receiver(hook: Webhook) -> dict[str, Any]:
    return {
        "receivers": [{"name": "ops", "type": "apprise", "url": hook.url}],
        "routes": [{"receivers": ["ops"]}],
    }


def account(dovecot: Dovecot, user: User, **keys: Any) -> dict[str, Any]:
    return mailbox(user.name, dovecot.ports.imap, **keys)


def test_a_filling_mailbox_is_told_of_once_a_level_and_when_it_is_well_again(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    user = dovecot.add(storage=100 * KIBIBYTE)
    with Webhook() as hook:
        with running(settings(tmp_path, account(dovecot, user), **receiver(hook))) as service:
            dovecot.store(user, size=85 * KIBIBYTE)
            assert hook.next()["title"] == f"Mailbox {user.name} is 85 % full"
            labels = f'{{account="{user.name}",rule="usage",severity="warning"}}'
            assert series(service, "mailbox_alert_firing") == {labels: 1}
            dovecot.store(user, size=11 * KIBIBYTE)
            assert hook.next()["title"] == f"Mailbox {user.name} got worse: 96 % full"
            dovecot.expunge(user)
            assert hook.next()["title"] == f"Mailbox {user.name} has recovered: 0 % full"
            until(service, "mailbox_messages", f'{{account="{user.name}"}}', 0)
            assert series(service, "mailbox_alert_firing") == {}
        assert hook.requests.empty()


def test_a_restart_repeats_nothing_and_forgets_nothing(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.add(storage=100 * KIBIBYTE)
    dovecot.store(user, size=85 * KIBIBYTE)
    firing = f'{{account="{user.name}",rule="usage",severity="warning"}}'
    with Webhook() as hook:
        configured = settings(tmp_path, account(dovecot, user), **receiver(hook))
        with running(configured):
            assert hook.next()["title"] == f"Mailbox {user.name} is 85 % full"
        with running(configured) as service:
            assert series(service, "mailbox_alert_firing") == {firing: 1}
            until(service, "mailbox_poll_success", f'{{account="{user.name}"}}', 1)
            dovecot.expunge(user)
            assert hook.next()["title"] == f"Mailbox {user.name} has recovered: 0 % full"


def test_an_account_that_was_removed_ends_its_alert(dovecot: Dovecot, tmp_path: Path) -> None:
    user, other = dovecot.add(storage=100 * KIBIBYTE), dovecot.add()
    dovecot.store(user, size=85 * KIBIBYTE)
    with Webhook() as hook:
        both = (account(dovecot, user), account(dovecot, other))
        with running(settings(tmp_path, *both, **receiver(hook))):
            assert hook.next()["title"] == f"Mailbox {user.name} is 85 % full"
        with running(settings(tmp_path, both[1], **receiver(hook))):
            assert hook.next()["title"] == f"Mailbox {user.name}: alert closed"


def test_a_broken_account_harms_no_other(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.add(storage=100 * KIBIBYTE)
    no_secret = mailbox("ghost", dovecot.ports.imap, password_file="/nowhere/secret")
    del no_secret["password"]
    accounts = [
        no_secret,
        mailbox("closed", 1),
        mailbox("nameless", 143, server="nowhere.invalid"),
        account(dovecot, user),
    ]
    with running(settings(tmp_path, *accounts)) as service:
        until(service, "mailbox_poll_success", f'{{account="{user.name}"}}', 1)
        for name in ("ghost", "closed", "nameless"):
            until(service, "mailbox_poll_success", f'{{account="{name}"}}', 0)
        reasons = series(service, "mailbox_poll_failures_total")
        assert get(service, "/-/healthy")[0] == 200
        assert get(service, "/-/ready")[0] == 200
    assert {labels.partition(",")[2] for labels in reasons} == {
        'reason="config"}',
        'reason="connect"}',
        'reason="dns"}',
    }


def test_a_store_that_cannot_be_written_stops_neither_polls_nor_metrics(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    user = dovecot.add(storage=100 * KIBIBYTE)
    dovecot.store(user, size=85 * KIBIBYTE)
    state = {"store": {"url": f"sqlite:///{tmp_path}/missing/agent.db"}}
    with Webhook() as hook:
        configured = settings(tmp_path, account(dovecot, user), **state, **receiver(hook))
        with running(configured) as service:
            until(service, "mailbox_poll_success", f'{{account="{user.name}"}}', 1)
            status, body = get(service, "/-/healthy")
            assert status == 503
            assert "store: store" in body
            assert series(service, "mailbox_usage_ratio")
            assert hook.requests.empty()
            # The crossing was not lost: it is told as soon as it can be written down.
            (tmp_path / "missing").mkdir()
            assert hook.next()["title"] == f"Mailbox {user.name} is 85 % full"
            assert get(service, "/-/healthy")[0] == 200


def test_a_second_agent_on_the_same_store_refuses_to_start(tmp_path: Path) -> None:
    with Scripted(imap({})) as server:
        configured = settings(tmp_path, mailbox("anna", server.port))
        with running(configured), pytest.raises(StoreLocked, match="another agent"):
            Service(configured).start()


def test_a_port_in_use_is_told_before_anything_starts(tmp_path: Path) -> None:
    with Scripted(imap({})) as server:
        configured = settings(
            tmp_path, mailbox("anna", server.port), web={"listen": f"127.0.0.1:{server.port}"}
        )
        with pytest.raises(ListenError, match="in use"):
            Service(configured)
        assert server.connections == 0


def test_stopping_lets_go_of_the_store(tmp_path: Path) -> None:
    with Scripted(imap({})) as server:
        configured = settings(tmp_path, mailbox("anna", server.port))
        with running(configured):
            pass
    store = Store(configured.store.url)
    store.open()
    store.close()


def test_many_mailboxes_of_one_server_are_all_polled(dovecot: Dovecot, tmp_path: Path) -> None:
    users = dovecot.provision(100, messages=1, size=2048)
    accounts = [account(dovecot, user) for user in users]
    # Long enough that the first one is not stale before the last one is polled.
    with running(settings(tmp_path, *accounts, agent={"poll_interval": "1m"})) as service:
        while get(service, "/-/ready")[0] != 200:
            pass
        sizes = series(service, "mailbox_size_bytes")
    assert len(sizes) == len(users)
    assert set(sizes.values()) == {2048}


def test_the_page_tells_what_polls_found_and_what_was_told_also_after_a_restart(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    user = dovecot.add(storage=100 * KIBIBYTE)
    dovecot.store(user, size=85 * KIBIBYTE)
    path = f"/api/v1/mailboxes/{user.name}"
    with Webhook() as hook:
        configured = settings(tmp_path, account(dovecot, user), **receiver(hook))
        with running(configured) as service:
            assert hook.next()["title"] == f"Mailbox {user.name} is 85 % full"
            while '"state":"sent"' not in get(service, path)[1]:
                pass
        with running(configured) as service:
            status, page = get(service, f"/mailboxes/{user.name}")
            found = json.loads(get(service, path)[1])["mailbox"]
            assert get(service, "/")[0] == 200
    assert status == 200
    assert "nearly full, began" in page
    assert (found["state"], found["status"]) == ("warning", "warning")
    assert found["folders"][0]["name"] == "INBOX"
    assert found["folders"][0]["size_bytes"] == 85 * KIBIBYTE
    (notice,) = found["notifications"]
    assert (notice["receiver"], notice["rule"], notice["reason"]) == ("ops", "usage", "first")
    assert [alert["told"] for alert in found["alerts"]] == [["ops"]]
