"""Every benchmark, one after the other: `make bench`. Exits with 1 where a target is missed."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = ("start", "poll", "scrape", "memory", "forecast", "page")


def main() -> int:
    """Each in a process of its own, so that none warms up or fattens another."""
    missed = []
    for name in BENCHMARKS:
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        if subprocess.run(command, check=False).returncode:
            missed.append(name)
        print(flush=True)
    print(f"targets missed: {', '.join(missed)}" if missed else "every target is met")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
