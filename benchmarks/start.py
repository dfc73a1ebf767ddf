"""How soon the commands are there: `check --help`, and `run` until its first poll."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.support.scripted import Line, Scripted, imap

ROUNDS = 7
HELP_TARGET, POLL_TARGET = 0.4, 1.5  # seconds


def help_seconds() -> float:
    """From the start of the process to its end."""
    start = time.monotonic()
    command = [sys.executable, "-m", "agent", "check", "--help"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def first_poll_seconds() -> float:
    """From the start of the process to the connection that its first poll makes."""
    polled = threading.Event()

    def talk(line: Line) -> None:
        polled.set()
        imap({})(line)

    with Scripted(talk) as server, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_text(
            f'[store]\nurl = "sqlite:///{folder}/agent.db"\n[web]\nlisten = "127.0.0.1:0"\n'
            f'[[accounts]]\nname = "anna"\nprotocol = "imap"\nserver = "127.0.0.1:{server.port}"\n'
            'tls = "none"\nusername = "anna"\npassword = "-"\n'
        )
        file.chmod(0o600)
        start = time.monotonic()
        command = [sys.executable, "-m", "agent", "run", "--config", str(file)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as agent:
            if not polled.wait(60):
                sys.exit("no poll came")
            took = time.monotonic() - start
            agent.terminate()
    return took


def main() -> None:
    """Measure, print, and exit with 1 where a target is missed."""
    shown = statistics.median(help_seconds() for _ in range(ROUNDS))
    polled = statistics.median(first_poll_seconds() for _ in range(ROUNDS))
    print(f"start, median of {ROUNDS} rounds")
    print(f"  check --help           {shown:5.2f} s  (target: under {HELP_TARGET} s)")
    print(f"  run, to the first poll {polled:5.2f} s  (target: under {POLL_TARGET} s)")
    sys.exit(shown >= HELP_TARGET or polled >= POLL_TARGET)


if __name__ == "__main__":
    main()
