"""The TLS of the server, made from what the web configuration file says."""

from __future__ import annotations

import ipaddress
import os
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent.config.errors import ConfigError
from agent.config.files import FileError
from agent.config.tls_server import SUITES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from agent.config.tls_server import TlsServer

    Read = Callable[[Path], bytes]

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CURVES = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
_NAMES = {"DNS", "IP Address", "email", "URI"}  # of a certificate, those that the toolkit compares


def context(tls: TlsServer, read: Read) -> ssl.SSLContext:
    """The context for new connections. Raises ConfigError, one line each for what is unusable.

    A client without a certificate gets through the handshake even where one is required, and is
    refused by the `Lock`: so the probes are open to it. A certificate that is not good is not.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = _VERSIONS[tls.min_version]
    made.maximum_version = _VERSIONS[tls.max_version]
    made.options |= ssl.OP_NO_RENEGOTIATION
    if not tls.prefer_server_cipher_suites:
        made.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if tls.cipher_suites:
        made.set_ciphers(":".join(filter(None, map(SUITES.__getitem__, tls.cipher_suites))))
    for curve in tls.curve_preferences:
        made.set_ecdh_curve(_CURVES[curve])
    _show(made, tls, read)
    if tls.client_auth_type != "NoClientCert":
        _verify(made, tls, read)
    return made


def names_of(certificate: Mapping[str, Any]) -> frozenset[str]:
    """The alternative names of a verified certificate, as `client_allowed_sans` has them."""
    pairs = certificate.get("subjectAltName", ())
    return frozenset(_plain(kind, name) for kind, name in pairs if kind in _NAMES)


def _plain(kind: str, name: str) -> str:
    try:
        return str(ipaddress.ip_address(name)) if kind == "IP Address" else name
    except ValueError:
        return name


def _show(made: ssl.SSLContext, tls: TlsServer, read: Read) -> None:
    """Load the server's certificate and its key."""
    inline = tls.key.get_secret_value() if tls.key else None
    chain, chain_name = _pem("cert", tls.cert, tls.cert_file, read)
    key, key_name = _pem("key", inline, tls.key_file, read)
    with _as_file(chain) as chain_path, _as_file(key) as key_path:
        try:
            made.load_cert_chain(chain_path, key_path, password=_encrypted)
        except _EncryptedError:
            problem = f"{key_name}: is encrypted; a key without a passphrase is needed"
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                problem = f"{key_name}: is not the key of {chain_name}"
            elif _holds_certificates(chain_path):
                problem = f"{key_name}: holds no private key in PEM form"
            else:
                problem = f"{chain_name}: holds no certificate in PEM form"
        else:
            return
    raise ConfigError(f"tls_server_config: {problem}")


def _verify(made: ssl.SSLContext, tls: TlsServer, read: Read) -> None:
    """Trust what the client authorities have signed; any of them may be an intermediate one."""
    authorities, name = _pem("client_ca", tls.client_ca, tls.client_ca_file, read)
    with _as_file(authorities) as path:
        try:
            made.load_verify_locations(path)
        except ssl.SSLError:
            problem = f"{name}: holds no certificates in PEM form"
            raise ConfigError(f"tls_server_config: {problem}") from None
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    made.verify_mode = ssl.CERT_OPTIONAL


def _pem(key: str, inline: str | None, file: Path | None, read: Read) -> tuple[bytes, str]:
    """The content of one of the pair `key` and `key_file`, and what to call it."""
    if file is None:
        return (inline or "").encode(), key
    try:
        return read(file), f"{key}_file {file}"
    except FileError as error:
        raise ConfigError(f"tls_server_config: {key}_file {file}: {error}") from None


@contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """A path under which `ssl` reads these bytes, which are on no disk."""
    with os.fdopen(os.memfd_create("pem"), "wb") as file:
        file.write(data)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"


def _holds_certificates(path: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
    except ssl.SSLError:
        return False
    return True


class _EncryptedError(Exception):
    """OpenSSL wants a passphrase, for which it would ask the terminal."""


def _encrypted() -> str:
    raise _EncryptedError
