"""Three dozen mailboxes with a past, for the pictures: what each held, day by day, until now."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GIB = 1024**3
DAY = 86400
CERTIFICATE = 41  # days until it ends
MESSAGE = 6 * 1024**2  # bytes of one: few files will do


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox: where it is, its limit, how full it was `ago` days before now, as a share.

    `folders` are shares of what it holds; `outages` spans of days ago in which polls failed.
    """

    name: str
    server: str
    limit: int
    share: Callable[[float], float]
    agent: str
    folders: Mapping[str, float] = field(default_factory=lambda: {"INBOX": 1.0})
    outages: tuple[tuple[float, float, str], ...] = ()
    works: bool = True
    pace: float = 0.0  # a day, of the limit; for the forecast of the past

    def used(self, ago: float) -> int:
        """Bytes that it held so many days ago."""
        return int(self.share(ago) * self.limit)

    def failing(self, ago: float) -> str | None:
        """Why polls failed at that time, if they did."""
        return next((why for start, end, why in self.outages if end <= ago <= start), None)


def steady(now: float, a_day: float) -> Callable[[float], float]:
    """Grow on working days, a little by night."""

    def share(ago: float) -> float:
        return max(now - a_day * (ago + 0.12 * math.sin(2 * math.pi * ago)), 0.01)

    return share


def cleaned(now: float, a_day: float, when: float, freed: float) -> Callable[[float], float]:
    """Grow, with one clean-up."""
    before = steady(now, a_day)
    return lambda ago: before(ago) + (freed if ago > when else 0.0)


def burst(now: float, when: float, size: float) -> Callable[[float], float]:
    """Stay as it is, but for one day with much mail."""
    before = steady(now, 0.0004)
    return lambda ago: before(ago) - size * min(max((ago - when) * 2, 0.0), 1.0)


USUAL = {"INBOX": 0.46, "Sent": 0.21, "Archive": 0.17, "Trash": 0.12, "Junk": 0.04}
HEAVY = {
    "INBOX": 0.31,
    "Archive/2025": 0.27,
    "Sent": 0.18,
    "Trash": 0.16,
    "Junk": 0.05,
    "Drafts": 0.03,
}
IMAP, OTHER, POP = "imap.example.com:993", "mail.example.org:993", "pop.example.net:995"
FIRST, SECOND = "mail-agent-0:9143", "mail-agent-1:9143"

_NOTED = (
    Mailbox("support", IMAP, 8 * GIB, cleaned(0.874, 0.0132, 19.4, 0.21), FIRST, HEAVY,
            outages=((11.3, 11.1, "timeout"), (4.2, 4.05, "timeout")), pace=0.0132),
    Mailbox("invoices", IMAP, 4 * GIB, steady(1.004, 0.021), FIRST, USUAL),
    Mailbox("sales", OTHER, 6 * GIB, steady(0.963, 0.0141), SECOND, USUAL),
    Mailbox("scans", POP, 2 * GIB, steady(0.781, 0.0402), SECOND),
    Mailbox("board", OTHER, 2 * GIB, burst(0.912, 2.0, 0.18), SECOND, USUAL),
    Mailbox("press", IMAP, 3 * GIB, steady(0.693, 0.0218), FIRST, USUAL),
    Mailbox("backup-reports", OTHER, GIB, steady(0.831, 0.0107), SECOND),
    Mailbox("old-scanner", POP, GIB, steady(0.4, 0.001), SECOND,
            outages=((1.6, 0.0, "auth"),), works=False),
    Mailbox("warehouse", OTHER, 2 * GIB, steady(0.52, 0.003), SECOND, USUAL,
            outages=((5.9, 5.6, "connect"), (2.3, 2.15, "connect"), (0.4, 0.31, "throttled"))),
)  # fmt: skip
_OTHERS = [
    "accounts",
    "anna",
    "ben",
    "board-minutes",
    "careers",
    "carla",
    "compliance",
    "contact",
    "daniel",
    "dev-lists",
    "elena",
    "events",
    "facilities",
    "felix",
    "grants",
    "helpdesk",
    "ida",
    "it-ops",
    "jonas",
    "legal",
    "lena",
    "marketing",
    "max",
    "newsletter",
    "nora",
    "office",
    "orders",
]


def everybody() -> list[Mailbox]:
    """All of them, the same at every call."""
    chance = random.Random(5)
    places = ((IMAP, FIRST), (OTHER, SECOND))
    quiet = [
        Mailbox(
            name,
            server,
            chance.choice((1, 2, 4)) * GIB,
            steady(chance.betavariate(2, 3) * 0.78, chance.uniform(0.0001, 0.0025)),
            agent,
            USUAL,
        )
        for name in _OTHERS
        for server, agent in (chance.choice(places),)
    ]
    return [*_NOTED, *quiet]
