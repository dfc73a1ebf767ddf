"""The pages over HTTP: what they say, what they fetch, and what they do without a store."""

from __future__ import annotations

import html
import re
import time
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sqlalchemy import text as ddl

from agent.metrics import Exposition
from agent.model import Poll
from agent.notify.routing import Routing
from agent.recorder import Recorder
from agent.store import Store
from agent.store.overview import Overview
from tests.support.fleet import LIVES, NOW, ODD, TIMEOUT, Life, fill, reading_of, settings_of, shown
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.config.settings import Settings


class Markup(HTMLParser):
    """The names of all tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attributes)


def text(address: str, path: str = "/", status: int = 200, **query: str) -> str:
    """What is read on a page, without its markup."""
    answer = requests.get(address + path, params=query, timeout=20)
    assert answer.status_code == status
    body = re.sub(r"(?s)<style>.*?</style>", "", answer.text)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


@pytest.mark.parametrize("path", ["/", "/mailboxes/support", "/mailboxes/nobody"])
def test_a_page_fetches_nothing_and_runs_nothing(address: str, path: str) -> None:
    answer = requests.get(address + path, timeout=20)
    policy = answer.headers["content-security-policy"]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; "
        r"form-action 'self'; frame-ancestors 'none'",
        policy,
    )
    found = Markup()
    found.feed(answer.text)
    assert not found.tags & {"script", "link", "img", "image", "iframe", "object", "embed", "base"}
    assert not [name for name in found.attributes if name.startswith("on")]
    assert not found.attributes & {"style", "src", "srcset", "http-equiv", "xlink:href"}


def test_the_first_page_links_everything(address: str) -> None:
    page = requests.get(address, timeout=20).text
    for path in ("metrics", "-/healthy", "-/ready", "api/v1/mailboxes", "mailboxes/anna"):
        assert f'href="./{path}"' in page


def test_the_list_tells_usage_forecast_alerts_and_age(address: str) -> None:
    page = text(address, search="anna")
    assert re.search(
        r"anna mail\.example\.com:993 · customers · vip critical 96 % 991\.2 MiB of 1\.0 GiB "
        r"Full: in \d\d hours [23] Mar nearly full \(critical\) full soon \(warning\) "
        r"Last read: 4m ago",
        page,
    )
    assert "never polled not known" in text(address, search="new-colleague")
    assert "unlimited" in text(address, search="backup")


def test_a_page_renews_itself_only_when_it_is_asked_to(address: str) -> None:
    page = requests.get(address + "/?refresh=on&state=ok", timeout=20).text
    assert '<meta http-equiv="refresh" content="60">' in page
    assert '<a href="?state=ok">Stop</a>' in page


def test_questions_that_make_no_sense_are_answered_as_if_not_asked(address: str) -> None:
    for query in ("state=fine", "page=0", "page=x", "page=99999999999", "tag=", "days=3"):
        assert "invoices" in text(address, "/?" + query)
    assert "No mailbox matches." in text(address, search="nobody of this name")
    assert "To the first page" in text(address, page="40")


def test_a_mailbox_page_tells_all_that_is_known(address: str) -> None:
    page = text(address, "/mailboxes/support")
    for said in (
        "60 % 2.4 GiB of 4.0 GiB",
        "if it goes on growing so.",
        "Could be freed 299.8 MiB trash 224.8 MiB, junk 74.9 MiB",
        "full soon Severity: warning Since: 1 Mar 2026, 11:56 UTC",
        "Told: ops, on-call",
        "INBOX Kind: inbox",
        "Projekte/Brücke Süd",
        "User quota Resource: storage Used: 2.4 GiB Limit: 4.0 GiB Share: 60 %",
        "full soon, began Severity: warning Receiver: on-call When: 1 Mar 2026, 11:56 UTC",
        "Delivery: waiting",
        "Delivery: sent",
        "Recent failures None.",
    ):
        assert said in page


def test_a_failing_mailbox_says_why_since_when_and_what_to_do(address: str) -> None:
    page = text(address, "/mailboxes/legacy-import")
    assert "The last poll failed 3m ago : timeout , no answer within 30 s" in page
    assert "mailbox-agent check legacy-import" in page
    assert "timeout From: 1 Mar 2026, 09:00 UTC To: 1 Mar 2026, 11:57 UTC Polls: 4" in page
    assert "These figures are old: as of 1 Mar 2026, 05:00 UTC." in page
    assert "mailbox-agent reset scanner" in text(address, "/mailboxes/scanner")


def test_times_are_those_of_the_configured_zone(tmp_path: Path) -> None:
    configured = settings_of(tmp_path, LIVES[:1], agent={"timezone": "America/Caracas"})
    with opened(tmp_path) as store:
        fill(store, configured, LIVES[:1], days=1)
        with shown(configured, store) as server:
            page = text(f"http://127.0.0.1:{server.port}", "/mailboxes/invoices")
    assert "1 Mar 2026, 07:56 UTC-04" in page


def test_a_name_is_shown_and_never_interpreted(address: str) -> None:
    page = requests.get(address, params={"search": ODD}, timeout=20).text
    assert "<b onclick" not in page
    assert page.count("&lt;b onclick=") == 2  # in the link, and in the form


def test_dots_are_names_like_any_other(tmp_path: Path) -> None:
    lives = [Life("..", 0.5, polled=False)]
    configured = settings_of(tmp_path, lives)
    with opened(tmp_path) as store, shown(configured, store) as server:
        address = f"http://127.0.0.1:{server.port}"
        assert 'href="./mailboxes/?name=.."' in requests.get(address, timeout=20).text
        assert "Mailboxes / .." in text(address, "/mailboxes/", name="..")


@contextmanager
def recording(configured: Settings, store: Store) -> Iterator[Recorder]:
    """A recorder that writes, or tries to."""
    recorder = Recorder(
        configured, store, Exposition(), Routing(configured), lambda: None, lambda: NOW
    )
    recorder.start()
    try:
        yield recorder
    finally:
        recorder.stop(20)


@contextmanager
def refusing(store: Store) -> Iterator[None]:
    """A store that can be read and takes no poll, as on a disk that is full."""
    with store.transaction() as connection:
        connection.execute(
            ddl(
                "CREATE TRIGGER refuse BEFORE INSERT ON mailbox "
                "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
            )
        )
    yield
    with store.transaction() as connection:
        connection.execute(ddl("DROP TRIGGER refuse"))


def until(condition: Any) -> None:
    """Wait for it; the test's own time-out ends what never comes."""
    while not condition():
        time.sleep(0.01)


