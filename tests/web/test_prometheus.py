"""A real Prometheus scrapes a real agent, both as docs/web.md shows it."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.support.agent import Agent, account, configuration
from tests.support.daemon import started
from tests.support.prometheus import Plan, Prometheus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.certificates import Certificate, Certificates

PAGE = (Path(__file__).parents[2] / "docs/web.md").read_text()
WEB, SCRAPE = re.findall(r"^```yaml\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Scrape(Plan):
    """The page's own scrape configuration, with the port of an agent."""

    port: int = 0

    def configuration(self, rules: Sequence[Path]) -> dict[str, Any]:
        """The plan's, but for the targets."""
        document: dict[str, Any] = yaml.safe_load(SCRAPE.replace("9143", str(self.port)))
        return super().configuration(rules) | document


class Client(Prometheus):
    """A Prometheus that has what the page says it needs."""

    def __init__(self, plan: Plan, authority: Path, shown: Certificate) -> None:
        self._authority = authority
        self._shown = shown
        super().__init__(plan)

    def furnish(self) -> None:
        """Put it beside its configuration."""
        super().furnish()
        shutil.copy(self._authority, self.folder / "server-ca.crt")
        shutil.copy(self._shown.chain, self.folder / "prometheus.crt")
        shutil.copy(self._shown.key, self.folder / "prometheus.key")
        (self.folder / "password").write_text("an example")


def test_prometheus_scrapes_over_tls_with_certificate_and_password(
    tmp_path: Path, certificates: Certificates, client: Certificate
) -> None:
    shutil.copy(certificates.good.chain, tmp_path / "server.crt")
    shutil.copy(certificates.good.key, tmp_path / "server.key")
    shutil.copy(certificates.ca, tmp_path / "clients-ca.crt")
    (tmp_path / "web.yml").write_text(WEB)
    settings = configuration(tmp_path, account("anna", 1))
    with Agent(tmp_path, settings.replace("[web]", '[web]\nconfig_file = "web.yml"')) as agent:
        plan = Scrape(port=agent.port)
        with started(lambda: Client(plan, certificates.ca, client)) as prometheus:
            prometheus.until("up == 1")
            prometheus.until("mailbox_agent_accounts == 1")
