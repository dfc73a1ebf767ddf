"""Refresh tokens on disk: a file each that only its owner can read, and one writer at a time.

Providers may replace a refresh token whenever it is used, and then the old one is worth nothing. So
a token is used only while its file is locked and room for the next one is on the disk already.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST = 64 * 1024  # bytes of a file
_VERSION = 1
_OWNER_ONLY = 0o600
_BETWEEN_TRIES = 0.05  # seconds, for a lock that another process holds
_TEXTS = ("client", "grant", "refresh_token", "at")


class VaultError(Exception):
    """A token cannot be read or kept now; the text names the file and never the token."""


@dataclass(frozen=True, slots=True)
class Consent:
    """A refresh token, and how the agent came by it.

    `client` says which application may use it, `grant` stays the same until somebody consents
    anew; `by` is who did, as far as the provider tells, and `at` when (RFC 3339).
    """

    client: str
    grant: str
    refresh_token: str = field(repr=False)
    at: str
    by: str | None = None

    def rotated(self, refresh_token: str) -> Consent:
        """The same consent with the token that the provider gave out instead."""
        return replace(self, refresh_token=refresh_token)


class Vault:
    """The folder of the files; it is made with the first one. `name` is an account's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """The file of an account, recognisable and unique whatever the name."""
        plain = re.sub(r"[^A-Za-z0-9@._-]", "_", name)[:60].lstrip(".")
        return self.folder / f"{plain}-{blake2b(name.encode(), digest_size=6).hexdigest()}.json"

    def read(self, name: str) -> Consent | None:
        """The consent of an account, None where nobody has consented. Raises VaultError."""
        path = self.path(name)
        try:
            with path.open("rb") as file:
                return _consent(file.read(LARGEST + 1), path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise VaultError(f"{path}: {_reason(error)}") from None

    @contextmanager
    def locked(self, name: str, seconds: float) -> Iterator[Entry]:
        """The account's file while nobody else may use or replace its token.

        Raises TimeoutError where another process holds it for so long, VaultError where it cannot
        be made; so does every operation on it.
        """
        path = self.path(name)
        descriptor = self._lock_file(path)
        try:
            _lock(descriptor, time.monotonic() + seconds)
            with Entry(self, name, path) as entry:
                yield entry
        finally:
            os.close(descriptor)

    def _lock_file(self, path: Path) -> int:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _OWNER_ONLY)
        except OSError as error:
            raise VaultError(f"{self.folder}: {_reason(error)}") from None


class Entry:
    """One account's file under its lock."""

    def __init__(self, vault: Vault, name: str, path: Path) -> None:
        self._vault, self._name, self._path = vault, name, path
        self._draft = path.with_suffix(".new")
        self._file: int | None = None
        self._is_whole = False  # what the draft holds

    def __enter__(self) -> Self:
        """Finish what a writer left behind that died after the token was written whole."""
        with suppress(OSError, VaultError):
            _consent(self._draft.read_bytes(), self._draft)
            self._draft.rename(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)
        if not self._is_whole:  # else whoever comes next finishes it
            with suppress(OSError):
                self._draft.unlink()

    def read(self) -> Consent | None:
        """As `Vault.read`: what is there now that nobody else writes."""
        return self._vault.read(self._name)

    def make_room(self) -> None:
        """Allocate what `write` will need: a full disk must not be met when it is too late."""
        try:
            flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file = os.open(self._draft, flags, _OWNER_ONLY)
            _write(self._file, bytes(LARGEST))
            os.fsync(self._file)
        except OSError as error:
            raise VaultError(f"{self._draft}: {_reason(error)}") from None

    def write(self, consent: Consent) -> None:
        """Replace the file: afterwards the new token is on the disk, and before the old one is."""
        if self._file is None:
            self.make_room()
        assert self._file is not None  # noqa: S101  what `make_room` is for
        text = json.dumps({"version": _VERSION, "account": self._name, **asdict(consent)}, indent=1)
        try:
            os.lseek(self._file, 0, os.SEEK_SET)
            _write(self._file, text.encode())
            os.ftruncate(self._file, len(text.encode()))
            os.fsync(self._file)
            self._is_whole = True
            self._draft.rename(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise VaultError(f"{self._path}: {_reason(error)}") from None
        os.close(self._file)
        self._file, self._is_whole = None, False


def _lock(descriptor: int, end: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise TimeoutError from None
            time.sleep(_BETWEEN_TRIES)
        else:
            return


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _sync_folder(folder: Path) -> None:
    """Without it a power cut may bring back the old name, and with it the old token."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _consent(raw: bytes, path: Path) -> Consent:
    try:
        table = json.loads(raw)
        texts = {key: table[key] for key in _TEXTS}
        by = table.get("by")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise VaultError(f"{path}: is no token file of this version") from None
    readable = all(isinstance(text, str) and text for text in texts.values())
    if not readable or not isinstance(by, str | None):
        raise VaultError(f"{path}: is no token file of this version")
    return Consent(**texts, by=by)


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
