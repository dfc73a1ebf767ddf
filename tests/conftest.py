"""What every test may use: a private Dovecot for each test process, and hypothesis' profiles."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.dovecot import Dovecot

if TYPE_CHECKING:
    from collections.abc import Iterator

settings.register_profile("developer", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "developer")


# A shell that runs the tests in the background lets them ignore SIGINT, and so would every process
# that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """One server for all tests of a process; a test makes the mailboxes it needs."""
    with Dovecot() as server:
        yield server
