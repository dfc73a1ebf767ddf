"""The database file: where it is, that it is ours alone, and what to do when it is broken."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from agent.store.errors import StoreLocked, StoreUrlError

if TYPE_CHECKING:
    from datetime import datetime

_OWNER_ONLY = 0o600  # Names of mailboxes and how full they are: personal data.
_SIDE_FILES = ("", "-wal", "-shm", "-journal")

# Their locks and shared memory do not hold SQLite's promises (sqlite.org/howtocorrupt, 2.1).
_NETWORK = {
    "afs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs",
    "fuse.sshfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs",
}  # fmt: skip


def path_of(url: str) -> Path:
    """Return the database file that a `sqlite:///FILE` URL names.

    Raises StoreUrlError for any other URL; its text never shows the URL, which may hold a secret.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreUrlError(
            "store url is not a database URL, such as sqlite:///agent.db"
        ) from error
    if parsed.get_backend_name() != "sqlite":
        scheme = parsed.get_backend_name()
        raise StoreUrlError(f"store url: only sqlite is supported for now, not {scheme}")
    if parsed.query or not parsed.database or parsed.database == ":memory:":
        raise StoreUrlError("store url must name a file and nothing more: sqlite:///agent.db")
    return Path(parsed.database).absolute()


def refuse_network(path: Path) -> None:
    """Raise StoreUrlError where `path` lies on a network file system, which corrupts SQLite."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    kind = filesystem_of(path.resolve(), mounts)
    if kind in _NETWORK:
        raise StoreUrlError(
            f"store file {path} is on a network file system ({kind}): use a local disk"
        )


def filesystem_of(path: Path, mountinfo: str) -> str:
    """Return the type of the file system that holds `path` (proc(5), /proc/pid/mountinfo)."""
    best, kind = Path("/"), ""
    for line in mountinfo.splitlines():
        mount, _, source = line.partition(" - ")
        point = Path(_unescape(mount.split(" ")[4]))
        if path.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind = point, source.split(" ")[0]  # A later mount hides an earlier one.
    return kind


def _unescape(text: str) -> str:
    for code, character in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        text = text.replace(code, character)
    return text


def lock(path: Path) -> int:
    """Hold the store for this process; returns the descriptor that holds it.

    Raises StoreLocked where another agent has it, OSError where the file cannot be made.
    """
    name = f"{path}.lock"
    descriptor = os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _OWNER_ONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StoreLocked(f"another agent uses the store {path} (it holds {name})") from error
    return descriptor


def create(path: Path) -> None:
    """Make the file readable by its owner only; SQLite gives its side files the same mode."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _OWNER_ONLY))


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a corrupt database and its side files, and return the new name."""
    corrupt = Path(f"{path}.corrupt-{now:%Y%m%dT%H%M%SZ}")
    for suffix in _SIDE_FILES:
        if (side := Path(f"{path}{suffix}")).exists():
            side.rename(f"{corrupt}{suffix}")
    return corrupt
