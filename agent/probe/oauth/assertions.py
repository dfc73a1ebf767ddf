"""Signed statements in the place of secrets (RFC 7523): of service accounts, and of certificates.

PyJWT and its cryptography come with the extra `jwt`: most installations need neither.
"""

from __future__ import annotations

import json
import re
import ssl
import time
import uuid
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from agent.model import FailureKind
from agent.probe.failures import ProbeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LARGEST = 64 * 1024  # bytes of a file
_SECONDS = 600  # for which a statement holds; it is used at once
_BLOCK = r"-----BEGIN (?:[A-Z]+ )*{0}-----.+?-----END (?:[A-Z]+ )*{0}-----"
_CERTIFICATE = re.compile(_BLOCK.format("CERTIFICATE"), re.DOTALL)
_PRIVATE_KEY = re.compile(_BLOCK.format("PRIVATE KEY"), re.DOTALL)


def of_service_account(key_file: Path, mailbox: str, scopes: Sequence[str], audience: str) -> str:
    """A service account's statement that it acts for a mailbox, signed with its own key.

    Raises ProbeError where the key cannot be used.
    """
    where = f"key_file {key_file}"
    try:
        key = json.loads(read(key_file, where))
        issuer, private = str(key["client_email"]), str(key["private_key"])
    except (ValueError, TypeError, KeyError):
        raise _unusable(f"{where}: is no key of a service account (JSON)") from None
    claims = {"iss": issuer, "sub": mailbox, "scope": " ".join(scopes), "aud": audience}
    headers = {"kid": key["private_key_id"]} if isinstance(key.get("private_key_id"), str) else {}
    return _signed(claims, private, "RS256", headers, where)


def of_certificate(certificate_file: Path, client_id: str, audience: str) -> str:
    """A client's statement that it is itself, signed with the key of its certificate.

    Raises ProbeError where the file has no certificate, or no key that can be used.
    """
    where = f"certificate_file {certificate_file}"
    text = read(certificate_file, where)
    certificate, private = _CERTIFICATE.search(text), _PRIVATE_KEY.search(text)
    if certificate is None or private is None:
        raise _unusable(f"{where}: needs a certificate and its private key (PEM)")
    try:
        encoded = ssl.PEM_cert_to_DER_cert(certificate[0])
    except ValueError:
        raise _unusable(f"{where}: its certificate cannot be read") from None
    thumbprint = urlsafe_b64encode(sha256(encoded).digest()).decode().rstrip("=")
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": str(uuid.uuid4())}
    return _signed(claims, private[0], "PS256", {"x5t#S256": thumbprint}, where)


def read(file: Path, where: str) -> str:
    """The text of a small file. Raises ProbeError."""
    try:
        with file.open("rb") as opened:
            return opened.read(_LARGEST).decode()
    except OSError as error:
        raise _unusable(f"{where}: {(error.strerror or 'cannot be read').lower()}") from None
    except UnicodeDecodeError:
        raise _unusable(f"{where}: not UTF-8 text") from None


def _signed(
    claims: Mapping[str, Any], key: str, algorithm: str, headers: Mapping[str, str], where: str
) -> str:
    try:
        import jwt
        from jwt.algorithms import has_crypto
    except ImportError:
        has_crypto = False
    if not has_crypto:
        raise _unusable(f'{where}: needs pip install "mailbox-agent[jwt]"')
    now = int(time.time())
    times = {"iat": now, "exp": now + _SECONDS}
    try:
        return jwt.encode({**claims, **times}, key, algorithm, headers=dict(headers))
    except (jwt.PyJWTError, ValueError, TypeError):
        raise _unusable(f"{where}: its private key cannot be used (RSA, not encrypted)") from None


def _unusable(words: str) -> ProbeError:
    return ProbeError(FailureKind.CONFIG, words)
