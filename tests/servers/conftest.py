"""The servers of the table, each started once in every test process that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.kinds import KINDS, Subject
from tests.support.cyrus import Cyrus
from tests.support.daemon import started
from tests.support.recorded import Dialogue

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def prefixed_cyrus() -> Iterator[Cyrus]:
    """A Cyrus as Debian has it."""
    with started(lambda: Cyrus(prefix=True)) as server:
        yield server


@pytest.fixture(params=KINDS, ids=str)
def server(request: pytest.FixtureRequest) -> Subject:
    """Each kind of server in turn."""
    return Subject(request.param, request.getfixturevalue(request.param.fixture))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The lines that agents of this process send, which a test may clear."""
    lines: list[bytes] = []
    judge = Dialogue.hear

    def hear(self: Dialogue, data: bytes) -> None:
        lines.extend(data.splitlines())
        judge(self, data)

    monkeypatch.setattr(Dialogue, "hear", hear)
    return lines
