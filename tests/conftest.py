"""What every test may use: private servers for each test process, and hypothesis' profiles.

And what every test is held to: no agent in it sends anything but reading commands.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support import recorded
from tests.support.courier import Courier
from tests.support.cyrus import Cyrus
from tests.support.daemon import started
from tests.support.dovecot import Dovecot
from tests.support.pymap_server import Pymap

if TYPE_CHECKING:
    from collections.abc import Iterator

settings.register_profile("developer", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "developer")


# A shell that runs the tests in the background lets them ignore SIGINT, and so would every process
# that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

FORBIDDEN = "an agent sent what is not on the list of reading commands:"
OWN_CLIENT = "(a test's own mail client connects to `Dovecot.unrecorded`)"
recorded.listen_in()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Fail the test during which an agent sent anything but reading commands.

    The last test of a process answers for what its servers heard, once they have ended.
    """
    try:
        yield
    finally:
        if sent := recorded.take_forbidden():
            pytest.fail("\n".join([FORBIDDEN, *sent, OWN_CLIENT]), pytrace=False)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """One server for all tests of a process; a test makes the mailboxes it needs."""
    with started(lambda: Dovecot(recorded=True)) as server:
        yield server


@pytest.fixture(scope="session")
def cyrus() -> Iterator[Cyrus]:
    """The same, another server."""
    with started(Cyrus) as server:
        yield server


@pytest.fixture(scope="session")
def courier() -> Iterator[Courier]:
    """The same, another server."""
    with started(Courier) as server:
        yield server


@pytest.fixture(scope="session")
def pymap() -> Iterator[Pymap]:
    """The same, another server."""
    with started(Pymap) as server:
        yield server
