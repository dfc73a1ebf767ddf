"""Whom the agent's own requests to web services trust, and with which password they never go."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from requests import PreparedRequest


def trusted(ca_file: Path | None = None) -> str | bool:
    """Whose certificates are believed: this file's authorities, else those that polls believe."""
    if ca_file:
        return str(ca_file)
    system = ssl.get_default_verify_paths()
    return system.cafile or system.capath or True


def no_login(request: PreparedRequest) -> PreparedRequest:
    """Without this, `requests` would look for a password in the user's netrc file."""
    return request
