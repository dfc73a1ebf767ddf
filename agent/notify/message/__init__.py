"""What to say: notifications become one text, for operators or for the owner of a mailbox.

Figures are rounded down, so that 94.6 % never reads 95 and nothing below its limit reads 100.
"""

from __future__ import annotations

from agent.notify.message.compose import Message, compose, compose_owner
from agent.notify.message.style import Language, Style
from agent.notify.message.subject import REFERENCE_LENGTH
from agent.notify.message.view import percent

__all__ = [
    "REFERENCE_LENGTH",
    "Language",
    "Message",
    "Style",
    "compose",
    "compose_owner",
    "percent",
]
