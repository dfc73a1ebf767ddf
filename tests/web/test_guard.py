"""What holds for every answer: its headers, and how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.website import ALICE, Website

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Website]:
    with Website(tmp_path, {"http_server_config": {"http2": True}}) as site:
        yield site


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/", "localhost", 200),
        ("/-/healthy", "localhost", 200),
        ("/nowhere", "localhost", 404),
        ("/", "attacker.example", 421),
        ("/error", "localhost", 500),
    ],
)
def test_every_answer_is_kept_from_caches_frames_scripts_and_guesses(
    site: Website, path: str, host: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    answer = site.get(path, Host=host)
    assert answer.status == status
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "wonderland" not in answer.body.decode()
    caplog.clear()  # of the error


def test_headers_of_the_file_are_on_every_answer_and_outrank_ours(tmp_path: Path) -> None:
    headers = {
        "Content-Security-Policy": "default-src 'self'",
        "X-Frame-Options": "deny",
        "X-Content-Type-Options": "",
        "X-XSS-Protection": "0",
        "Strict-Transport-Security": "max-age=31536000",
    }
    document = {
        "http_server_config": {"headers": headers},
        "basic_auth_users": {"alice": ALICE},
    }
    with Website(tmp_path, document) as site:
        for answer in (site.get(), site.get(user="alice:alicealice"), site.get("/-/healthy")):
            sent = answer.headers
            assert sent.get_all("content-security-policy") == ["default-src 'self'"]
            assert sent["x-frame-options"] == "deny"
            assert sent["x-content-type-options"] == "nosniff"
            assert sent["x-xss-protection"] == "0"
            assert sent["strict-transport-security"] == "max-age=31536000"


def test_more_requests_than_the_rate_limit_allows_are_refused_but_for_probes(
    tmp_path: Path,
) -> None:
    with Website(tmp_path, {"rate_limit": {"interval": "1h", "burst": 3}}) as site:
        answers = [site.get() for _ in range(5)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
        assert answers[-1].headers["retry-after"] == "1"
        assert site.get("/-/healthy").status == 200
