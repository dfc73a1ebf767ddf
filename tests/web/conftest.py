"""Certificates for the server and its clients, and one fleet for all that only looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.certificates import Certificate, Certificates
from tests.support.fleet import LIVES, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("fleet"), LIVES) as address:
        yield address


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def client(certificates: Certificates) -> Certificate:
    """The certificate of a client, with a name of each kind."""
    names = "DNS:prometheus.example,IP:2001:db8::1,email:ops@example.com,URI:spiffe://prometheus"
    return certificates.client("client", names)


@pytest.fixture
def stranger(tmp_path: Path) -> Certificate:
    """The certificate of a client, by another authority."""
    folder = tmp_path / "another"
    folder.mkdir()
    return Certificates.make(folder).client("stranger", "DNS:prometheus.example")
