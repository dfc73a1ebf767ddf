"""The command as a real process, and mailboxes that a poll might have found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.command import Command

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)
