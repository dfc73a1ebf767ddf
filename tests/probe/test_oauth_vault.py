"""Refresh tokens on disk: whole or not at all, one writer at a time, nobody else's to read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agent.probe.oauth.vault import Consent, Vault
from tests.support.command import ROOT

if TYPE_CHECKING:
    from pathlib import Path

OLD = Consent("agent at somewhere", "1", "old", "2026-01-01T00:00:00Z", "anna@example.com")
NEW = OLD.rotated("new")

# Takes the lock, tells so, and waits; then it is killed, at one step or another of a write.
HOLD = """
import os, sys, time
from pathlib import Path
from agent.probe.oauth.vault import Consent, Vault
step = sys.argv[2]

def die(*_):
    print("there", flush=True)
    time.sleep(60)

with Vault(Path(sys.argv[1])).locked("anna", 10) as entry:
    if step == "locked":
        die()
    entry.make_room()
    if step == "room":
        die()
    setattr(os if step == "written" else Path, "ftruncate" if step == "written" else "rename", die)
    entry.write(Consent("agent at somewhere", "1", "new", "2026-01-01T00:00:00Z"))
"""


def keep(vault: Vault, consent: Consent) -> None:
    with vault.locked("anna", 1) as entry:
        entry.write(consent)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "a" / "tokens")
    assert vault.read("anna") is None
    keep(vault, OLD)
    keep(vault, NEW)
    assert vault.read("anna") == NEW
    names = {file.name for file in vault.folder.iterdir()}
    assert names == {vault.path("anna").name, f"{vault.path('anna').name}.lock"}


def test_only_the_owner_can_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        vault = Vault(tmp_path / "tokens")
        keep(vault, OLD)
    finally:
        os.umask(before)
    assert vault.folder.stat().st_mode & 0o777 == 0o700
    for file in vault.folder.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600


def test_every_name_has_a_file_of_its_own_in_the_folder(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    names = ["anna", "Anna", "anna/..", "..", "../x", "/etc/passwd", "a" * 500, "a" * 499, "änna"]
    paths = [vault.path(name) for name in names]
    assert len(set(paths)) == len(names)
    for path in paths:
        assert path.parent == tmp_path
        assert len(path.name) < 100
        assert path.name.isascii()


def test_a_token_is_not_shown_with_what_is_known_of_it() -> None:
    assert "old" not in repr(OLD)


def test_a_second_writer_waits_for_so_long_only(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    with vault.locked("anna", 1), pytest.raises(TimeoutError), vault.locked("anna", 0.1):
        pass
    with vault.locked("anna", 1), vault.locked("bert", 0.1):
        pass


@pytest.mark.parametrize(
    ("step", "expected"),
    [("locked", OLD), ("room", OLD), ("written", OLD), ("renaming", NEW.rotated("new"))],
)
def test_whoever_dies_while_writing_leaves_a_token_that_works(
    tmp_path: Path, step: str, expected: Consent
) -> None:
    vault = Vault(tmp_path)
    keep(vault, OLD)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), step],
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "there\n"
        with pytest.raises(TimeoutError), vault.locked("anna", 0.1):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    with vault.locked("anna", 5) as entry:
        found = entry.read()
    assert found
    assert found.refresh_token == expected.refresh_token
    keep(vault, NEW)
    assert json.loads(vault.path("anna").read_text())["refresh_token"] == "new"
