"""The README's first command shows the agent's main job, and leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
BACKGROUND = """
import runpy, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run under nohup
runpy.run_module("demo", run_name="__main__")
"""
PATH = "/usr/bin:/bin:/usr/sbin:/sbin"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the mail server's own user may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_the_demo_shows_a_warning_an_escalation_and_a_recovery(place: Path) -> None:
    """Takes 20 s, since the mailboxes of the demo fill before one's eyes."""
    demo = subprocess.run(
        [sys.executable, "-m", "demo", "--seconds", "20"],
        cwd=ROOT,
        env={"TMPDIR": str(place), "PATH": PATH},
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_however_the_demo_is_stopped_it_leaves_nothing_behind(
    place: Path, number: signal.Signals
) -> None:
    with demo_in_the_background(place) as demo:
        assert demo.stdout is not None
        demo.stdout.readline()  # the first line comes when everything runs
        assert list(place.iterdir())
        demo.send_signal(number)
        demo.communicate(timeout=30)
    assert demo.returncode == 0
    assert list(place.iterdir()) == []


@contextmanager
def demo_in_the_background(place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start it as a shell without job control does, with SIGINT ignored."""
    with subprocess.Popen(
        [sys.executable, "-c", BACKGROUND],
        cwd=ROOT,
        env={"TMPDIR": str(place), "PATH": PATH},
        stdout=subprocess.PIPE,
    ) as demo:
        try:
            yield demo
        finally:
            demo.kill()
