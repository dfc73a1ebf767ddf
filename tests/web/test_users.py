"""User names and passwords by the web configuration file, with real bcrypt hashes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

import bcrypt
import pytest

from agent.web.users import MOST_WAITING_OF_ONE
from tests.support.website import ALICE, BOB, Website

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHECK = bcrypt.checkpw


class Checks:
    """bcrypt's own check, counted, and held up until `go` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[bytes] = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()
        self.go.set()
        self.most_at_once = 0
        self._running = 0
        monkeypatch.setattr(bcrypt, "checkpw", self._check)

    def _check(self, password: bytes, hashed: bytes) -> bool:
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        self.made.append(hashed)
        self.begun.release()
        assert self.go.wait(20)
        self._running -= 1
        return CHECK(password, hashed)

    @contextmanager
    def held(self) -> Iterator[None]:
        self.go.clear()
        try:
            yield
        finally:
            self.go.set()


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    return Checks(monkeypatch)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Website]:
    with Website(tmp_path, {"basic_auth_users": {"alice": ALICE, "bob": BOB}}) as site:
        yield site


def test_a_user_is_let_in_and_nobody_else(site: Website) -> None:
    assert site.get(user="alice:alicealice").body == b"page\n"
    assert site.get(user="bob:bobbob").status == 200
    for wrong in (
        "alice:",
        "alice:bobbob",
        "alice:alicealice ",
        "Alice:alicealice",
        ":",
        "carol:x",
    ):
        assert site.get(user=wrong).status == 401
    refused = site.get()
    assert refused.status == 401
    assert refused.headers["www-authenticate"] == 'Basic realm="mailbox-agent", charset="UTF-8"'
    assert b"page" not in refused.body


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
def test_probes_need_no_password(site: Website, path: str) -> None:
    assert site.get(path).status in {200, 404}  # this site has only one of them
    for another in (f"{path}/", f"/{path}", f"{path}%2f", path.upper(), f"/.{path}"):
        assert site.get(another).status == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic YWxpY2U6YWxpY2VhbGljZQ",  # no padding
        "Basic YWxpY2U6YWxpY2VhbGljZQ==YWxp",
        "Basic !!!!",
        "Basic \xe9",
        "Basic YWxpY2U=",  # no colon
        "Bearer YWxpY2U6YWxpY2VhbGljZQ==",
        "YWxpY2U6YWxpY2VhbGljZQ==",
    ],
)
def test_what_is_no_basic_authentication_is_refused(site: Website, header: str) -> None:
    assert site.get(Authorization=header).status == 401


def test_the_scheme_is_known_in_any_case(site: Website) -> None:
    assert site.get(Authorization="bASIC YWxpY2U6YWxpY2VhbGljZQ==").status == 200


def test_what_bcrypt_does_not_look_at_does_not_count_as_in_the_toolkit(tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    with Website(tmp_path, {"basic_auth_users": {"é": hashed}}) as site:
        assert site.get(user=f"é:{'x' * 72}").status == 200
        assert site.get(user=f"é:{'x' * 100}").status == 200
        assert site.get(user=f"é:{'x' * 71}").status == 401
        assert site.get(user=f"é:{'x' * 71}\0").status == 401


def test_what_was_right_once_is_not_checked_again_until_the_file_changes(
    site: Website, checks: Checks
) -> None:
    for _ in range(3):
        assert site.get(user="alice:alicealice").status == 200
    assert checks.made == [ALICE.encode()]
    site.write({"basic_auth_users": {"alice": ALICE}})
    assert site.get(user="alice:alicealice").status == 200
    assert len(checks.made) == 2


def test_a_wrong_password_is_checked_each_time_and_crowds_out_no_right_one(
    site: Website, checks: Checks
) -> None:
    assert site.get(user="alice:alicealice").status == 200
    for _ in range(3):
        assert site.get(user="alice:wrong").status == 401
    assert len(checks.made) == 4
    assert site.get(user="alice:alicealice").status == 200
    assert len(checks.made) == 4


def test_an_unknown_user_costs_as_much_as_the_dearest_known_one(
    tmp_path: Path, checks: Checks
) -> None:
    dear = bcrypt.hashpw(b"x", bcrypt.gensalt(5)).decode()
    with Website(tmp_path, {"basic_auth_users": {"alice": ALICE, "dear": dear}}) as site:
        for user in ("carol:x", "carol:alicealice"):
            assert site.get(user=user).status == 401
    assert checks.made == [dear.encode()] * 2


def test_guesses_are_checked_one_at_a_time_and_delay_nobody_who_is_known(
    site: Website, checks: Checks
) -> None:
    assert site.get(user="alice:alicealice").status == 200
    checks.begun.acquire()
    with ThreadPoolExecutor(MOST_WAITING_OF_ONE) as pool:
        with checks.held():
            guesses = [
                pool.submit(site.get, user=f"bob:{number}") for number in range(MOST_WAITING_OF_ONE)
            ]
            checks.begun.acquire()
            assert site.get(user="alice:alicealice").body == b"page\n"
            assert site.get("/-/healthy").status == 200
            assert len(checks.made) == 2
        assert {guess.result().status for guess in guesses} == {401}
    assert checks.most_at_once == 1


def test_one_clients_guesses_leave_room_for_another_client(site: Website, checks: Checks) -> None:
    with ThreadPoolExecutor(16) as pool:
        with checks.held():
            guesses = [pool.submit(site.get, user="bob:wrong") for _ in range(12)]
            refused = [
                guess.result() for guess in islice(as_completed(guesses), 12 - MOST_WAITING_OF_ONE)
            ]
            assert {(answer.status, answer.headers["retry-after"]) for answer in refused} == {
                (429, "1")
            }
            other = pool.submit(site.get, user="bob:bobbob", client="127.0.0.2")
        assert other.result().status == 200
    assert len(checks.made) == MOST_WAITING_OF_ONE + 1
