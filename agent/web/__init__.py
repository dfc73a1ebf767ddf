"""The agent's HTTP side: metrics, health, pages about the mailboxes, and the same as JSON."""

from agent.web.app import build
from agent.web.fleet import Fleet
from agent.web.guard import Guard
from agent.web.keeper import Keeper
from agent.web.server import ListenError, Server
from agent.web.site import Site

__all__ = ["Fleet", "Guard", "Keeper", "ListenError", "Server", "Site", "build"]
