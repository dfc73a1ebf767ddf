"""What Prometheus' own tool says of the page, and of the expression in the documentation."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.support.daemon import started
from tests.support.pages import whole
from tests.support.prometheus import promtool

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
FAILURES = 'mailbox_poll_failures_total{account="%s",reason="timeout"}'


def test_promtool_finds_nothing_wrong_with_a_page_of_every_metric() -> None:
    page = whole(openmetrics=False)
    checked = started(lambda: promtool("check", "metrics", words=page))
    assert (checked.stdout, checked.returncode) == ("", 0)


def test_promtool_would_say_so() -> None:
    page = whole(openmetrics=False).replace("mailbox_size_bytes", "mailbox_size_kb")
    checked = started(lambda: promtool("check", "metrics", words=page))
    assert checked.returncode != 0


def test_the_documented_expression_counts_the_first_failure_and_the_later_ones(
    tmp_path: Path,
) -> None:
    found = re.search(r"```promql\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found
    expected = {"first": 1, "known": 3, "silent": 0}
    test = {
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": FAILURES % "first", "values": "_x90 1x30"},
                    {"series": FAILURES % "known", "values": "5x90 8x30"},
                    {"series": FAILURES % "silent", "values": "7x120"},
                ],
                "promql_expr_test": [
                    {
                        "expr": f"round({found[1]})",
                        "eval_time": "2h",
                        "exp_samples": [
                            {"labels": labels_of(account), "value": value}
                            for account, value in expected.items()
                        ],
                    }
                ],
            }
        ],
    }
    file = tmp_path / "test.yml"
    file.write_text(json.dumps(test))  # every JSON document is a YAML document
    tested = started(lambda: promtool("test", "rules", file))
    assert tested.returncode == 0, tested.stdout


def labels_of(account: str) -> str:
    return f'{{account="{account}",reason="timeout"}}'
