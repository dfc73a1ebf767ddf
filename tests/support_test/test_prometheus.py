from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.support.alertmanager import Alertmanager
from tests.support.daemon import started
from tests.support.prometheus import Plan, Prometheus, amtool, promtool
from tests.support.webhook import Webhook

if TYPE_CHECKING:
    from pathlib import Path

RULES = """
groups:
  - name: test
    rules:
      - alert: Nobody
        expr: up{job="nobody"} == 0
        labels: {severity: critical}
"""
HOUR = 3600
CLOSED = "127.0.0.1:1"


def test_a_private_prometheus_has_a_past_scrapes_and_tells_what_its_rules_find(
    tmp_path: Path,
) -> None:
    (tmp_path / "test.yml").write_text(RULES)
    hour = int(time.time()) // HOUR * HOUR
    samples = "".join(f"size {hours} {hour + (hours - 4) * HOUR}\n" for hours in range(5))
    with (
        Webhook() as hook,
        started(lambda: Alertmanager(hook.address)) as alertmanager,
        started(
            lambda: Prometheus(
                Plan(
                    targets={"alerts": [alertmanager.address], "nobody": [CLOSED]},
                    rules=[tmp_path / "test.yml"],
                    alertmanagers=[alertmanager.address],
                    history=f"# TYPE size gauge\n{samples}# EOF\n",
                )
            )
        ) as prometheus,
    ):
        (size,) = prometheus.query_range("size", hour - 4 * HOUR, hour, HOUR)
        assert list(size.samples.values()) == [0, 1, 2, 3, 4]
        (up,) = prometheus.until("up == 1")
        assert up.labels["job"] == "alerts"
        (told,) = hook.next()["alerts"]
        assert told["labels"]["instance"] == CLOSED
        assert [each["labels"]["alertname"] for each in prometheus.alerts()] == ["Nobody"]


def test_promtool_and_amtool_say_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("groups: [{name: x, rules: [{alert: A, expr: up ==}]}]")
    checked = started(lambda: promtool("check", "rules", wrong))
    assert checked.returncode
    assert "unexpected end of input" in checked.stdout
    assert started(lambda: amtool("check-config", wrong)).returncode
