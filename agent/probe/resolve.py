"""Name resolution with a bound, although getaddrinfo itself can be neither timed nor cancelled."""

from __future__ import annotations

import ipaddress
import socket
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread
from typing import TYPE_CHECKING

from agent.model import FailureKind
from agent.probe.failures import ProbeError

if TYPE_CHECKING:
    from agent.probe.deadline import Deadline

LONGEST_LOOKUP = 5.0  # seconds; the resolver's own default is twice that a name server
MOST_LOOKUPS = 32  # at once: a dead name server must not pile up threads

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
_slots = BoundedSemaphore(MOST_LOOKUPS)


def resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
    """The host's addresses in the order to try them.

    Raises:
        ProbeError: the name has no address, or no answer came within five seconds.
    """
    literal = _literal(host, port)
    return [literal] if literal else _look_up(host, port, deadline)


def _literal(host: str, port: int) -> Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.version == 4:  # noqa: PLR2004 - the protocol's own name
        return socket.AF_INET, (host, port)
    return socket.AF_INET6, (host, port, 0, 0)


def _look_up(host: str, port: int, deadline: Deadline) -> list[Address]:
    patience = min(LONGEST_LOOKUP, deadline.remaining())
    if not _slots.acquire(timeout=patience):
        raise ProbeError(FailureKind.DNS, f"{host}: name servers do not answer")
    answer: SimpleQueue[list[Address] | OSError | UnicodeError] = SimpleQueue()
    Thread(target=_ask, args=(host, port, answer), daemon=True, name="lookup").start()
    try:
        found = answer.get(timeout=patience)
    except Empty:
        raise ProbeError(FailureKind.DNS, f"{host}: no answer from name servers") from None
    if isinstance(found, list):
        return found
    reason = found.strerror if isinstance(found, OSError) else "not a host name"
    raise ProbeError(FailureKind.DNS, f"{host}: {reason}") from found


def _ask(host: str, port: int, answer: SimpleQueue[list[Address] | OSError | UnicodeError]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answer.put([(family, address) for family, _, _, _, address in found])  # type: ignore[misc]  # only IP families come back for a host name
    except (OSError, UnicodeError) as error:
        answer.put(error)
    finally:
        _slots.release()
