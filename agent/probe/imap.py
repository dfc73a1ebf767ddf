"""One poll over IMAP: log in, ask for everything in one round trip, leave."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agent.memory import Learned
from agent.model import FailureKind, Folder, QuotaState, Reading
from agent.probe import quota
from agent.probe.failures import kind_of_imap, refused
from agent.probe.folders import is_needed, totals, with_counts
from agent.probe.imap_client import Client
from agent.probe.imap_protocol import is_quotable, quote_bytes
from agent.probe.imap_replies import Listed, displayed, listed, namespaces, statuses
from agent.probe.quota import QuotaAnswer, UnbelievableError
from agent.probe.roles import roles
from agent.probe.sizes import Sizer
from agent.probe.visit import Visit, mailbox_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.config.accounts import ImapAccount
    from agent.memory import Memory
    from agent.probe.imap_client import Begun
    from agent.probe.imap_replies import Counts
    from agent.probe.wire import Wire

MOST_PIPELINED = 100  # commands on their way at once: more could fill both sides' buffers
MOST_ASKED = 2_000  # folders for each of which a STATUS is sent: more would take the whole time
MOST_OF_THE_TIME = 0.8  # of what is left, for sizes: a reading without them is better than none

_INBOX = Listed(b"INBOX", frozenset())
_EVERYTHING = (b'""', b'"*"')
_BASIC_ITEMS = b"MESSAGES UNSEEN UIDNEXT UIDVALIDITY"


def read(account: ImapAccount, wire: Wire, secret: str, memory: Memory, patience: int) -> Visit:
    """What the mailbox holds and may hold, over a connected wire; `secret` is what it opens to.

    Raises:
        ProbeError, OSError, imaplib.IMAP4.error: the poll failed.
    """
    client = Client(wire)
    if account.tls == "starttls":
        wire.stage = "STARTTLS"
        client.upgrade(account.ca_file)
    wire.stage = "login"
    if account.oauth2:
        client.log_in_by_token(account.username, secret, account.server)
    else:
        client.log_in(account.username, secret)
    wire.stage = "reading"
    visit = _Mailbox(account, client).read(memory, patience)
    client.leave()
    return visit


class _Mailbox:
    """The questions to a logged-in server, and what becomes of the answers."""

    def __init__(self, account: ImapAccount, client: Client) -> None:
        self._account = account
        self._client = client
        self._gmail = client.has("X-GM-EXT-1")
        self._counts: dict[bytes, Counts] = {}
        self._quota = QuotaAnswer(QuotaState.UNSUPPORTED)

    def read(self, memory: Memory, patience: int) -> Visit:
        """Ask for all at once, then take the replies in the order of the questions.

        Sizes that the server does not tell by itself come last, and as far as there is time.
        """
        found = self._personal(self._ask())
        self._counts |= statuses(self._client.take("STATUS"))
        self._ask_for_missing(found)
        learned = self._measure(found, memory, patience)
        folders = [with_counts(each, self._counts.get(name, {})) for name, each in found.items()]
        counted = totals(folders, self._account.folders, gmail=self._gmail)
        reading = Reading(
            quota_state=self._quota.state,
            quotas=self._quota.quotas,
            folders=counted.folders,
            size_bytes=counted.size_bytes,
            messages=counted.messages,
            unread=counted.unread,
            reclaimable=counted.reclaimable,
        )
        return Visit(reading, learned)

    def _ask(self) -> list[Listed]:
        """The one round trip: small talk, folders with their counts, and the quota."""
        small_talk = self._begin_small_talk()
        listing = self._begin_listing()
        special = self._begin_special_use() if listing else None
        limits = self._client.begin("GETQUOTAROOT", b"INBOX") if self._has_quota() else None
        for begun in small_talk:
            self._client.finish(begun)
        found = self._finish_listing(listing) if listing else [_INBOX]
        if special:
            found = self._finish_special_use(special, found)
        if limits:
            self._quota = self._finish_quota(limits)
        return found

    def _begin_small_talk(self) -> list[Begun]:
        """ID, without which some servers refuse all else (RFC 2971), and NAMESPACE."""
        begun = []
        if self._client.has("ID"):
            begun.append(self._client.begin("ID", b'("name" "mailbox-agent")'))
        if self._client.has("NAMESPACE", "IMAP4REV2"):
            begun.append(self._client.begin("NAMESPACE"))
        return begun

    def _begin_listing(self) -> Begun | None:
        """LIST with the counts (RFC 5819) where the server can; None where INBOX is enough."""
        if self._account.folders == "inbox":
            return None
        if not self._client.has("LIST-STATUS", "IMAP4REV2"):
            return self._client.begin("LIST", *_EVERYTHING)
        special = b"SPECIAL-USE " if self._client.has("SPECIAL-USE", "IMAP4REV2") else b""
        wanted = b"RETURN (%bSTATUS (%b))" % (special, self._items())
        return self._client.begin("LIST", *_EVERYTHING, wanted)

    def _begin_special_use(self) -> Begun | None:
        """XLIST, as servers have it that knew of special use before RFC 6154."""
        if not self._client.has("XLIST") or self._client.has("SPECIAL-USE", "IMAP4REV2"):
            return None
        return self._client.begin("XLIST", *_EVERYTHING)

    def _finish_listing(self, begun: Begun) -> list[Listed]:
        extended = self._client.has("LIST-STATUS", "IMAP4REV2")
        status, text = self._client.finish(begun)
        if status != "OK" and extended:
            self._client.forget("LIST")
            status, text = self._client.command("LIST", *_EVERYTHING)
        if status != "OK":
            raise refused(text, kind_of_imap(text, FailureKind.PROTOCOL), "LIST")
        told = self._client.take("STATUS")
        self._counts |= statuses(told if extended else [])
        # INBOX is there even where nothing is listed (RFC 9051, section 5.1).
        return listed(self._client.take("LIST")) or [_INBOX]

    def _finish_special_use(self, begun: Begun, found: Sequence[Listed]) -> list[Listed]:
        self._client.finish(begun)
        told = {each.name: each.attributes for each in listed(self._client.take("XLIST"))}
        return [
            replace(each, attributes=each.attributes | told.get(each.name, frozenset()))
            for each in found
        ]

    def _personal(self, found: Sequence[Listed]) -> dict[bytes, Folder]:
        """The folders whose counts matter: this mailbox's own, selectable, asked for."""
        told = namespaces(self._client.take("NAMESPACE"))
        own = [each for each in found if each.selectable and told.is_own(each)]
        role_of = roles(own)
        named = {each.name: Folder(displayed(each.name), role_of.get(each.name)) for each in own}
        wanted = self._account.folders
        return {
            name: each for name, each in named.items() if is_needed(each, wanted, gmail=self._gmail)
        }

    def _ask_for_missing(self, found: Mapping[bytes, Folder]) -> None:
        """STATUS for each folder that LIST gave no counts for, many on their way at once."""
        missing = [name for name in found if name not in self._counts and is_quotable(name)]
        if len(missing) <= MOST_ASKED:
            refused_names = self._ask_for(missing, self._items())
            self._ask_for(refused_names, _BASIC_ITEMS)

    def _ask_for(self, names: Sequence[bytes], items: bytes) -> list[bytes]:
        """The names for which the server did not understand the question."""
        misunderstood = []
        for start in range(0, len(names), MOST_PIPELINED):
            begun = [
                (name, self._client.begin("STATUS", quote_bytes(name), b"(%b)" % items))
                for name in names[start : start + MOST_PIPELINED]
            ]
            misunderstood += [name for name, each in begun if self._client.finish(each)[0] == "BAD"]
        self._counts |= statuses(self._client.take("STATUS"))
        return misunderstood

    def _items(self) -> bytes:
        """What STATUS can tell: the size (RFC 8438) or what tells that it has not changed."""
        items = [_BASIC_ITEMS]
        if self._client.has("STATUS=SIZE", "IMAP4REV2"):
            items = [b"MESSAGES UNSEEN SIZE"]
        if self._client.has("QUOTA=RES-STORAGE"):
            items.append(b"DELETED-STORAGE")
        elif self._client.has("QUOTA=RES-MESSAGE", "IMAP4REV2"):
            items.append(b"DELETED")
        return b" ".join(items)

    def _measure(
        self, found: Mapping[bytes, Folder], memory: Memory, patience: int
    ) -> Learned | None:
        """Sum up the sizes that STATUS did not tell; what was learned is to be remembered."""
        counts = {name: self._counts.get(name, {}) for name in found}
        unsized = {
            name: told
            for name, told in counts.items()
            if b"MESSAGES" in told and b"SIZE" not in told and is_quotable(name)
        }
        remembered = memory.folders(self._account.name) if unsized else None
        if remembered is None:
            return None
        self._client.hurry(MOST_OF_THE_TIME)
        sizer = Sizer(self._client, remembered, mailbox_id(self._account), patience)
        sizes, learned = sizer.measure(unsized)
        for name, size in sizes.items():
            self._counts[name] = {**self._counts[name], b"SIZE": size}
        if sizer.broken:
            self._client.shutdown()
        return learned if learned != Learned() else None

    def _has_quota(self) -> bool:
        return self._client.has("QUOTA") or self._client.has_family("QUOTA=")

    def _finish_quota(self, begun: Begun) -> QuotaAnswer:
        if not self._client.answered(begun):
            # What came before the reply to our question is no answer to it.
            self._client.take("QUOTAROOT")
            self._client.take("QUOTA")
        status, text = self._client.finish(begun)
        if status != "OK":
            return quota.refusal(status, text)
        try:
            return self._believed()
        except UnbelievableError:
            return QuotaAnswer(QuotaState.INVALID)

    def _believed(self) -> QuotaAnswer:
        roots = quota.named_roots(self._client.take("QUOTAROOT"))
        told = self._resources(roots)
        untold = [root for root in roots if root not in told]
        quota.assert_askable(untold)
        begun = [(root, self._client.begin("GETQUOTA", quote_bytes(root))) for root in untold]
        denied = [root for root, each in begun if self._is_denied(each)]
        told |= self._resources(roots) if begun else {}
        return quota.answer(told.values(), denied)

    def _is_denied(self, begun: Begun) -> bool:
        status, text = self._client.finish(begun)
        return status != "OK" and quota.root_is_denied(text)

    def _resources(self, roots: Sequence[bytes]) -> dict[bytes, quota.Resources]:
        return quota.resources(self._client.take("QUOTA"), roots, self._account.zero_limit)
