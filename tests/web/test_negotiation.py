"""Which format and which encoding a scraper's headers ask for."""

from __future__ import annotations

import pytest

from agent.web.negotiation import accepts_gzip, wants_openmetrics

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        (PROMETHEUS_2, True),
        (PROMETHEUS_3, True),
        ("application/openmetrics-text", True),
        ('Application/OpenMetrics-Text; Version="1.0.0"', True),
        ("application/openmetrics-text; version=2.0.0", False),
        ("application/openmetrics-text; version=2.0.0, text/plain;q=0.1", False),
        ("application/openmetrics-text; version=0.0.1", False),
        ("application/openmetrics-text; q=0", False),
        ("application/openmetrics-text; q=0.3, text/plain; q=0.5", False),
        ("text/html, */*", False),
        ("application/openmetrics-text; q=nan", False),
        ("application/openmetrics-text; q=words", False),
        (",;,=;q", False),
        ("", False),
    ],
)
def test_openmetrics_is_given_where_it_is_wanted(accept: str, *, openmetrics: bool) -> None:
    assert wants_openmetrics(accept) is openmetrics


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("identity", False),
        ("", False),
    ],
)
def test_gzip_is_used_where_it_is_accepted(header: str, *, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted
