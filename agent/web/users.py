"""The users of the web configuration file, and who has shown to be one of them."""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import hmac
import secrets
from base64 import b64decode
from collections import Counter
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

MOST_WAITING = 32  # checks, all clients together
MOST_WAITING_OF_ONE = 4  # checks of one client, so that its guesses delay no other's login
LONGEST_PASSWORD = 72  # bytes that bcrypt looks at; as in Go, what follows does not count


class BusyError(Exception):
    """Too many checks wait already."""


class Line:
    """Where credentials wait for their check: one is made at a time, which keeps one CPU busy."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)
        self._waiting: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Wait for this client's turn. Raises BusyError at once where too many wait."""
        if self._waiting[client] >= MOST_WAITING_OF_ONE or self._waiting.total() >= MOST_WAITING:
            raise BusyError
        self._waiting[client] += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting[client] -= 1
            self._waiting += Counter()  # forgets those of whom none waits


class Users:
    """Names and bcrypt hashes; what was right once is known again without a check.

    Only right credentials are remembered, one for each user: wrong ones could crowd them out.
    """

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = {name.encode(): bcrypt.encode() for name, bcrypt in hashes.items()}
        self._dearest = max(self._hashes.values(), key=lambda bcrypt: bcrypt[4:6])
        self._secret = secrets.token_bytes(32)
        self._right: dict[bytes, bytes] = {}

    async def admit(self, authorization: str, client: str, line: Line) -> bool:
        """Whether this header (RFC 7617) is that of a user. Raises BusyError."""
        credentials = _credentials(authorization)
        if credentials is None:
            return False
        user, _, password = credentials.partition(b":")
        digest = hashlib.blake2b(credentials, key=self._secret).digest()
        if self._is_known(user, digest):
            return True
        async with line.turn(client):
            if self._is_known(user, digest):  # by a request that came just before
                return True
            check = partial(self._is_right, user, password)
            if not await anyio.to_thread.run_sync(check, abandon_on_cancel=True):
                return False
            self._right[user] = digest
            return True

    def _is_known(self, user: bytes, digest: bytes) -> bool:
        return hmac.compare_digest(self._right.get(user, b""), digest)

    def _is_right(self, user: bytes, password: bytes) -> bool:
        """Check with bcrypt; for a user that there is not it takes as long, and is in vain."""
        import bcrypt  # noqa: PLC0415 - only where there are users

        known = self._hashes.get(user)
        right = bcrypt.checkpw(password[:LONGEST_PASSWORD], known or self._dearest)
        return right and known is not None


def _credentials(authorization: str) -> bytes | None:
    """What stands behind `Basic`: `user:password`, or None where it does not."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        decoded = b64decode(encoded.strip(" "), validate=True)
    except (binascii.Error, ValueError):  # the latter where it is not ASCII
        return None
    return decoded if scheme.lower() == "basic" and b":" in decoded else None