def test_what_the_store_could_not_take_is_shown_nevertheless(tmp_path: Path) -> None:
    lives = [Life("anna", 0.5), Life("ben", 0.6)]
    configured = settings_of(tmp_path, lives)
    with opened(tmp_path) as store:
        fill(store, configured, lives, days=1)
        with (
            recording(configured, store) as recorder,
            shown(configured, store, recorder=recorder) as server,
        ):
            address = f"http://127.0.0.1:{server.port}"
            with refusing(store):
                recorder.put(Poll("anna", NOW, 0.1, reading_of(replace(lives[0], share=0.995))))
                recorder.put(Poll("ben", NOW, 30.0, TIMEOUT))
                until(lambda: len(recorder.unwritten) == 2)
                page = text(address)
                assert "The store is unavailable" in page
                assert re.search(
                    r"anna mail\.example\.com:993 critical 99 %.*Last read: 0s ago", page
                )
                assert re.search(r"ben mail\.example\.com:993 failing timeout 59 %", page)
                answer = requests.get(address + "/api/v1/mailboxes", timeout=20).json()
                assert answer["store_problem"] == recorder.problem
                ratios = [mailbox["usage_ratio"] for mailbox in answer["mailboxes"]]
                assert ratios == pytest.approx([0.99, 0.6], abs=0.01)
                assert "timeout From: 1 Mar 2026, 12:00 UTC" in text(address, "/mailboxes/ben")
            until(lambda: recorder.problem is None)
            assert "The store is unavailable" not in text(address)


def test_without_any_store_the_pages_tell_what_polls_find(tmp_path: Path) -> None:
    lives = [Life("anna", 0.97), Life("ben", 0.6), Life("carl", 0.1)]
    configured = settings_of(tmp_path / "missing", lives)
    store = Store(configured.store.url)
    with (
        recording(configured, store) as recorder,
        shown(configured, store, recorder=recorder) as server,
    ):
        address = f"http://127.0.0.1:{server.port}"
        recorder.put(Poll("anna", NOW, 0.1, reading_of(lives[0])))
        recorder.put(Poll("ben", NOW, 30.0, TIMEOUT))
        until(lambda: len(recorder.unwritten) == 2)
        page = text(address)
        assert "The store is unavailable" in page
        assert "No such file or directory" in page
        assert re.search(
            r"anna .* critical 96 % 993.2 MiB of 1.0 GiB .* nearly full \(critical\) .*"
            r"ben .* failing timeout not known .* carl .* never polled",
            page,
        )
        page = text(address, "/mailboxes/anna")
        assert "INBOX Kind: inbox" in page
        assert page.count("Not known while the store is unavailable.") == 2
        answer = requests.get(address + "/api/v1/mailboxes/anna", timeout=20).json()
        assert len(answer["mailbox"]["folders"]) == 7
        assert answer["store_problem"] == recorder.problem


def test_alerts_are_remembered_when_the_store_is_gone(tmp_path: Path) -> None:
    lives = [Life("anna", 0.97), Life("ben", 0.1)]
    configured = settings_of(tmp_path, lives)
    with (
        opened(tmp_path) as store,
        recording(configured, store) as recorder,
        shown(configured, store, recorder=recorder) as server,
    ):
        recorder.put(Poll("anna", NOW, 0.1, reading_of(lives[0])))
        address = f"http://127.0.0.1:{server.port}"
        until(lambda: "critical" in text(address, search="anna", state="critical"))
        until(lambda: recorder.known().get("anna", Overview()).alerts)
        store.close()
        page = text(address)
        assert "The store is unavailable" in page
        assert re.search(r"anna .* critical not known .* nearly full \(critical\)", page)
