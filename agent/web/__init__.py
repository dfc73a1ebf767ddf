"""The agent's HTTP side: metrics, health, and a page that says what this is."""

from agent.web.app import build
from agent.web.server import ListenError, Server

__all__ = ["ListenError", "Server", "build"]
