"""Draw the dashboards for docs/: `python -m grafana.pictures`, after `npm ci` in grafana/render."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grafana.pictures.population import everybody
from grafana.pictures.stage import NOTED, staged

if TYPE_CHECKING:
    from tests.support.prometheus import Prometheus

ROOT = Path(__file__).parents[2]
RENDER = ROOT / "grafana" / "render"
WIDTH = 1440
SETTLED = 45  # seconds in which rates begin, and notifications go out
# How far back each one looks, and how often what it shows was scraped in the past, in seconds.
SHOTS = {"fleet": ("7d", 900), "mailbox": ("30d", 900), "agent": ("24h", 300)}
PAGE = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="{css}">
<style>body {{ margin: 0 }}</style><div id="root"></div>
<script>window.input = {input}</script><script src="{script}"></script>"""


def main() -> None:
    """Build the drawing, set the stage, and take the pictures."""
    chosen = sys.argv[1:] or list(SHOTS)
    subprocess.run(["npm", "run", "--silent", "build"], cwd=RENDER, check=True)
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as prometheus:
        polled = f"count(mailbox_poll_success) == {len(everybody())}"
        prometheus.until(polled)
        time.sleep(SETTLED)
        for name in chosen:
            shoot(name, prometheus, Path(folder))


def shoot(name: str, prometheus: Prometheus, folder: Path) -> None:
    """Draw one dashboard into docs/."""
    board = json.loads((ROOT / "grafana" / "dashboards" / f"{name}.json").read_text())
    since, scrape = SHOTS[name]
    asked: dict[str, Any] = {
        "board": board,
        "prometheus": prometheus.url,
        "variables": {
            "job": ".*",
            "instance": ".*",
            "account": NOTED if name == "mailbox" else ".*",
        },
        "range": since,
        "scrape": scrape,
        "width": WIDTH,
    }
    out = RENDER / "out"
    page = folder / f"{name}.html"
    page.write_text(
        PAGE.format(
            input=json.dumps(asked).replace("<", "\\u003c"),
            css=(out / "board.css").as_uri(),
            script=(out / "board.js").as_uri(),
        )
    )
    rows = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in board["panels"])
    picture = ROOT / "docs" / f"grafana-{name}.png"
    browse(page, picture, 96 + 38 * rows, folder)
    subprocess.run(
        ["pngquant", "--force", "--skip-if-larger", "--output", picture, "--", picture], check=True
    )


def browse(page: Path, picture: Path, height: int, folder: Path) -> None:
    """Let Chromium draw the page."""
    browser = shutil.which("chromium") or "chromium"
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--hide-scrollbars",
        f"--user-data-dir={folder / 'browser'}",
        f"--window-size={WIDTH},{height}",
        "--virtual-time-budget=30000",
        f"--screenshot={picture}",
    ]
    subprocess.run([browser, *options, page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
