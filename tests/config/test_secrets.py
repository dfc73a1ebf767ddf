from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from agent.config import secrets
from agent.config.secrets import LARGEST, Secret, SecretError

CANARY = "wonderland"


def command(script: str) -> Secret:
    return Secret(command=(sys.executable, "-c", script))


def failure(secret: Secret) -> str:
    with pytest.raises(SecretError) as caught:
        secret.reveal()
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_a_secret_by_value_is_itself() -> None:
    assert Secret(value=" pass\tword ").reveal() == " pass\tword "


@pytest.mark.parametrize(
    ("raw", "secret"),
    [(b"a", "a"), (b"a\n", "a"), (b"a\r\n", "a"), (b" a \n", " a "), ("ä€".encode(), "ä€")],
)
def test_a_file_loses_one_trailing_newline(tmp_path: Path, raw: bytes, secret: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(raw)
    assert Secret(file=file).reveal() == secret


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"wonderland\n\n", "must be one line without NUL"),
        (b"wonderland\0", "must be one line without NUL"),
        (b"wonderland\rX", "must be one line without NUL"),
        (b"wonderland\xff", "not UTF-8 text"),
        (b"wonderland" * LARGEST, "more than 64 KiB"),
    ],
)
def test_a_file_that_cannot_go_onto_the_wire_is_named(
    tmp_path: Path, raw: bytes, problem: str
) -> None:
    file = tmp_path / "password"
    file.write_bytes(raw)
    assert failure(Secret(file=file)) == f"password_file {file}: {problem}"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "none"
    assert failure(Secret("url", file=file)) == f"url_file {file}: no such file or directory"
    assert failure(Secret(file=tmp_path)) == f"password_file {tmp_path}: is a directory"


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_bytes, args=(b"wonderland\n",))
    writer.start()
    assert Secret(file=pipe).reveal() == CANARY
    writer.join()


def test_a_pipe_that_nobody_writes_to_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "SECONDS", 0)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    told: list[str] = []
    reader = Thread(target=lambda: told.append(failure(Secret(file=pipe))), daemon=True)
    reader.start()
    reader.join(30)
    assert told == [f"password_file {pipe}: no answer within 0 s"]


def test_a_command_is_run_without_a_shell_and_without_input() -> None:
    script = "import sys; print(sys.stdin.read() + sys.argv[1])"
    secret = Secret(command=(sys.executable, "-c", script, "$HOME; `id`"))
    assert secret.reveal() == "$HOME; `id`"


def test_a_command_cannot_wait_for_what_is_typed() -> None:
    program = (
        "import sys; from agent.config.secrets import Secret; script = 'print(len(input()))';"
        "print(Secret(command=(sys.executable, '-c', script)).reveal())"
    )
    asking = subprocess.run(
        [sys.executable, "-c", program], input="typed", capture_output=True, text=True, check=False
    )
    assert asking.stderr.endswith("exited with status 1\n")


def test_a_command_that_fails_is_named_without_its_arguments_and_output() -> None:
    name = Path(sys.executable).name
    assert failure(command("print('wonderland'); raise SystemExit(3)")) == (
        f"password_command {name}: exited with status 3"
    )
    assert failure(command("")) == f"password_command {name}: is empty"
    assert failure(command(f"print('wonderland' * {LARGEST})")) == (
        f"password_command {name}: more than 64 KiB"
    )
    assert failure(Secret(command=("/no/such/program", CANARY))) == (
        "password_command program: no such file or directory"
    )


def test_a_command_that_takes_too_long_is_killed_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "SECONDS", 1)
    pipe = tmp_path / "alive"
    os.mkfifo(pipe)
    # The child holds the pipe open for writing: the reader sees its end when the child is gone.
    script = f"exec 3>{pipe}; sleep 1000 & sleep 1000"
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.DEVNULL)
    secret = Secret(command=("/bin/sh", "-c", script))
    assert failure(secret) == "password_command sh: no answer within 1 s"
    assert reader.wait(timeout=30) == 0


def test_a_secret_never_shows_itself() -> None:
    for secret in (Secret(value=CANARY), Secret(command=("pass", CANARY))):
        assert CANARY not in repr(secret)
        assert CANARY not in str(secret)
        assert CANARY not in f"{secret}"
