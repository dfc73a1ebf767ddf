"""The agent's HTTP side: metrics, health, and a page that says what this is."""

from agent.web.app import build
from agent.web.guard import Guard
from agent.web.keeper import Keeper
from agent.web.server import ListenError, Server

__all__ = ["Guard", "Keeper", "ListenError", "Server", "build"]
