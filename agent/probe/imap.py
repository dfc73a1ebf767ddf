"""One poll over IMAP: log in, ask for everything in one round trip, leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model import FailureKind, QuotaState, Reading
from agent.probe import quota
from agent.probe.failures import kind_of_imap, refused
from agent.probe.folders import folder, is_needed, totals
from agent.probe.imap_client import Client, quote_bytes
from agent.probe.imap_replies import Listed, foreign_prefixes, listed, statuses
from agent.probe.quota import QuotaAnswer, UnbelievableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.config.accounts import ImapAccount
    from agent.probe.imap_client import Begun
    from agent.probe.imap_replies import Counts
    from agent.probe.wire import Wire

MOST_PIPELINED = 100  # commands on their way at once: more could fill both sides' buffers


def read(account: ImapAccount, wire: Wire, password: str) -> Reading:
    """What the mailbox holds and may hold, over a connected wire.

    Raises:
        ProbeError, OSError, imaplib.IMAP4.error: the poll failed.
    """
    client = Client(wire)
    wire.stage = "login"
    if account.tls == "starttls":
        client.upgrade(account.ca_file)
    client.log_in(account.username, password)
    wire.stage = "reading"
    reading = _Mailbox(account, client).read()
    client.leave()
    return reading


class _Mailbox:
    """The questions to a logged-in server, and what becomes of the answers."""

    def __init__(self, account: ImapAccount, client: Client) -> None:
        self._account = account
        self._client = client
        self._gmail = client.has("X-GM-EXT-1")
        self._counts: dict[bytes, Counts] = {}

    def read(self) -> Reading:
        """Ask for all at once, then take the replies in the order of the questions."""
        small_talk = self._begin_small_talk()
        listing = self._begin_listing()
        limits = self._client.begin("GETQUOTAROOT", b"INBOX") if self._has_quota() else None
        for begun in small_talk:
            self._client.finish(begun)
        found = self._finish_listing(listing) if listing else [Listed(b"INBOX", frozenset())]
        answer = self._finish_quota(limits) if limits else QuotaAnswer(QuotaState.UNSUPPORTED)
        return self._reading(answer, self._personal(found))

    def _reading(self, answer: QuotaAnswer, found: Sequence[Listed]) -> Reading:
        self._ask_for_missing([each for each in found if each.name not in self._counts])
        folders = [folder(each, self._counts.get(each.name, {})) for each in found]
        counted = totals(folders, self._account.folders, gmail=self._gmail)
        return Reading(
            quota_state=answer.state,
            quotas=answer.quotas,
            folders=counted.folders,
            size_bytes=counted.size_bytes,
            messages=counted.messages,
            unread=counted.unread,
            reclaimable=counted.reclaimable,
        )

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
        everything = (b'""', b'"*"')
        if not self._client.has("LIST-STATUS", "IMAP4REV2"):
            return self._client.begin("LIST", *everything)
        special = b"SPECIAL-USE " if self._client.has("SPECIAL-USE", "IMAP4REV2") else b""
        wanted = b"RETURN (%bSTATUS (%b))" % (special, self._items())
        return self._client.begin("LIST", *everything, wanted)

    def _finish_listing(self, begun: Begun) -> list[Listed]:
        status, text = self._client.finish(begun)
        if status != "OK" and self._client.has("LIST-STATUS", "IMAP4REV2"):
            status, text = self._client.command("LIST", b'""', b'"*"')
        if status != "OK":
            raise refused(text, kind_of_imap(text, FailureKind.PROTOCOL), "LIST")
        self._counts |= statuses(self._client.take("STATUS"))
        return listed(self._client.take("LIST"))

    def _personal(self, found: Sequence[Listed]) -> list[Listed]:
        """The folders whose counts matter: this mailbox's own, selectable, asked for."""
        foreign = foreign_prefixes(self._client.take("NAMESPACE"))
        return [
            each
            for each in found
            if each.selectable
            and not each.name.startswith(foreign)
            and is_needed(each, self._account.folders, gmail=self._gmail)
        ]

    def _ask_for_missing(self, missing: Sequence[Listed]) -> None:
        """STATUS for each folder that LIST gave no counts for, many on their way at once."""
        for start in range(0, len(missing), MOST_PIPELINED):
            begun = [
                self._client.begin("STATUS", quote_bytes(each.name), b"(%b)" % self._items())
                for each in missing[start : start + MOST_PIPELINED]
            ]
            for each in begun:
                self._client.finish(each)
        self._counts |= statuses(self._client.take("STATUS"))

    def _items(self) -> bytes:
        sized = self._client.has("STATUS=SIZE", "IMAP4REV2")
        return b"MESSAGES UNSEEN SIZE" if sized else b"MESSAGES UNSEEN"

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
        begun = [(root, self._client.begin("GETQUOTA", quote_bytes(root))) for root in untold]
        denied = [root for root, each in begun if self._is_denied(each)]
        told |= self._resources(roots) if begun else {}
        return quota.answer(told.values(), denied)

    def _is_denied(self, begun: Begun) -> bool:
        status, text = self._client.finish(begun)
        return status != "OK" and quota.root_is_denied(text)

    def _resources(self, roots: Sequence[bytes]) -> dict[bytes, quota.Resources]:
        return quota.resources(self._client.take("QUOTA"), roots, self._account.zero_limit)
