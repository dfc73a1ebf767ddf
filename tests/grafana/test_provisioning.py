"""The provisioning files: YAML that Grafana reads, and paths and names that the rest relies on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

GRAFANA = Path(__file__).parents[2] / "grafana"
README = (GRAFANA / "README.md").read_text()


def provisioned(kind: str) -> dict[str, Any]:
    """The only entry of the one file of this kind."""
    [file] = (GRAFANA / "provisioning" / kind).iterdir()
    document = yaml.safe_load(file.read_text())
    assert document.pop("apiVersion") == 1
    [(_, [entry])] = document.items()
    return dict(entry)


def installed() -> dict[str, str]:
    """Where the README puts what."""
    return {
        what: where
        for where, what in re.findall(r"^install -D -t (\S+) +(\S+)$", README, re.MULTILINE)
    }


def test_the_data_source_has_a_uid_of_its_own() -> None:
    source = provisioned("datasources")
    assert (source["type"], source["uid"]) == ("prometheus", "mailbox-agent-prometheus")
    assert f"`{source['uid']}`" in README
    assert "secureJsonData" not in source


def test_the_dashboards_are_looked_for_where_the_readme_puts_them() -> None:
    provider = provisioned("dashboards")
    assert provider["type"] == "file"
    assert installed()["dashboards/*.json"] == provider["options"]["path"]


def test_what_the_readme_installs_is_there() -> None:
    for what, where in installed().items():
        assert list(GRAFANA.glob(what))
        kind = re.fullmatch(r"provisioning/(\w+)/.*", what)
        assert not kind or where == f"/etc/grafana/provisioning/{kind[1]}"
