"""A headless Chromium with a profile of its own, and axe-core to judge pages with."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.support.daemon import ServerMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

AXE = Path(__file__).parents[2] / ".venv/servers/axe/axe.min.js"
ADVICE = "Chromium, its driver or axe-core is missing: run scripts/servers/chromium"
DESK, PHONE = (1280, 900), (360, 780)
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it refuses to start as root with it
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Of WCAG 2.2 A and AA, and what else is known to be good practice.
_AXE_RUN = "axe.run(document).then(found => arguments[0](found.violations))"


class Browser:
    """One window; `driver` is Selenium's."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def show(
        self, url: str, size: tuple[int, int] = DESK, *, dark: bool = False, script: bool = True
    ) -> None:
        """Open a page in a window of that size, and wait until it is there."""
        width, height = size
        self._ask("Emulation.setScriptExecutionDisabled", value=not script)
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=size == PHONE,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self.driver.get(url)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *arguments)

    def faults(self) -> list[str]:
        """What axe-core finds wrong with the page, one line each."""
        self.run(AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = self.driver.execute_async_script(_AXE_RUN)
        return [
            f"{fault['id']}: {fault['help']}: {node['html']} {node['failureSummary']}"
            for fault in found
            for node in fault["nodes"]
        ]

    def complaints(self) -> list[str]:
        """What the browser itself complained of since it was last asked, CSP included."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def _ask(self, command: str, **arguments: Any) -> None:
        self.driver.execute_cdp_cmd(command, arguments)


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser that ends with the block; raises ServerMissingError where there is none."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver or not AXE.exists():
        raise ServerMissingError(ADVICE)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = program
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        window = webdriver.Chrome(options=options, service=Service(driver))
        try:
            yield Browser(window)
        finally:
            window.quit()
