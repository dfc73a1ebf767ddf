"""One poll over POP3: log in, STAT, leave. Never RETR: some servers delete what was retrieved."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

from agent.memory import Learned, UniqueIds
from agent.model import QuotaState, Reading
from agent.probe.pop3_client import Client
from agent.probe.visit import Visit, mailbox_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.config.accounts import Pop3Account
    from agent.memory import Memory
    from agent.probe.pop3_client import Maildrop
    from agent.probe.wire import Wire


def read(account: Pop3Account, wire: Wire, secret: str, memory: Memory, now: datetime) -> Visit:
    """What the maildrop holds (STAT; RFC 1939, section 5), and since when, if that is tracked.

    Raises:
        ProbeError, OSError: the poll failed.
    """
    # Before the login, which locks the maildrop; without a memory ids would tell nothing.
    remembered = memory.unique_ids(account.name) if account.track_messages else None
    maildrop = _look(account, wire, secret, unique_ids=remembered is not None)
    reading = _reading(account, maildrop)
    if remembered is None or maildrop.unique_ids is None:
        return Visit(reading)
    seen = _seen(mailbox_id(account), maildrop.unique_ids, remembered, int(now.timestamp()))
    return Visit(
        replace(reading, oldest_uncollected=_oldest(seen, maildrop.messages)),
        None if _same(seen, remembered) else Learned(unique_ids=seen),
    )


def _look(account: Pop3Account, wire: Wire, secret: str, *, unique_ids: bool) -> Maildrop:
    client = Client(wire)
    if account.tls == "starttls":
        wire.stage = "STARTTLS"
        client.upgrade(account.ca_file)
    wire.stage = "login"
    if account.oauth2:
        client.log_in_by_token(account.username, secret, account.server)
    else:
        client.log_in(account.username, secret, in_clear=account.tls == "none")
    wire.stage = "reading"
    maildrop = client.look(unique_ids=unique_ids)
    client.leave()
    return maildrop


def _reading(account: Pop3Account, maildrop: Maildrop) -> Reading:
    return Reading(
        QuotaState.UNSUPPORTED,
        size_bytes=maildrop.size,
        messages=maildrop.messages,
        uncollected=maildrop.messages if account.track_messages else None,
    )


def _seen(mailbox: str, unique_ids: Sequence[bytes], remembered: UniqueIds, now: int) -> UniqueIds:
    """When each message was first seen, `now` for the new ones; the vanished are forgotten.

    An id that several messages share tells none of them apart, and is left out.
    """
    known = remembered.first_seen if remembered.mailbox == mailbox else {}
    digests = (
        blake2b(each, digest_size=8).hexdigest()
        for each, messages in Counter(unique_ids).items()
        if messages == 1
    )
    # A time in the future comes from a clock that has been set back since.
    return UniqueIds(mailbox, {each: min(known.get(each, now), now) for each in digests})


def _oldest(seen: UniqueIds, messages: int) -> datetime | None:
    """When the message that waits longest was first seen; None where not all are told apart."""
    if not messages or len(seen.first_seen) < messages:
        return None
    return datetime.fromtimestamp(min(seen.first_seen.values()), UTC)


def _same(seen: UniqueIds, remembered: UniqueIds) -> bool:
    if seen.mailbox != remembered.mailbox and seen.first_seen:
        return False
    return seen.first_seen == remembered.first_seen
