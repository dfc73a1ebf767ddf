"""`mailbox-agent` as a real process, as a shell or a service manager starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START = "from agent.cli.main import main; main()"


@dataclass(frozen=True, slots=True)
class Command:
    """Runs the command in a folder of its own, without a terminal; keywords are its environment."""

    folder: Path

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Wait for its end and return what it said."""
        process = self.start(*arguments, stdout=subprocess.PIPE, **environment)
        output, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def start(
        self,
        *arguments: str,
        stdout: Any,
        stderr: Any = subprocess.PIPE,
        stdin: Any = subprocess.DEVNULL,
        **environment: str,
    ) -> subprocess.Popen[str]:
        """Start it in a session of its own, its output going where the caller wants."""
        return subprocess.Popen(
            [sys.executable, "-c", START, *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | environment,
            stdin=stdin,
            start_new_session=True,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )
