"""The README's first command shows the agent's main job, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the mail server's own user may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_the_demo_shows_a_warning_an_escalation_and_a_recovery(place: Path) -> None:
    """Takes 20 s, since the mailboxes of the demo fill before one's eyes."""
    command = [sys.executable, "-m", "demo", "--seconds", "20"]
    demo = subprocess.run(
        command,
        cwd=ROOT,
        env={"TMPDIR": str(place), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert demo.returncode == 0, demo.stderr
    assert "cleaned-up is 92 % full" in demo.stdout
    assert "steady got worse" in demo.stdout
    assert "cleaned-up has recovered" in demo.stdout
    assert "/metrics" in demo.stdout
    assert list(place.iterdir()) == []
