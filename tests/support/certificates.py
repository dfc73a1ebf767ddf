"""A certificate authority of our own and the server certificates, good and bad, that it signs.

Made by the `openssl` command, so that no test needs a cryptography library.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = mailbox-agent tests
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ca]
default_ca = authority
[authority]
dir = {folder}
database = $dir/index
rand_serial = yes
new_certs_dir = $dir
certificate = $dir/ca.pem
private_key = $dir/ca.key
default_md = sha256
policy = policy
unique_subject = no
[policy]
commonName = supplied
"""

_LEAF = """
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = {usage}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key, both PEM files."""

    chain: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """What a server may show; `ca` is the file that a client trusts.

    `good` is for localhost and the addresses 127.0.0.1 to 127.0.0.9, `expired` is for the same
    names and ended in 2001, `other` is valid for another host: mail.elsewhere.example.
    """

    ca: Path
    good: Certificate
    expired: Certificate
    other: Certificate

    @classmethod
    def make(cls, folder: Path) -> Certificates:
        """Write everything into `folder`, which exists. Takes eight short `openssl` runs."""
        authority = _Authority(folder)
        authority.found()
        here = ",".join(["DNS:localhost", *(f"IP:127.0.0.{last}" for last in range(1, 10))])
        return cls(
            ca=folder / "ca.pem",
            good=authority.sign("good", here),
            expired=authority.sign("expired", here, start="000101000000Z", end="010101000000Z"),
            other=authority.sign("other", "DNS:mail.elsewhere.example"),
        )

    def client(self, name: str, names: str) -> Certificate:
        """Another certificate of the same authority, for a client with these alternative names."""
        return _Authority(self.ca.parent).sign(name, names, usage="clientAuth")


class _Authority:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "ca.conf"

    def found(self) -> None:
        self.config.write_text(_CONFIG.format(folder=self.folder))
        (self.folder / "index").touch()
        # Valid since 1999, so that the expired certificate lies within its signer's lifetime.
        self._request("ca")
        self._sign("ca", "root", "990101000000Z", "490101000000Z", "-selfsign")

    def sign(
        self,
        name: str,
        names: str,
        start: str = "200101000000Z",
        end: str = "490101000000Z",
        usage: str = "serverAuth",
    ) -> Certificate:
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(_LEAF.format(names=names, usage=usage))
        self._request(name)
        self._sign(name, "leaf", start, end, "-extfile", str(extensions))
        return Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")

    def _request(self, name: str) -> None:
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        self._openssl("req", *curve, "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                      "-out", f"{name}.csr")  # fmt: skip

    def _sign(self, name: str, extensions: str, start: str, end: str, *more: str) -> None:
        files = ("-in", f"{name}.csr", "-out", f"{name}.pem")
        validity = ("-startdate", start, "-enddate", end)
        self._openssl(
            "ca", "-batch", "-notext", "-extensions", extensions, *validity, *files, *more
        )

    def _openssl(self, command: str, *arguments: str) -> None:
        done = subprocess.run(
            ["openssl", command, "-config", str(self.config), *arguments],
            cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"openssl {command} failed: {done.stderr}")
