"""What one poll costs: CPU of this process beside a raw asyncio client, commands, round trips.

The raw client does the same session (login, LIST-STATUS, GETQUOTAROOT, logout) on the same
Dovecot over TLS, without a library or a parser: the least that Python can do.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from agent.model import Reading
from agent.probe.read import poll
from tests.support.accounts import account
from tests.support.dovecot import Dovecot
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.config.accounts import Account
    from tests.support.dovecot import User

ROUNDS = 7
POLLS = 150  # in each round
THREADS = 16
MAILBOXES = 32
FOLDERS = 200  # of the large mailbox
TARGET_MS = {5: 3.0, FOLDERS: 5.0}  # CPU a poll, by the number of folders


async def raw_session(port: int, user: User, context: ssl.SSLContext) -> bytes:
    """The same conversation, with nothing but streams."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    await reader.readline()
    writer.write(b'A1 LOGIN "%b" "%b"\r\n' % (user.name.encode(), user.password.encode()))
    await reader.readuntil(b"A1 OK")
    await reader.readline()
    writer.write(
        b'A2 LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UNSEEN SIZE))\r\n'
        b"A3 GETQUOTAROOT INBOX\r\n"
    )
    replies = await reader.readuntil(b"A3 OK")
    await reader.readline()
    writer.write(b"A4 LOGOUT\r\n")
    await reader.readuntil(b"A4 OK")
    writer.close()
    return replies


def raw(port: int, user: User, context: ssl.SSLContext) -> None:
    """One round of raw sessions, one after the other."""

    async def sessions() -> None:
        for _ in range(POLLS):
            await raw_session(port, user, context)

    asyncio.run(sessions())


def ours(mailbox: Account) -> None:
    """One round of our polls, one after the other."""
    for _ in range(POLLS):
        done = poll(mailbox, 30)
        if not isinstance(done.outcome, Reading):
            sys.exit(f"a poll failed: {done.outcome}")


def cpu_ms(work: Callable[[], None]) -> float:
    """Milliseconds of CPU of this process for each poll of a round."""
    start = time.process_time()
    work()
    return (time.process_time() - start) / POLLS * 1000


def conversation(server: Dovecot, user: User) -> tuple[int, int]:
    """Commands and round trips of one poll, login and logout included, on a recorded wire."""
    with Proxy(server.ports.imap) as wire:
        mailbox = account(wire.port, username=user.name, password=user.password)
        poll(mailbox, 30)
        return len(wire.commands), len(wire.flights)


def throughput(mailboxes: list[Account]) -> float:
    """Polls a second with 16 threads, client and server sharing the machine."""
    start = time.monotonic()
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda mailbox: poll(mailbox, 30), mailboxes * 10))
    return len(mailboxes) * 10 / (time.monotonic() - start)


def furnish(server: Dovecot, user: User) -> None:
    """Give a mailbox 200 folders, with a message in each that is made here."""
    for number in range(FOLDERS - 5):
        server.store(user, f"Project {number}", size=1024)


def measured(port: int, user: User, trusted: str) -> tuple[float, float, float]:
    """Milliseconds of CPU of our polls and of raw sessions, and their ratio; medians of rounds."""
    context = ssl.create_default_context(cafile=trusted)
    mailbox = account_of(port, user, trusted)
    ours(mailbox)  # warm up
    raw(port, user, context)
    pairs = [
        (cpu_ms(lambda: ours(mailbox)), cpu_ms(lambda: raw(port, user, context)))
        for _ in range(ROUNDS)
    ]
    own = statistics.median(pair[0] for pair in pairs)
    floor = statistics.median(pair[1] for pair in pairs)
    return own, floor, statistics.median(pair[0] / pair[1] for pair in pairs)


def account_of(port: int, user: User, trusted: str) -> Account:
    """The mailbox over TLS from the start."""
    return account(
        port, tls="implicit", username=user.name, password=user.password, ca_file=trusted
    )


def main() -> None:
    """Measure, print, and exit with 1 where a target is missed."""
    missed = False
    with Dovecot(logins=2) as server:
        users = server.provision(MAILBOXES, messages=4)
        furnish(server, users[-1])
        trusted = str(server.certificates.ca)
        print(f"one IMAPS poll, {os.cpu_count()} cores, median of {ROUNDS} rounds")
        for (folders, target), user in zip(TARGET_MS.items(), (users[0], users[-1]), strict=True):
            own, floor, ratio = measured(server.ports.imaps, user, trusted)
            missed |= own > target
            print(f"  {folders} folders")
            print(f"    mailbox-agent        {own:6.2f} ms CPU   (target: at most {target} ms)")
            print(f"    raw asyncio client   {floor:6.2f} ms CPU")
            print(f"    ratio                {ratio:6.2f}")
        mailboxes = [account_of(server.ports.imaps, user, trusted) for user in users[:-1]]
        rate = throughput(mailboxes)
        commands, flights = conversation(server, users[0])
    print(f"  throughput             {rate:6.0f} polls/s with {THREADS} threads")
    print(f"  conversation           {commands:6} commands in {flights} round trips")
    sys.exit(missed)


if __name__ == "__main__":
    main()
