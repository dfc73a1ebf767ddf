"""The script that copies the rules, with the operator's own addresses in their links."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.support.daemon import started
from tests.support.deployed import PROMETHEUS, RULES
from tests.support.prometheus import promtool

if TYPE_CHECKING:
    from pathlib import Path

DEFAULTS = ("http://localhost:3000", "https://mailbox-agent.example")


def install(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROMETHEUS / "install-rules", *arguments], capture_output=True, text=True, check=False
    )


def test_rules_are_installed_with_the_addresses_that_are_asked_for(tmp_path: Path) -> None:
    done = install(
        "--grafana-url", "https://grafana.example.com/a&b|c/",
        "--runbook-url", "https://wiki.example.com/mail", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    files = sorted(tmp_path.glob("mailbox-agent-*.yml"))
    text = "".join(file.read_text() for file in files)
    assert not [default for default in DEFAULTS if default in text]
    assert "runbook_url: https://wiki.example.com/mail/MailboxFull.md\n" in text
    assert "dashboard_url: https://grafana.example.com/a&b|c/d/mailbox-agent-mailbox?" in text
    checked = started(lambda: promtool("check", "rules", *files))
    assert checked.returncode == 0, checked.stdout


def test_without_addresses_rules_are_installed_as_they_are(tmp_path: Path) -> None:
    assert install(tmp_path).returncode == 0
    for file in RULES:
        assert (tmp_path / f"mailbox-agent-{file.name}").read_text() == file.read_text()


def test_a_wrong_command_line_says_how_it_is_used(tmp_path: Path) -> None:
    for wrong in [(), ("--grafana", "x", tmp_path), ("--grafana-url",), (tmp_path, tmp_path)]:
        done = install(*wrong)
        assert done.returncode == 2
        assert "install-rules --grafana-url" in done.stderr
    assert not list(tmp_path.iterdir())
