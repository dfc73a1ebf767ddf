"""What Prometheus scrapes: the mailboxes' series, pre-rendered, and the agent's own."""

from agent.metrics.exposition import Exposition
from agent.metrics.own import OwnMetrics
from agent.metrics.page import page

__all__ = ["Exposition", "OwnMetrics", "page"]
