from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.endpoint import Endpoint, parse_endpoint
from agent.config.levels import FreeSpace, Share, parse_threshold
from agent.config.units import (
    duration_text,
    parse_count,
    parse_duration,
    parse_share,
    parse_size,
    share_text,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (1, 1),
        ("1", 1),
        ("500 MB", 500_000_000),
        ("5 GiB", 5 * 2**30),
        ("5gib", 5 * 2**30),
        ("1.5 KiB", 1536),
        ("2TB", 2 * 10**12),
        ("2TiB", 2 * 2**40),
        ("7 B", 7),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_a_size_is_read_in_bytes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5 G",
        "5 Gbit",
        "1,5 GiB",
        "5 GiB free",
        "-1",
        -1,
        0,
        True,
        1.5,
        None,
        [],
        2**63,
        "\N{ARABIC-INDIC DIGIT FIVE} GiB",
        "1e9",
        "0 MB",
        "0.1 B",
        "9" * 400 + " GiB",
        "9999999999 TiB",
        "5  GiB",
    ],
)
def test_what_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r'^needs a size such as "500 MB" or "5 GiB", or a number'):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("1s", 1), ("15m", 900), ("1h30m", 5400), ("1d", 86400), ("1d1h1m1s", 90061)],
)
def test_a_duration_is_read_in_days_hours_minutes_and_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "15", 15, 1.5, "m", "1m1h", "1 h", "-1s", "1w", "1.5h", "9" * 400 + "s", "5000d"]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"^needs a duration such as"):
        parse_duration(text)


@given(st.integers(0, 3650 * 86400))
def test_a_duration_that_is_written_is_read_back(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(duration_text(length)) == length


@given(st.integers(0, 20_000))
def test_a_share_that_is_written_is_read_back(hundredths: int) -> None:
    share = parse_share(f"{hundredths / 100}%")
    assert parse_share(share_text(share)) == share


@pytest.mark.parametrize("text", ["80", 80, "eighty%", "-1%", "80 %%", "%", True, None])
def test_what_is_no_share_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r'^needs a share such as "80%"$'):
        parse_share(text)


@pytest.mark.parametrize("text", [True, 1.0, "1.0", "x", "", "-1", 2**63, "9" * 400, None])
def test_what_is_no_count_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"^needs a whole number$"):
        parse_count(text)


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("80%", Share(0.8)),
        ("99.5 %", Share(0.995)),
        ("100 MB free", FreeSpace(100_000_000)),
        ("1GiB  free", FreeSpace(2**30)),
    ],
)
def test_a_level_is_a_share_or_free_space(text: str, threshold: Share | FreeSpace) -> None:
    assert parse_threshold(text) == threshold
    assert parse_threshold(str(threshold)) == threshold


@pytest.mark.parametrize("text", ["100 MB", "free", "80", "80% free", 0.8, "0%", "201%", "-5%"])
def test_what_is_neither_share_nor_free_space_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"^needs a share"):
        parse_threshold(text)


@pytest.mark.parametrize(
    ("text", "endpoint", "written"),
    [
        ("mail.example.com", Endpoint("mail.example.com", 993), "mail.example.com:993"),
        ("Mail.Example.COM.:143", Endpoint("mail.example.com", 143), "mail.example.com:143"),
        ("[2001:DB8::1]", Endpoint("2001:db8::1", 993), "[2001:db8::1]:993"),
        ("[::1]:1143", Endpoint("::1", 1143), "[::1]:1143"),
        ("bücher.example", Endpoint("xn--bcher-kva.example", 993), "xn--bcher-kva.example:993"),
        ("127.0.0.1:0", Endpoint("127.0.0.1", 0), "127.0.0.1:0"),
    ],
)
def test_an_endpoint_is_a_host_and_perhaps_a_port(
    text: str, endpoint: Endpoint, written: str
) -> None:
    assert parse_endpoint(text, 993) == endpoint
    assert str(endpoint) == written
    assert parse_endpoint(written, 1) == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":993",
        "a b",
        "a\r\nb",
        "host:",
        "host:x",
        "host:99999",
        "::1",
        "[::1",
        "[x]",
        "[]:1",
        "a..b",
        "-a",
        "a" * 64,
        "imap://host",
        "user@host",
        "host/",
        993,
        None,
        "host:\N{ARABIC-INDIC DIGIT NINE}",
        "\x00",
    ],
)
def test_what_is_no_endpoint_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"^needs a (server|port)"):
        parse_endpoint(text, 993)


@given(st.text())
def test_any_text_is_an_endpoint_that_reads_back_or_is_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        endpoint = parse_endpoint(text, 993)
        assert parse_endpoint(str(endpoint), 1) == endpoint
