"""Shared TLS contexts: making one costs 17 ms of CPU, more than a whole poll."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from agent.model import FailureKind
from agent.probe.failures import ProbeError

if TYPE_CHECKING:
    from pathlib import Path


def context(ca_file: Path | None) -> ssl.SSLContext:
    """The verifying context for a CA file, or for the system's CAs; made anew when it changes.

    Raises:
        ProbeError: the CA file cannot be read or holds no certificate.
    """
    if ca_file is None:
        return _context(None, 0)
    try:
        return _context(str(ca_file), ca_file.stat().st_mtime_ns)
    except OSError as error:  # ssl.SSLError is one too: the file holds no certificate
        reason = error.strerror if error.errno else "holds no certificate"
        raise ProbeError(FailureKind.CONFIG, f"ca_file {ca_file}: {reason}") from error


@lru_cache(maxsize=256)
def _context(ca_file: str | None, _changed: int) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=ca_file)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def expiry(connection: ssl.SSLSocket) -> datetime | None:
    """When the server's verified certificate expires."""
    encoded = connection.getpeercert(binary_form=True)
    if encoded is None:
        return None
    known = _EXPIRIES.get(encoded)
    if known is None:
        known = _not_after(connection)
        if len(_EXPIRIES) >= _MOST_CERTIFICATES:
            _EXPIRIES.clear()
        _EXPIRIES[encoded] = known
    return known


# Decoding a certificate costs more than logging in; servers show the same one for months.
_EXPIRIES: dict[bytes, datetime] = {}
_MOST_CERTIFICATES = 4096


def _not_after(connection: ssl.SSLSocket) -> datetime:
    certificate = connection.getpeercert()
    seconds = ssl.cert_time_to_seconds(str(certificate["notAfter"])) if certificate else 0
    return datetime.fromtimestamp(seconds, UTC)
