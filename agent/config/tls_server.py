"""TLS as the web configuration file has it: certificate, clients, versions, suites."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StrictBool, ValidationInfo
from pydantic_core import PydanticCustomError

from agent.config.base import FilePath, Table
from agent.config.texts import Line

_VERIFYING = ("VerifyClientCertIfGiven", "RequireAndVerifyClientCert")
_UNVERIFIED = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")

# What Go's crypto/tls holds to be secure, by OpenSSL's name. Of TLS 1.3 there is nothing to choose:
# as in Go, all of its suites are on.
SUITES = {
    "TLS_AES_128_GCM_SHA256": None,
    "TLS_AES_256_GCM_SHA384": None,
    "TLS_CHACHA20_POLY1305_SHA256": None,
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}


def _one_of(key: str) -> AfterValidator:
    """For `key_file`, the field after `key`: exactly one of the two is set."""
    keys = {"keys": f"{key}, {key}_file"}

    def check(file: Path | None, info: ValidationInfo) -> Path | None:
        given = info.data.get(key, "") is not None
        if given and file:
            raise PydanticCustomError("too_many_of", "needs only one of {keys}", keys)
        if not (given or file):
            raise PydanticCustomError("none_of", "needs one of {keys}", keys)
        return file

    return AfterValidator(check)


def _verified(value: object) -> object:
    if value in _UNVERIFIED:
        raise ValueError(
            "certificates are verified here, or not asked for; write "
            '"RequireAndVerifyClientCert" or "NoClientCert"'
        )
    return value


def _authorities(file: Path | None, info: ValidationInfo) -> Path | None:
    """For `client_ca_file`: there are authorities where certificates are verified, and only there.

    The toolkit takes the system's authorities where none are named: that lets in everyone who has
    a certificate for anything.
    """
    kind, inline = info.data.get("client_auth_type"), info.data.get("client_ca")
    if file and inline:
        raise ValueError("is not needed beside client_ca")
    if kind in _VERIFYING and not (file or inline):
        raise ValueError(f'is needed by client_auth_type "{kind}"')
    if kind == "NoClientCert" and (file or inline):
        raise ValueError('needs client_auth_type "RequireAndVerifyClientCert"')
    return file


def _required(names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    if names and info.data.get("client_auth_type") in ("NoClientCert", "VerifyClientCertIfGiven"):
        raise ValueError('needs client_auth_type "RequireAndVerifyClientCert"')
    return names


def _ordered(newest: str, info: ValidationInfo) -> str:
    if newest < info.data.get("min_version", ""):
        raise ValueError("must not be older than min_version")
    return newest


def _for_tls_12(suites: tuple[str, ...]) -> tuple[str, ...]:
    if not SUITES.keys() >= set(suites):
        raise ValueError('needs suites such as "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"')
    if suites and not any(SUITES[suite] for suite in suites):
        raise ValueError(
            "has no suite of TLS 1.2, and those of TLS 1.3 are always on; write "
            'min_version: "TLS13" instead'
        )
    return suites


def _single(curves: tuple[str, ...]) -> tuple[str, ...]:
    if len(curves) > 1:
        raise ValueError("takes one curve only; name it, or leave the key out for the usual ones")
    return curves


Version = Literal["TLS12", "TLS13"]
Curve = Literal["CurveP256", "CurveP384", "CurveP521", "X25519"]


class TlsServer(Table):
    """The server's certificate, and what it asks of its clients."""

    cert: str | None = None
    cert_file: Annotated[FilePath | None, _one_of("cert")] = Field(None, validate_default=True)
    key: SecretStr | None = None
    key_file: Annotated[FilePath | None, _one_of("key")] = Field(None, validate_default=True)
    client_auth_type: Annotated[
        Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"],
        BeforeValidator(_verified),
    ] = "NoClientCert"
    client_ca: str | None = None
    client_ca_file: Annotated[FilePath | None, AfterValidator(_authorities)] = Field(
        None, validate_default=True
    )
    client_allowed_sans: Annotated[tuple[Line, ...], AfterValidator(_required)] = ()
    min_version: Version = "TLS12"
    max_version: Annotated[Version, AfterValidator(_ordered)] = "TLS13"
    cipher_suites: Annotated[tuple[str, ...], AfterValidator(_for_tls_12)] = ()
    prefer_server_cipher_suites: StrictBool = True
    curve_preferences: Annotated[tuple[Curve, ...], AfterValidator(_single)] = ()
