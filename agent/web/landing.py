"""The page at `/`: what this is, how the mailboxes fare, and where to go on."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from agent.metrics.own import agent_version

if TYPE_CHECKING:
    from agent.metrics import Summary

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 36rem; margin: 3rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; }
"""

_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mailbox-agent</title>
<style>{style}</style>
</head>
<body>
<h1>mailbox-agent</h1>
<p>Version {version}. Knows how full every mailbox is, and tells the right people before mail
bounces.</p>
<dl>
<dt>Mailboxes</dt><dd>{mailboxes}</dd>
<dt>Polled</dt><dd>{polled}</dd>
<dt>Failing</dt><dd>{failing}</dd>
<dt>Alerts firing</dt><dd>{firing}</dd>
</dl>
<ul>
<li><a href="metrics">Metrics</a> for Prometheus</li>
<li><a href="-/healthy">Health</a>: whether the agent itself works</li>
<li><a href="-/ready">Readiness</a>: whether every mailbox has been polled once</li>
</ul>
</body>
</html>
"""


def page(summary: Summary) -> str:
    """The page, complete in itself: no script, no image, nothing fetched."""
    return _PAGE.format(
        style=_STYLE,
        version=agent_version(),
        mailboxes=summary.mailboxes,
        polled=summary.polled,
        failing=summary.failing,
        firing=summary.firing,
    )
