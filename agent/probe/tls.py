"""Shared TLS contexts: making one costs 17 ms of CPU, more than a whole poll."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from agent.model import FailureKind
from agent.probe.failures import ProbeError
from agent.probe.trail import Certificate, Handshake

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any


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


def handshake(connection: ssl.SSLSocket) -> Handshake:
    """How a connection is protected whose certificate was verified."""
    encoded = connection.getpeercert(binary_form=True) or b""
    known = _CERTIFICATES.get(encoded)
    if known is None:
        known = _decoded(connection)
        if len(_CERTIFICATES) >= _MOST_CERTIFICATES:
            _CERTIFICATES.clear()
        _CERTIFICATES[encoded] = known
    cipher, *_ = connection.cipher() or ("",)
    return Handshake(connection.version() or "", cipher, known)


# Decoding a certificate costs more than logging in; servers show the same one for months.
_CERTIFICATES: dict[bytes, Certificate] = {}
_MOST_CERTIFICATES = 4096


def _decoded(connection: ssl.SSLSocket) -> Certificate:
    told: Mapping[str, Any] = connection.getpeercert() or {}
    return Certificate(
        datetime.fromtimestamp(ssl.cert_time_to_seconds(str(told["notAfter"])), UTC),
        tuple(str(name) for _, name in told.get("subjectAltName", ())),
        ", ".join(str(value) for part in told.get("issuer", ()) for _, value in part),
    )
